"""Runs: the order of nodes, contexts, routers, failures, traces, vectors, and many threads on one definition."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from search_by_image.errors import ImageError, NotAnImageError, PipelineError, VectorMismatchError
from search_by_image.pipeline import Pipeline
from search_by_image.plugins import Features, Host, PipelineProcesser, PipelineRouter, Processor, Registry
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop

TRACE_KEYS = {
    "node_id",
    "node_name",
    "processor_name",
    "start_time",
    "end_time",
    "status",
    "status_msg",
    "router_name",
}


class Step(PipelineProcesser):
    """Notes that it was here, and what the context was."""

    @classmethod
    def processer_name(cls):
        return "Step"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        seen = {key: context.get(key) for key in ("node_id", "node_status", "mark", "total", "done")}
        return [*input_data, (context["node_id"], seen)]


class Fail(PipelineProcesser):
    """Fails as often as the context says, then lets its input pass."""

    @classmethod
    def processer_name(cls):
        return "Fail"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context["failures"] = context.get("failures", 0) + 1
        if context["failures"] <= context.get("times", 1):
            raise context.get("error", ValueError("secret text"))
        return input_data


class Spoil(PipelineProcesser):
    """Changes all that it can reach."""

    @classmethod
    def processer_name(cls):
        return "Spoil"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        output = [*input_data, list(context["list"])]
        context["list"].append("spoilt")
        context["more"] = "spoilt"
        return output


class MeanColour(PipelineProcesser):
    """As in the contract: bytes in, `vertor` out."""

    @classmethod
    def processer_name(cls):
        return "MeanColour"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        assert set(input_data) == {"image", "collection"}
        with Image.open(io.BytesIO(input_data["image"])) as image:
            mean = np.asarray(image.convert("RGB")).mean((0, 1))
        return {**input_data, "vertor": mean}


class Answer(PipelineProcesser):
    """Puts out what the context holds."""

    @classmethod
    def processer_name(cls):
        return "Answer"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return context["answer"]


class GoTo(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "GoTo"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        context.setdefault("asked", []).append((output, context["node_status"], pipeline_obj, kwargs))
        return kwargs.get("to")


class BadRouter(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "BadRouter"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        raise context.get("error", KeyError("secret text"))


class SpoilingRouter(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "SpoilingRouter"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, *, turns):
        context["turns"] = list(turns)
        turns.append("spoilt")


class Grey(Processor):
    dimension = 1
    metric = Metric.L2

    def process(self, image, context):
        return Features(np.asarray(image, np.float32).mean(keepdims=True)[0, 0])


class Colour(Processor):
    dimension = 3
    metric = Metric.COSINE


class Shrink(Processor):
    def process(self, image, context):
        return image.resize((1, 1))


def define(nodes, name="P", para=None):
    """`nodes`: in their order a processor's name, or a name and the node's other keys; or a dictionary of nodes."""
    registry = Registry()
    for plugin in (Step, Fail, Spoil, MeanColour, Answer, GoTo, BadRouter, SpoilingRouter, Grey, Colour, Shrink):
        registry.add(plugin)
    if not isinstance(nodes, dict):
        pairs = [(node, {}) if isinstance(node, str) else node for node in nodes]
        nodes = {str(n): {"name": f"node {n}", "processor": p, **more} for n, (p, more) in enumerate(pairs, 1)}
    return Workshop(registry, Host(), para or {}).pipelines({name: json.dumps(nodes)})[name]


def visited(output):
    return [id_ for id_, _ in output]


def coloured(red, green, blue):
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (red, green, blue)).save(buffer, "PNG")
    return buffer.getvalue()


# Order


def test_nodes_run_in_the_order_of_their_numbers():
    ids = ["10", "2", "12", "1", "11", "3", "9", "4", "8", "5", "7", "6"]
    pipeline = define({id_: {"processor": "Step"} for id_ in ids})
    in_order = [str(n) for n in range(1, 13)]
    assert visited(pipeline.run([], {})) == in_order
    assert [node.id for node in pipeline.nodes] == in_order


def test_an_output_is_the_next_input():
    assert [len(seen) for _, seen in define(["Step"] * 3).run([], {})] == [5, 5, 5]
    assert define(["Spoil"]).run(["first"], {"list": [1]}) == ["first", [1]]


def test_the_first_input_is_the_picture_and_the_collection():
    made = define(["MeanColour"]).extract(coloured(10, 20, 30), "pets")
    assert (made.vector.tolist(), made.collection) == ([10, 20, 30], "pets")


# Context


def test_a_nodes_context_is_merged_before_it_runs_and_stays():
    pipeline = define([("Step", {"context": {"mark": "a"}}), "Step", ("Step", {"context": {"mark": "b"}})])
    assert [seen["mark"] for _, seen in pipeline.run([], {"mark": "caller's"})] == ["a", "a", "b"]


def test_a_processor_finds_what_the_context_always_holds():
    for id_, seen in define(["Step", "Step"]).run([], {}):
        assert seen == {"node_id": id_, "node_status": "R", "mark": None, "total": 0, "done": 0}


def test_the_context_after_a_run():
    context = {"mine": 1}
    define(["Step", "Step"]).run([], context)
    assert context["mine"] == 1
    assert (context["node_id"], context["node_status"], context["total"], context["done"]) == ("2", "S", 0, 0)
    assert context["start_time"] == context["trace_list"][-1]["start_time"]


def test_a_run_leaves_nothing_in_the_definition():
    """The original's nodes shared one mutable context among all runs."""
    pipeline = define([("Spoil", {"context": {"list": [1]}}), ("Spoil", {"context": {"list": [2]}})])
    first, second = pipeline.run([], {}), pipeline.run([], {})
    assert first == second == [[1], [2]]
    assert [node.context for node in pipeline.nodes] == [{"list": [1]}, {"list": [2]}]


def test_a_context_that_was_used_before_starts_with_an_empty_trace():
    context = {}
    for _ in range(2):
        define(["Step"]).run([], context)
    assert len(context["trace_list"]) == 1


# Routers


def test_a_router_names_the_next_node():
    pipeline = define([("Step", {"router": "GoTo", "router_para": {"to": "3"}}), "Step", "Step"])
    assert visited(pipeline.run([], {})) == ["1", "3"]


def test_a_router_may_go_back_and_give_a_number():
    pipeline = define(["Step", ("Fail", {"exception_router": "GoTo", "exception_router_para": {"to": 1}}), "Step"])
    assert visited(pipeline.run([], {"times": 2})) == ["1", "1", "1", "3"]


def test_a_routers_none_ends_the_pipeline():
    pipeline = define([("Step", {"router": "GoTo"}), "Step"])
    assert visited(pipeline.run([], {})) == ["1"]


def test_a_router_of_the_last_node_is_asked():
    pipeline = define([("Fail", {"context": {"times": 0}}), ("Step", {"router": "GoTo", "router_para": {"to": None}})])
    context = {}
    pipeline.run([], context)
    assert len(context["asked"]) == 1


def test_a_router_sees_the_output_the_context_the_run_and_its_arguments():
    pipeline = define([("Answer", {"router": "GoTo", "router_para": {"to": None, "x": [1]}})])
    context = {"answer": "out"}
    pipeline.run("in", context)
    ((output, status, run, arguments),) = context["asked"]
    assert (output, status, arguments) == ("out", "S", {"to": None, "x": [1]})
    assert run.definition is pipeline
    assert run.context is context


def test_a_router_cannot_change_its_arguments_for_later_runs():
    pipeline = define([("Step", {"router": "SpoilingRouter", "router_para": {"turns": [1]}})])
    for _ in range(2):
        context = {}
        pipeline.run([], context)
        assert context["turns"] == [1]


@pytest.mark.parametrize("to", ["4", 0, "node 2", "", "01", 1.0])
def test_an_answer_that_is_no_node_is_an_error(to):
    pipeline = define([("Step", {"router": "GoTo", "router_para": {"to": to}}), "Step"])
    with pytest.raises(
        PipelineError, match=r"'P': router 'GoTo' of node 'node 1' answered .*, which is no node id"
    ) as caught:
        pipeline.run([], {})
    assert (caught.value.pipeline, caught.value.node) == ("P", "node 1")


@pytest.mark.parametrize("key", ["router", "exception_router"])
def test_a_router_that_raises_ends_the_pipeline_with_its_name(key, caplog):
    processor = "Step" if key == "router" else "Fail"
    pipeline = define([(processor, {key: "BadRouter"}), "Step"])
    with pytest.raises(PipelineError, match=r"router 'BadRouter' of node 'node 1' failed \(KeyError\)") as caught:
        pipeline.run([], {})
    assert isinstance(caught.value.__cause__, KeyError)
    assert "secret" not in str(caught.value)
    assert "secret text" in caplog.text


def test_a_routers_error_of_ours_passes_as_it_is():
    error = ImageError("too blue")
    with pytest.raises(ImageError) as caught:
        define([("Step", {"router": "BadRouter"})]).run([], {"error": error})
    assert caught.value is error


def test_routers_that_go_in_circles_are_stopped():
    pipeline = define(["Step", ("Step", {"router": "GoTo", "router_para": {"to": "1"}})])
    context = {}
    with pytest.raises(PipelineError, match="'P': took 10000 steps and did not end: its routers go in circles"):
        pipeline.run([], context)
    assert len(context["trace_list"]) == 10_000


# Failures


def test_after_a_failure_the_failing_nodes_input_goes_on():
    pipeline = define(
        ["Step", ("Fail", {"exception_router": "GoTo", "exception_router_para": {"to": "4"}}), "Step", "Step"]
    )
    context = {}
    assert visited(pipeline.run([], context)) == ["1", "4"]
    ((output, status, _, _),) = context["asked"]
    assert (visited(output), status) == (["1"], "E")


def test_the_exception_router_is_not_asked_without_an_exception():
    pipeline = define([("Step", {"exception_router": "GoTo", "exception_router_para": {"to": "3"}}), "Step", "Step"])
    assert visited(pipeline.run([], {})) == ["1", "2", "3"]


def test_the_router_is_not_asked_after_an_exception():
    jump = {
        "router": "GoTo",
        "router_para": {"to": "2"},
        "exception_router": "GoTo",
        "exception_router_para": {"to": "3"},
    }
    assert visited(define([("Fail", jump), "Step", "Step"]).run([], {})) == ["3"]


def test_an_exception_routers_none_ends_the_pipeline_with_the_input():
    assert define([("Fail", {"exception_router": "GoTo"}), "Step"]).run(["in"], {}) == ["in"]


def test_a_failure_without_an_exception_router_names_the_pipeline_and_the_node(caplog):
    with pytest.raises(
        PipelineError, match=r"Pipeline 'P': node 'node 2' failed \(ValueError\); the log says more"
    ) as caught:
        define(["Step", "Fail", "Step"]).run([], {})
    assert (caught.value.pipeline, caught.value.node) == ("P", "node 2")
    assert isinstance(caught.value.__cause__, ValueError)
    assert "secret" not in str(caught.value)
    assert "secret text" in caplog.text


def test_an_error_of_ours_passes_as_it_is(caplog):
    error = NotAnImageError("a text")
    with pytest.raises(NotAnImageError) as caught:
        define(["Fail"]).run([], {"error": error})
    assert caught.value is error
    assert caplog.text == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_failure_of_a_node_is_not_caught(error):
    pipeline = define([("Fail", {"exception_router": "GoTo", "exception_router_para": {"to": "1"}})])
    with pytest.raises(error):
        pipeline.run([], {"error": error()})


# Traces


def test_every_node_that_ran_has_a_full_trace():
    pipeline = define([("Step", {"router": "GoTo", "router_para": {"to": "3"}}), "Step", "Step"])
    context = {}
    pipeline.run([], context)
    assert [set(trace) for trace in context["trace_list"]] == [TRACE_KEYS, TRACE_KEYS]
    first, last = context["trace_list"]
    names = ("node_id", "node_name", "processor_name", "status", "status_msg", "router_name")
    assert [first[name] for name in names] == ["1", "node 1", "Step", "S", "", "GoTo"]
    assert [last[name] for name in names] == ["3", "node 3", "Step", "S", "", ""]
    times = [first["start_time"], first["end_time"], last["start_time"], last["end_time"]]
    assert times == sorted(times)
    assert all(isinstance(time, datetime) and time.tzinfo for time in times)


def test_every_attempt_is_traced():
    pipeline = define([("Fail", {"exception_router": "GoTo", "exception_router_para": {"to": "1"}}), "Step"])
    context = {"times": 2}
    pipeline.run([], context)
    told = [(t["node_id"], t["status"], t["status_msg"], t["router_name"]) for t in context["trace_list"]]
    failed = ("1", "E", "secret text", "GoTo")
    assert told == [failed, failed, ("1", "S", "", ""), ("2", "S", "", "")]
    assert all(set(trace) == TRACE_KEYS for trace in context["trace_list"])


def test_a_failed_run_leaves_its_trace():
    context = {}
    with pytest.raises(PipelineError):
        define(["Step", "Fail"]).run([], context)
    assert [(trace["status"], set(trace)) for trace in context["trace_list"]] == [("S", TRACE_KEYS), ("E", TRACE_KEYS)]
    assert context["node_status"] == "E"


# Vectors


def extract(output):
    """What a pipeline extracts that ends with this."""

    class Ends(PipelineProcesser):
        @classmethod
        def processer_name(cls):
            return "Ends"

        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            return output

    registry = Registry()
    registry.add(Ends)
    return Workshop(registry, Host(), {}).pipelines({"P": '{"1": {"processor": "Ends"}}'})["P"].extract(b"")


@pytest.mark.parametrize(
    "raw",
    [[1, 2, 3], (1.0, 2.0, 3.0), np.array([[1, 2, 3]]), np.array([1, 2, 3], ">f8"), np.array([3.0, 2, 1], "f4")[::-1]],
    ids=repr,
)
@pytest.mark.parametrize("key", ["vertor", "vector"])
def test_a_vector_is_one_row_of_float32(raw, key):
    vector = extract({key: raw}).vector
    assert (vector.dtype, vector.shape, vector.flags.c_contiguous) == (np.float32, (3,), True)
    assert vector.tolist() == [1, 2, 3]


def test_either_spelling_counts_when_the_other_is_none():
    assert extract({"vertor": None, "vector": [1]}).vector.tolist() == [1]
    assert extract({"vertor": [1], "vector": None}).vector.tolist() == [1]


class Half(Processor):
    """A typed processor whose vector is [1, 2]."""

    def process(self, image, context):
        return Features(np.array([1, 2]))


class Change(PipelineProcesser):
    """Does with its input what the context says."""

    @classmethod
    def processer_name(cls):
        return "Change"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return context["change"](input_data)


def in_place(data, **changed):
    data.update(changed)
    return data


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: {**data, "vector": [3]}, [3]),
        (lambda data: {**data, "vertor": [3]}, [3]),
        (lambda data: in_place(data, vector=[3]), [3]),
        (lambda data: in_place(data, vertor=[3]), [3]),
        (lambda data: MappingProxyType({**data, "vector": [3]}), [3]),
        (lambda data: {"vector": [3]}, [3]),
        (lambda data: {"vertor": [3], "vector": [4]}, [3]),
        (lambda data: {**data, "vector": None}, [1, 2]),
        (lambda data: data, [1, 2]),
    ],
)
def test_whichever_spelling_a_later_node_changed_counts(change, expected):
    registry = Registry()
    for plugin in (Half, Change, Step):
        registry.add(plugin)
    nodes = {"1": {"processor": "Half"}, "2": {"processor": "Change"}}
    pipeline = Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]
    output = pipeline.run({"image": coloured(1, 2, 3), "collection": ""}, {"change": change})
    assert list(output.get("vertor", expected)) == expected
    if output.get("vector") is not None:
        assert list(output["vector"]) == expected


def test_a_spelling_added_later_counts():
    registry = Registry()
    registry.add(Change)
    nodes = {"1": {"processor": "Change"}, "2": {"processor": "Change"}}
    pipeline = Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]

    def ours_after_the_contracts(data):
        return {**data, "vector": [3]} if "vertor" in data else {**data, "vertor": [1, 2]}

    def the_contracts_after_ours(data):
        return {**data, "vertor": [3]} if "vector" in data else {**data, "vector": [1, 2]}

    for change in (ours_after_the_contracts, the_contracts_after_ours):
        assert pipeline.run({}, {"change": change}) == {"vertor": [3], "vector": [3]}


def test_newer_bytes_replace_the_open_picture():
    registry = Registry()
    for plugin in (Shrink, Change, Colour, Grey):
        registry.add(plugin)
    nodes = {"1": {"processor": "Shrink"}, "2": {"processor": "Change"}, "3": {"processor": "Grey"}}
    pipeline = Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]

    def vector(change):
        return pipeline.run({"image": coloured(9, 9, 9)}, {"change": change})["vector"].tolist()

    assert vector(lambda data: data) == [9]
    assert vector(lambda data: {**data, "image": coloured(70, 70, 70)}) == [70]
    both = {"image": coloured(70, 70, 70), "opened": Image.new("RGB", (1, 1), (50, 50, 50))}
    assert vector(lambda data: {**data, **both}) == [50]


def test_a_vector_is_a_copy_that_nobody_can_change():
    buffer = np.ones(3, np.float32)
    vector = extract({"vertor": buffer}).vector
    buffer[:] = 2
    assert vector.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 5


@pytest.mark.parametrize(("collection", "expected"), [("pets", "pets"), ("", ""), (None, ""), (7, "7")])
def test_a_collection_is_text(collection, expected):
    assert extract({"vector": [1], "collection": collection}).collection == expected


def test_no_collection_is_empty():
    assert extract({"vector": [1]}).collection == ""


@pytest.mark.parametrize("output", [None, {}, [1, 2], {"vertor": None}, {"image": b""}, "vertor"], ids=repr)
def test_a_pipeline_that_ends_without_a_vector_is_an_error(output):
    with pytest.raises(PipelineError, match=r"'P' ended without a vector: .* 'vertor' or 'vector'"):
        extract(output)


@pytest.mark.parametrize(
    "raw", ["abc", {"a": 1}, [[1, 2], [3]], object(), ["1", "x"]], ids=lambda raw: type(raw).__name__
)
def test_a_vector_that_is_no_array_of_numbers_is_an_error(raw):
    with pytest.raises(PipelineError, match=f"ended with {type(raw).__name__} for a vector: give an array of numbers"):
        extract({"vertor": raw})


@pytest.mark.parametrize("raw", [[], [np.nan], [1, np.inf], [1e300], [-np.inf, 0]], ids=repr)
def test_a_vector_that_is_empty_or_not_finite_is_refused(raw):
    with pytest.raises(VectorMismatchError, match="'P' made a vector that is empty or not finite"):
        extract({"vertor": np.array(raw, np.float64)})


# What is known of a pipeline


def test_nodes_are_found_by_id_and_by_name_the_id_first():
    pipeline = define([("Step", {"name": "2"}), ("Step", {"name": "last"}), ("Step", {"name": "last"})])
    assert [pipeline.find_node(asked) for asked in ("2", "last", "1", "none")] == ["2", "2", "1", None]


def test_the_configuration_is_told_as_a_copy_with_every_key():
    pipeline = define([("Step", {"context": {"a": [1]}, "router": "GoTo", "router_para": {"to": None}})])
    told = {"name": "node 1", "processor": "Step", "context": {"a": [1]}}
    told |= {"router": "GoTo", "router_para": {"to": None}, "exception_router": "", "exception_router_para": {}}
    pipeline.configuration()["1"]["context"]["a"].append("spoilt")
    assert pipeline.configuration() == {"1": told}


def test_the_last_typed_processor_tells_the_metric_and_the_dimension():
    pipeline = define(["Colour", "Shrink", "Grey", "Answer"])
    assert (pipeline.metric, pipeline.dimension) == (Metric.L2, 1)
    assert (define(["Grey", "Colour"]).metric, define(["Grey", "Colour"]).dimension) == (Metric.COSINE, 3)
    assert (define(["MeanColour"]).metric, define(["MeanColour"]).dimension) == (None, None)
    assert (define(["Shrink"]).metric, define(["Shrink"]).dimension) == (None, None)


BASE = {"processor": "Grey", "context": {"a": [1]}, "router": "GoTo", "router_para": {"to": None}}


@pytest.mark.parametrize(
    "change",
    [
        {"processor": "Shrink"},
        {"processor": "Step"},
        {"context": {"a": [2]}},
        {"context": {}},
        {"router": ""},
        {"router": "BadRouter"},
        {"router_para": {"to": "1"}},
    ],
    ids=str,
)
def test_the_fingerprint_changes_with_whatever_may_change_a_vector(change):
    assert define({"1": BASE}).fingerprint != define({"1": {**BASE, **change}}).fingerprint


def test_the_fingerprint_changes_with_a_processors_settings_and_with_the_order():
    assert define({"1": BASE}).fingerprint != define({"1": BASE}, para={"Grey": {"size": 3}}).fingerprint
    assert define(["Step"]).fingerprint != define(["Step"], para={"Step": {"size": 3}}).fingerprint
    assert define(["Step"]).fingerprint == define(["Step"], para={"Grey": {"size": 3}}).fingerprint
    assert define(["Shrink", "Grey"]).fingerprint != define(["Grey", "Shrink"]).fingerprint
    assert define(["Grey"]).fingerprint != define(["Grey", "Grey"]).fingerprint


@pytest.mark.parametrize(
    "change", [{"name": "x"}, {"exception_router": "GoTo"}, {"exception_router_para": {"to": 1}}], ids=str
)
def test_the_fingerprint_stays_where_vectors_do(change):
    assert define({"1": BASE}).fingerprint == define({"1": {**BASE, **change}}, "Other").fingerprint


# Threads


def test_two_threads_run_one_definition_a_thousand_times_without_a_wrong_result():
    pipeline: Pipeline = define(
        [
            ("Step", {"context": {"mark": "one"}}),
            ("Fail", {"exception_router": "GoTo", "exception_router_para": {"to": "4"}}),
            "Step",
            ("Step", {"router": "GoTo", "router_para": {"to": "6"}}),
            "Step",
            ("Spoil", {"context": {"list": []}}),
        ]
    )

    def run(number):
        context = {"times": number % 2, "mine": number}
        *steps, last = pipeline.run([(f"in {number}", {})], context)
        traced = [trace["node_id"] for trace in context["trace_list"]]
        return visited(steps), last, traced, context["mine"]

    def expected(number):
        tail = ["4"] if number % 2 else ["3", "4"]
        return [f"in {number}", "1", *tail], [], ["1", "2", *tail, "6"], number

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(run, range(1000)))
    assert results == [expected(number) for number in range(1000)]


def test_two_threads_extract_a_thousand_pictures_without_a_wrong_vector():
    pictures = [coloured(n, 255 - n, n // 2) for n in range(50)]
    pipeline = define(["MeanColour"])

    def run(number):
        made = pipeline.extract(pictures[number % 50], f"c{number}")
        return [*made.vector.tolist(), made.collection]

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(run, range(1000)))
    assert results == [[n % 50, 255 - n % 50, n % 50 // 2, f"c{n}"] for n in range(1000)]
