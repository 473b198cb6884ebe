"""One run as plug-ins see it: asynchronous nodes, progress, pause and resume, notifications, threads."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from search_by_image.errors import NotAnImageError, PipelineError, UnknownNameError
from search_by_image.plugins import Host, PipelineProcesser, PipelineRouter, Registry
from search_by_image.run import Run, RunStatus
from search_by_image.walk import Listeners
from search_by_image.workshop import Workshop

SOON = 10
GIVE_UP = 0.02


class Step(PipelineProcesser):
    """Appends the node's id; calls what the context has for the node first."""

    @classmethod
    def processer_name(cls):
        return "Step"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context.get("hooks", {}).get(context["node_id"], lambda run: None)(pipeline_obj)
        return [*input_data, context["node_id"]]


class Later(Step):
    """Does the same asynchronously: `context["report"](run, node_id, output)` reports, in a thread of its own."""

    @classmethod
    def processer_name(cls):
        return "Later"

    @classmethod
    def is_asyn(cls):
        return True

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        arguments = (pipeline_obj, context["node_id"], [*input_data, context["node_id"]])
        thread = threading.Thread(target=context.get("report", reports), args=arguments)
        context.setdefault("threads", []).append(thread)
        thread.start()
        return "ignored"


class AtOnce(Later):
    """Reports before `execute` returns."""

    @classmethod
    def processer_name(cls):
        return "AtOnce"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context.get("report", reports)(pipeline_obj, context["node_id"], [*input_data, context["node_id"]])


class GoTo(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "GoTo"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, *, to):
        context.setdefault("asked", []).append(output)
        return to


def reports(run, node_id, output):
    run.asyn_node_feeback(node_id, output)


def define(*nodes, **limits):
    """`nodes`: a processor's name, or a name and the node's other keys."""
    registry = Registry()
    for plugin in (Step, Later, AtOnce, GoTo):
        registry.add(plugin)
    pairs = [(node, {}) if isinstance(node, str) else node for node in nodes]
    config = {str(n): {"name": f"node {n}", "processor": p, **more} for n, (p, more) in enumerate(pairs, 1)}
    return Workshop(registry, Host(), {}, **limits).pipelines({"P": json.dumps(config)})["P"]


def start(definition, context=None, **options):
    """The finished run and its outcome."""
    run = Run(definition, **options)
    return run, run.start([], context if context is not None else {})


def statuses(run):
    return [(trace["node_id"], trace["status"]) for trace in run.trace_list]


def hook(node_id, work):
    return {"hooks": {node_id: work}}


# Starting


def test_a_run_has_its_life():
    run = Run(define("Step", "Step"))
    seen = []
    assert (run.name, run.status, run.context, run.trace_list, run.error) == ("P", "init", {}, [], None)
    context = hook("1", lambda run: seen.append((run.status, run.context is context)))
    assert run.start([], context) == ("success", ["1", "2"])
    assert (seen, run.status, run.context is context) == ([("running", True)], RunStatus.SUCCESS, True)
    assert run.trace_list is context["trace_list"]


def test_a_failed_run_tells_its_status_and_its_error():
    run, outcome = start(define("Step", "Step"), hook("2", lambda run: 1 / 0))
    assert outcome == ("exception", None)
    assert str(run.error) == "Pipeline 'P': node 'node 2' failed (ZeroDivisionError); the log says more."
    assert isinstance(run.error.__cause__, ZeroDivisionError)
    assert statuses(run) == [("1", "S"), ("2", "E")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_failure_of_a_node_leaves_a_run_that_can_go_on(error):
    def leave(run):
        raise error

    run, context = Run(define("Step", "Step")), hook("2", leave)
    with pytest.raises(error):
        run.start([], context)
    assert run.status == "exception"
    context["hooks"].clear()
    assert run.resume() == ("success", ["1", "2"])


def test_a_run_is_started_once():
    run = Run(define("Step"))
    with pytest.raises(PipelineError, match="'P': cannot be started, its status is running"):
        run.start([], hook("1", lambda run: run.start([], {}))) and run.error is None
        raise run.error
    with pytest.raises(PipelineError, match="cannot be started, its status is exception"):
        run.start([], {})


def test_the_context_holds_all_from_the_beginning():
    told = []

    def begins(name, node_id, node_name):
        told.append({key: run.context[key] for key in ("node_id", "node_status", "total", "done", "trace_list")})

    run = Run(define("Step"), listeners=Listeners(node_begins=begins))
    run.begin([], None)
    assert set(run.context) == {"trace_list", "node_id", "node_status", "start_time", "total", "done"}
    assert (run.context["node_id"], run.context["node_status"]) == ("1", "I")
    run.proceed()
    assert told == [{"node_id": "1", "node_status": "R", "total": 0, "done": 0, "trace_list": run.trace_list}]


def test_circles_end_and_can_go_on():
    definition = define(("Step", {"router": "GoTo", "router_para": {"to": "1"}}), max_steps=5)
    run, outcome = start(definition)
    assert outcome[0] == "exception"
    assert "took 5 steps" in str(run.error)
    assert run.resume()[0] == "exception"
    assert len(run.trace_list) == 10


# What plug-ins find


def test_a_plugin_finds_nodes_plugins_and_the_log(caplog):
    found = []

    def look(run):
        found.extend([run.find_node("node 2"), run.find_node("none"), list(run.pipeline)])
        found.extend(
            [run.get_plugin("processer", "Step"), run.get_plugin("router", "GoTo"), run.get_plugin("router", "x")]
        )
        for log in (run.log_debug, run.log_info, run.log_warning, run.log_error):
            log("at %s", run.context["node_id"])

    caplog.set_level(logging.DEBUG, "search_by_image.walk")
    _, outcome = start(define("Step", "Step"), hook("1", look))
    assert outcome[0] == "success"
    assert found == ["2", None, ["1", "2"], Step, GoTo, None]
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO", "WARNING", "ERROR"]
    assert {record.message for record in caplog.records} == {"at 1"}


def test_an_asynchronous_plugin_finds_the_same():
    def report(run, node_id, output):
        run.asyn_node_feedback(node_id, [run.name, run.get_plugin("processor", "Step"), run.status])

    assert start(define("Later"), {"report": report})[1] == ("success", ["P", Step, "running"])


def test_a_kind_of_plugin_that_does_not_exist_is_an_error():
    with pytest.raises(UnknownNameError, match=r"no kind of plug-in named 'predealer'. Known: processer, router"):
        Run(define("Step")).get_plugin("predealer", "x")


def test_a_logger_may_be_given():
    given = logging.getLogger("given")
    assert Run(define("Step"), logger=given).logger is given


# Progress


@pytest.mark.parametrize("report", ["node_process_feeback", "node_process_feedback"])
def test_progress_is_told_by_node(report):
    seen = []

    def work(run):
        seen.append(run.get_node_process("1"))
        getattr(run, report)("1", 10, 0)
        getattr(run, report)("1", done=4)
        getattr(run, report)("2", 7, 7)
        seen.append((run.get_node_process("1"), run.context["total"], run.context["done"]))

    run, _ = start(define("Step", "Step"), hook("1", work))
    assert seen == [(0, 0), ((10, 4), 10, 4)]
    assert (run.get_node_process("1"), run.get_node_process("2")) == ((10, 4), (0, 0))
    assert (run.context["total"], run.context["done"]) == (0, 0)


@pytest.mark.parametrize("call", [lambda run: run.get_node_process("3"), lambda run: run.node_process_feeback("3", 1)])
def test_progress_of_an_unknown_node_is_an_error(call):
    with pytest.raises(PipelineError, match="'P': has no node '3'; there are 1, 2"):
        call(Run(define("Step", "Step")))


# Asynchronous nodes


@pytest.mark.parametrize("kind", ["Later", "AtOnce"])
def test_an_asynchronous_node_is_waited_for(kind):
    run, outcome = start(define("Step", kind, "Step"))
    assert outcome == ("success", ["1", "2", "3"])
    assert statuses(run) == [("1", "S"), ("2", "S"), ("3", "S")]


@pytest.mark.parametrize("kind", ["Later", "AtOnce"])
def test_feedback_brings_output_and_context(kind):
    def report(run, node_id, output):
        run.asyn_node_feeback(node_id, output, "S", "done", {"found": 3, "mark": "feedback"})

    context = {"report": report}
    _, outcome = start(define((kind, {"context": {"mark": "node"}}), "Step"), context)
    assert outcome == ("success", ["1", "2"])
    assert (context["found"], context["mark"]) == (3, "feedback")


@pytest.mark.parametrize("kind", ["Later", "AtOnce"])
def test_a_failure_that_is_reported_asks_the_exception_router(kind):
    def report(run, node_id, output):
        run.asyn_node_feeback(node_id, output, "E", "too dark", {"why": "dark"})

    jump = {"exception_router": "GoTo", "exception_router_para": {"to": "3"}}
    context = {"report": report}
    run, outcome = start(define("Step", (kind, jump), "Step"), context)
    assert outcome == ("success", ["1", "3"])
    assert (context["asked"], context["why"]) == ([["1"]], "dark")
    assert (run.trace_list[1]["status"], run.trace_list[1]["status_msg"]) == ("E", "too dark")


def test_a_failure_that_is_reported_ends_the_run_without_an_exception_router(caplog):
    run, outcome = start(define("AtOnce"), {"report": lambda run, id_, _: run.asyn_node_feeback(id_, status="E")})
    assert outcome == ("exception", None)
    assert str(run.error) == "Pipeline 'P': node 'node 1' failed (RuntimeError); the log says more."
    assert "the node reported a failure and no message" in caplog.text


def test_an_exception_given_as_output_keeps_its_type():
    error = NotAnImageError("a text")
    pipeline = define("Later")
    with pytest.raises(NotAnImageError) as caught:
        pipeline.run([], {"report": lambda run, id_, _: run.asyn_node_feeback(id_, error, "E")})
    assert caught.value is error


def test_what_execute_raises_keeps_its_type():
    class Raises(AtOnce):
        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            pipeline_obj.context["late"] = pipeline_obj
            raise context["error"]

    registry = Registry()
    registry.add(Raises)
    pipeline = Workshop(registry, Host(), {}).pipelines({"P": {"1": {"processor": "AtOnce"}}})["P"]
    with pytest.raises(NotAnImageError):
        pipeline.run([], {"error": NotAnImageError("a text")})
    with pytest.raises(PipelineError, match=r"node '1' failed \(TimeoutError\)"):
        pipeline.run([], {"error": TimeoutError("the plug-in's own")})


def test_feedback_after_execute_raised_is_late(caplog):
    def report(run, node_id, output):
        late.append(run)
        raise ValueError("no")

    late = []
    _, outcome = start(define("AtOnce"), {"report": report})
    assert outcome == ("exception", None)
    late[0].asyn_node_feeback("1", [])
    assert "late or twice" in caplog.text


def test_vectors_come_out_of_asynchronous_nodes():
    def report(run, node_id, output):
        run.asyn_node_feeback(node_id, {"vertor": np.array([1, 2]), "collection": "pets"})

    class Vector(Later):
        @classmethod
        def processer_name(cls):
            return "Vector"

        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            threading.Thread(target=report, args=(pipeline_obj, context["node_id"], None)).start()

    registry = Registry()
    registry.add(Vector)
    made = Workshop(registry, Host(), {}).pipelines({"P": {"1": {"processor": "Vector"}}})["P"].extract(b"")
    assert (made.vector.tolist(), made.collection) == ([1, 2], "pets")


def test_a_node_that_gives_no_feedback_fails_after_its_time(caplog):
    late = []
    jump = {"exception_router": "GoTo", "exception_router_para": {"to": "2"}}
    definition = define(("Later", jump), "Step", node_timeout=GIVE_UP)
    run, outcome = start(definition, {"report": lambda run, id_, output: late.append((run, output))})
    assert outcome == ("success", ["2"])
    assert run.trace_list[0]["status_msg"] == (
        "Pipeline 'P': node 'node 1' gave no feedback within 0.02 seconds (node_timeout)."
    )
    ((attempt, output),) = late
    attempt.asyn_node_feeback("1", output)
    run.asyn_node_feeback("1", output)
    assert caplog.text.count("node 1 gave its feedback late or twice; it is ignored") == 2
    assert run.status == "success"


def test_a_timeout_without_an_exception_router_ends_the_run():
    pipeline = define("Later", node_timeout=GIVE_UP)
    with pytest.raises(PipelineError, match=r"gave no feedback within 0\.02 seconds"):
        pipeline.run([], {"report": lambda *_: None})


def test_late_feedback_does_not_pass_for_the_next_attempts(caplog):
    """The first attempt reports only when the second one runs."""
    attempts = []

    def report(run, node_id, output):
        attempts.append(run)
        if len(attempts) == 2:
            attempts[0].asyn_node_feeback(node_id, ["late"], "E", "late")
            attempts[1].asyn_node_feeback(node_id, ["right"])

    again = {"exception_router": "GoTo", "exception_router_para": {"to": "1"}}
    _, outcome = start(define(("AtOnce", again), node_timeout=GIVE_UP), {"report": report})
    assert outcome == ("success", ["right"])
    assert caplog.text.count("ignored") == 1


def test_of_two_reports_the_first_counts(caplog):
    def report(run, node_id, output):
        run.asyn_node_feeback(node_id, "first", context={"which": 1})
        run.asyn_node_feeback(node_id, "second", "E", context={"which": 2})

    context = {"report": report}
    assert start(define("AtOnce"), context)[1] == ("success", "first")
    assert context["which"] == 1
    assert "ignored" in caplog.text


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda run: run.asyn_node_feeback("2", []), "awaits no feedback of a node '2'; awaited: 1"),
        (lambda run: run.asyn_node_feeback("9", []), "awaits no feedback of a node '9'; awaited: 1"),
        (lambda run: run.asyn_node_feeback("1", [], "R"), "got the feedback status 'R': give 'S' or 'E'"),
    ],
)
def test_feedback_that_cannot_be_meant_is_refused(call, told):
    refused = []

    def report(run, node_id, output):
        with pytest.raises(PipelineError, match=told) as caught:
            call(run)
        refused.append(caught.value)
        run.asyn_node_feeback(node_id, output)

    assert start(define("Later", "Later"), {"report": lambda *a: report(*a) if not refused else reports(*a)})[1] == (
        "success",
        ["1", "2"],
    )
    assert len(refused) == 1


def test_a_synchronous_node_takes_no_feedback():
    run = Run(define("Step"))
    run.start([], {})
    with pytest.raises(PipelineError, match="awaits no feedback of a node '1'; awaited: none"):
        run.asyn_node_feeback("1", [])


def test_feedback_may_come_through_the_run_itself():
    run = Run(define("Later", "Step"))
    context = {"report": lambda _, node_id, output: run.asyn_node_feedback(node_id, output)}
    assert run.start([], context) == ("success", ["1", "2"])


# Pause and resume


def test_a_plugin_pauses_before_the_next_node():
    run, outcome = start(define("Step", "Step", "Step"), hook("1", lambda run: run.pause()))
    assert outcome == ("pause", ["1"])
    assert (run.status, run.context["node_id"], run.context["node_status"]) == ("pause", "2", "I")
    assert run.resume() == ("success", ["1", "2", "3"])
    assert statuses(run) == [("1", "S"), ("2", "S"), ("3", "S")]


def test_a_pause_in_the_last_node_changes_nothing():
    assert start(define("Step"), hook("1", lambda run: run.pause()))[1] == ("success", ["1"])


def test_a_notification_may_pause_and_a_router_is_still_asked():
    listeners = Listeners(node_ended=lambda name, node_id, *_: run.pause())
    run = Run(define(("Step", {"router": "GoTo", "router_para": {"to": "3"}}), "Step", "Step"), listeners=listeners)
    assert run.start([], {}) == ("pause", ["1"])
    assert run.context["node_id"] == "3"
    assert run.resume() == ("success", ["1", "3"])


def test_another_thread_pauses_while_a_node_is_awaited():
    begun, run = threading.Event(), Run(define("Later", "Step"))

    def report(attempt, node_id, output):
        begun.set()
        paused.wait(SOON)
        attempt.asyn_node_feeback(node_id, output)

    paused = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(run.start, [], {"report": report})
        assert begun.wait(SOON)
        run.pause()
        paused.set()
        assert outcome.result(SOON) == ("pause", ["1"])
        assert threads.submit(run.resume).result(SOON) == ("success", ["1", "2"])


def test_the_failed_node_runs_again_with_the_same_input():
    calls = []

    def fail_twice(run):
        calls.append(list(run.context["trace_list"]))
        if len(calls) < 3:
            raise ValueError("not yet")

    run, outcome = start(define("Step", "Step", "Step"), hook("2", fail_twice))
    assert outcome == ("exception", None)
    assert run.resume() == ("exception", None)
    assert run.resume() == ("success", ["1", "2", "3"])
    assert statuses(run) == [("1", "S"), ("2", "E"), ("2", "E"), ("2", "S"), ("3", "S")]
    assert run.error is None


def test_the_node_of_a_failed_router_runs_again():
    run, outcome = start(define("Step", ("Step", {"router": "GoTo", "router_para": {"to": "9"}})))
    assert outcome == ("exception", None)
    assert run.resume() == ("exception", None)
    assert run.context["asked"] == [["1", "2"], ["1", "2"]]


@pytest.mark.parametrize(
    ("made", "verb", "status"),
    [
        (lambda: Run(define("Step")), "pause", "init"),
        (lambda: Run(define("Step")), "resume", "init"),
        (lambda: start(define("Step"))[0], "pause", "success"),
        (lambda: start(define("Step"))[0], "resume", "success"),
        (lambda: start(define("Step", "Step"), hook("1", lambda run: run.pause()))[0], "pause", "pause"),
    ],
)
def test_a_pause_and_a_resume_need_their_status(made, verb, status):
    with pytest.raises(PipelineError, match=f"cannot be {verb}d, its status is {status}"):
        getattr(made(), verb)()


def test_a_running_run_cannot_be_resumed():
    run, outcome = start(define("Step"), hook("1", lambda run: run.resume()))
    assert outcome[0] == "exception"
    assert "cannot be resumed, its status is running" in str(run.error)


def test_a_pause_where_nobody_can_resume_is_an_error():
    with pytest.raises(PipelineError, match="was paused by a plug-in, but runs where nobody could resume it"):
        define("Step", "Step").run([], hook("1", lambda run: run.pause()))


# Notifications


def test_nodes_are_announced_and_reported():
    told = []
    listeners = Listeners(
        ended=lambda *facts: told.append(("ended", *facts)),
        node_begins=lambda *facts: told.append(("begins", *facts)),
        node_ended=lambda *facts: told.append(("node", *facts)),
    )
    jump = {"exception_router": "GoTo", "exception_router_para": {"to": "2"}}
    context = hook("1", lambda run: {}["missing"])
    start(define(("Step", jump), "Step"), context, listeners=listeners)
    assert told == [
        ("begins", "P", "1", "node 1"),
        ("node", "P", "1", "node 1", "E", "'missing'"),
        ("begins", "P", "2", "node 2"),
        ("node", "P", "2", "node 2", "S", ""),
    ]


def test_a_notification_that_raises_is_logged_and_breaks_nothing(caplog):
    def fails(*_):
        raise ValueError("no listener")

    run = Run(define("Step", "Step"), asynchronous=True, listeners=Listeners(fails, fails, fails))
    assert run.start([], {}) is None
    assert run.wait(SOON) == "success"
    assert caplog.text.count("pipeline P, a notification failed") == 5


# Asynchronous runs


def test_an_asynchronous_run_answers_at_once_and_tells_its_end():
    told, go = [], threading.Event()
    run = Run(define("Step", "Later"), asynchronous=True, listeners=Listeners(ended=lambda *facts: told.append(facts)))
    context = hook("1", lambda run: go.wait(SOON))
    assert run.start([], context) is None
    assert run.status == "running"
    go.set()
    assert run.wait(SOON) == "success"
    assert told == [("P", "success", context, ["1", "2"])]


def test_an_asynchronous_run_that_pauses_tells_nothing_until_its_end():
    told = []
    run = Run(
        define("Step", "Step"), asynchronous=True, listeners=Listeners(ended=lambda *facts: told.append(facts[1::2]))
    )
    run.start([], hook("1", lambda run: run.pause()))
    assert run.wait(SOON) == "pause"
    assert told == []
    assert run.resume() is None
    assert run.wait(SOON) == "success"
    assert told == [("success", ["1", "2"])]


def test_an_asynchronous_run_that_fails_tells_so():
    told, failures = [], [1]
    run = Run(define("Step"), asynchronous=True, listeners=Listeners(ended=lambda *facts: told.append(facts[1::2])))
    run.start([], hook("1", lambda run: failures.pop() and 1 / 0 if failures else None))
    assert run.wait(SOON) == "exception"
    run.resume()
    assert run.wait(SOON) == "success"
    assert told == [("exception", None), ("success", ["1"])]


def test_a_run_that_was_not_started_has_nothing_to_wait_for():
    assert Run(define("Step")).wait() == "init"


def test_many_threads_run_one_definition_with_all_there_is():
    """Asynchronous runs with an asynchronous node, an exception router, a pause and a resume: 1,000 from 8 threads."""
    jump = {"exception_router": "GoTo", "exception_router_para": {"to": "4"}}
    definition = define(("Step", {"context": {"list": []}}), "AtOnce", ("Step", jump), "Step", "Step")

    def pause(run):
        run.context["list"].append(run.context["mine"])
        run.pause()

    def fail(run):
        raise ValueError(run.context["mine"])

    def once(number):
        told = []
        hooks = {"1": pause, **({"3": fail} if number % 2 else {})}
        run = Run(definition, asynchronous=True, listeners=Listeners(ended=lambda *facts: told.append(facts)))
        run.start([number], {"mine": number, "hooks": hooks})
        paused = run.wait(SOON), list(told)
        run.resume()
        ended = run.wait(SOON)
        ((_, status, context, output),) = told
        return paused, ended, status, output, context["list"], context["mine"], statuses(run)

    def expected(number):
        failed = number % 2 == 1
        visited = ["1", "2", *([] if failed else ["3"]), "4", "5"]
        traced = [("1", "S"), ("2", "S"), ("3", "E" if failed else "S"), ("4", "S"), ("5", "S")]
        return ("pause", []), "success", "success", [number, *visited], [number], number, traced

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(once, range(1000)))
    assert results == [expected(number) for number in range(1000)]


def test_pausing_and_resuming_from_many_threads_loses_no_step():
    run = Run(define(*["Step"] * 200), asynchronous=True)
    run.start([], {})
    while run.status != "success":
        for act in (run.pause, run.resume):
            try:
                act()
            except PipelineError as error:
                assert "cannot be" in str(error)
    run.wait(SOON)
    assert [node for node, _ in statuses(run)] == [str(n) for n in range(1, 201)]
