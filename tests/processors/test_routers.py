"""The shipped routers, in pipelines and by themselves."""

import numpy as np
import pytest

from search_by_image.errors import ConfigError, PipelineError
from search_by_image.plugins import Host, PipelineProcesser, Registry
from search_by_image.processors import shipped
from search_by_image.processors.go_to_node import GoToNode
from search_by_image.processors.value_router import ValueRouter
from search_by_image.workshop import Workshop


class Visit(PipelineProcesser):
    """Notes the node in the context and puts out what the context has as `output`."""

    @classmethod
    def processer_name(cls):
        return "Visit"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context.setdefault("visited", []).append(context["node_id"])
        if context["node_id"] == context.get("fail_at"):
            raise ValueError("asked to")
        return context.get("output", input_data)


def define(router, para, key="router", count=4):
    """The first node has the router."""
    registry = Registry()
    for plugin in (Visit, GoToNode, ValueRouter):
        registry.add(plugin)
    nodes = {str(n): {"name": f"name {n}", "processor": "Visit"} for n in range(1, count + 1)}
    nodes["1"] |= {key: router, f"{key}_para": para}
    return Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]


def visited(pipeline, context=None, data=None):
    context = {} if context is None else context
    pipeline.run(data, context)
    return context["visited"]


def test_both_are_shipped():
    assert {GoToNode, ValueRouter} <= set(shipped())


# GoToNode


@pytest.mark.parametrize(
    ("context", "para", "expected"),
    [
        ({}, {"goto_node_id": "3"}, "3"),
        ({}, {"goto_node_id": 3}, "3"),
        ({}, {"goto_node_name": "name 3"}, "3"),
        ({"goto_node_id": "4"}, {"goto_node_id": "3"}, "4"),
        ({"goto_node_id": 4}, {}, "4"),
        ({"goto_node_name": "name 4"}, {"goto_node_id": "3"}, "4"),
        ({"goto_node_id": "4", "goto_node_name": "name 3"}, {}, "4"),
        ({"goto_node_id": "", "goto_node_name": None}, {"goto_node_name": "name 4", "goto_node_id": ""}, "4"),
    ],
)
def test_go_to_node_jumps(context, para, expected):
    context = dict(context)
    assert visited(define("GoToNode", para), context)[:2] == ["1", expected]
    assert not context.keys() & {"goto_node_id", "goto_node_name"}


@pytest.mark.parametrize(
    ("context", "para", "told"),
    [
        ({}, {}, "needs goto_node_id or goto_node_name in the context or in router_para"),
        ({"goto_node_name": ""}, {"goto_node_id": None}, "needs goto_node_id or goto_node_name"),
        ({}, {"goto_node_name": "name 9"}, r"knows no node 'name 9'; there are 1 \(name 1\), 2 \(name 2\)"),
        ({}, {"goto_node_id": "name 2"}, "knows no node 'name 2'"),
        ({"goto_node_id": "0"}, {"goto_node_id": "2"}, "knows no node '0'"),
        ({"goto_node_id": "9", "goto_node_name": "name 2"}, {}, "knows no node '9'"),
    ],
)
def test_go_to_node_tells_what_is_wrong(context, para, told):
    with pytest.raises(PipelineError, match=f"Pipeline 'P': GoToNode after node 1 {told}") as caught:
        visited(define("GoToNode", para), context)
    assert (caught.value.pipeline, caught.value.node) == ("P", "1")


def test_go_to_node_after_a_failure():
    pipeline = define("GoToNode", {"goto_node_name": "name 4"}, "exception_router")
    assert visited(pipeline, {"fail_at": "1"}) == ["1", "4"]


def test_arguments_that_do_not_exist_are_a_mistake_at_start():
    with pytest.raises(ConfigError, match=r"1/router_para: GoToNode cannot take them: .*'goto'"):
        define("GoToNode", {"goto": "3"})
    with pytest.raises(ConfigError, match=r"1/router_para: ValueRouter cannot take them: missing .*'key'"):
        define("ValueRouter", {"cases": {}})


# ValueRouter


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cat", "cat"),
        ("", ""),
        (3, "3"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (np.int64(3), "3"),
        (np.float32(0.5), "0.5"),
        (np.bool_(True), "true"),
        (np.str_("cat"), "cat"),
        (np.array(3), "3"),
    ],
    ids=repr,
)
def test_a_value_chooses_the_node(value, text):
    para = {"key": "a.b", "cases": {text: "4", "other": "2"}}
    assert visited(define("ValueRouter", para), {"a": {"b": value}}) == ["1", "4"]
    assert visited(define("ValueRouter", {**para, "source": "output"}), {"output": {"a": {"b": value}}}) == ["1", "4"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [("3", ["3", "4"]), ("name 3", ["3", "4"]), (3, ["3", "4"]), ("", ["2", "3", "4"]), (None, [])],
)
@pytest.mark.parametrize("place", ["case", "default"])
def test_a_target_is_an_id_a_name_the_next_node_or_the_end(target, expected, place):
    para = {"case": {"cases": {"cat": target}}, "default": {"cases": {}, "default": target}}[place]
    assert visited(define("ValueRouter", {"key": "class", **para}), {"class": "cat"}) == ["1", *expected]


def test_without_a_default_the_next_node_follows_and_the_end_after_the_last():
    para = {"key": "class", "cases": {"dog": "4"}}
    assert visited(define("ValueRouter", para), {"class": "cat"}) == ["1", "2", "3", "4"]
    assert visited(define("ValueRouter", para, count=1), {"class": "cat"}) == ["1"]


@pytest.mark.parametrize("output", [None, [1], {}, {"a": 1}, {"a": {}}, {"a": ["b"]}, "a.b"], ids=repr)
def test_where_there_is_no_such_key_the_default_counts(output):
    para = {"source": "output", "key": "a.b", "cases": {"null": "3"}, "default": "4"}
    assert visited(define("ValueRouter", para), {"output": output}) == ["1", "4"]


def test_an_id_goes_before_a_name():
    registry = Registry()
    for plugin in (Visit, ValueRouter):
        registry.add(plugin)
    para = {"key": "class", "cases": {}, "default": "3"}
    nodes = {"1": {"processor": "Visit", "router": "ValueRouter", "router_para": para}}
    nodes |= {"2": {"processor": "Visit", "name": "3"}, "3": {"processor": "Visit"}}
    assert visited(Workshop(registry, Host(), {}).pipelines({"P": nodes})["P"]) == ["1", "3"]


@pytest.mark.parametrize(
    ("para", "told"),
    [
        ({"source": "input"}, "has the source 'input'; give 'context' or 'output'"),
        ({"cases": {"cat": "name 9"}}, r"knows no node 'name 9'; there are 1 \(name 1\)"),
        ({"key": "list"}, "decides by a text, number or boolean, but 'list' is a list"),
        ({"key": "array"}, "decides by a text, number or boolean, but 'array' is a ndarray"),
    ],
)
def test_a_value_router_tells_what_is_wrong(para, told):
    pipeline = define("ValueRouter", {"key": "class", "cases": {}, **para})
    with pytest.raises(PipelineError, match=f"Pipeline 'P': ValueRouter after node 1 {told}"):
        visited(pipeline, {"class": "cat", "list": [1], "array": np.ones(2)})
