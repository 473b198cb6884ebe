"""From JSON texts to pipelines: every mistake at once; typed processors made once, run in the contract's form."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from search_by_image.errors import (
    ConfigError,
    ImageTooLargeError,
    ModelError,
    NotAnImageError,
    PluginError,
    Problem,
)
from search_by_image.images import ImageLimits
from search_by_image.plugins import Features, Host, PipelineProcesser, PipelineRouter, Processor, Registry
from search_by_image.processors.centre_crop import CentreCrop
from search_by_image.workshop import Workshop

HOST = Host()


class Old(PipelineProcesser):
    """Puts out what it got, with a mark."""

    @classmethod
    def processer_name(cls):
        return "Old"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return {**input_data, "old": True}


class Asynchronous(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return "Asynchronous"

    @classmethod
    def is_asyn(cls):
        return True


class End(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "End"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        return None


class Needs(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "Needs"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, *, node):
        return node


class Unsure(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return "Unsure"

    @classmethod
    def is_asyn(cls):
        return 1 / 0


class Size(Processor):
    """The picture's width and height as the vector."""

    made = 0

    def __init__(self, para, host):
        super().__init__(para, host)
        type(self).made += 1

    def process(self, image, context):
        return Features(np.array(image.size), self.para.get("collection", ""), self.para.get("extra", {}))


class SizeForSixty(Size):
    image_size = 60


class LeftHalf(Processor):
    def process(self, image, context):
        context["cropped"] = context.get("cropped", 0) + 1
        return image.crop((0, 0, image.width // 2, image.height))


class Wrong(Processor):
    def process(self, image, context):
        return self.para["answer"]


class NoModel(Processor):
    def __init__(self, para, host):
        raise ModelError("The file model.pb is missing.")


class BadSetting(Processor):
    def __init__(self, para, host):
        int(para.get("size", "big"))


class BadSettings(Processor):
    def __init__(self, para, host):
        raise ConfigError([Problem("bins", "too few"), Problem("rows", "too many")])


@pytest.fixture
def registry():
    made = Registry()
    for plugin in (
        Old,
        Asynchronous,
        Unsure,
        End,
        Needs,
        Size,
        SizeForSixty,
        LeftHalf,
        Wrong,
        NoModel,
        BadSetting,
        BadSettings,
    ):
        made.add(plugin)
    return made


@pytest.fixture
def workshop(registry):
    return Workshop(registry, HOST, {})


def text(*processors, **more):
    return json.dumps({str(n): {"name": f"n{n}", "processor": name, **more} for n, name in enumerate(processors, 1)})


def png(width=6, height=4):
    return saved(Image.new("RGB", (width, height)), "PNG")


def saved(image, file_format):
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


def mistakes(workshop, texts):
    with pytest.raises(ConfigError) as caught:
        workshop.pipelines(texts)
    return [
        (problem.path.removeprefix("pipeline/pipeline_config/"), problem.message) for problem in caught.value.problems
    ]


# Parsing


def test_pipelines_come_by_their_names(workshop):
    made = workshop.pipelines({"A": text("Size"), "B": text("LeftHalf", "Size")})
    assert list(made) == ["A", "B"]
    assert [pipeline.name for pipeline in made.values()] == ["A", "B"]
    assert [node.processor_name for node in made["B"].nodes] == ["LeftHalf", "Size"]


def test_no_pipelines_are_no_mistake(workshop):
    assert workshop.pipelines({}) == {}


def test_only_the_processor_is_needed(workshop):
    (node,) = workshop.pipelines({"P": '{"1": {"processor": "Size"}}'})["P"].nodes
    assert (node.id, node.name, node.context, node.route, node.exception_route) == ("1", "1", {}, None, None)


@pytest.mark.parametrize("nothing", ["", None, {}, 0, False])
def test_empty_keys_are_as_if_they_were_not_there(workshop, nothing):
    keys = ("name", "context", "router", "router_para", "exception_router", "exception_router_para")
    config = json.dumps({"1": {"processor": "Size", **dict.fromkeys(keys, nothing)}})
    (node,) = workshop.pipelines({"P": config})["P"].nodes
    assert (node.name, node.context, node.route, node.exception_route) == ("1", {}, None, None)


def test_all_that_a_node_can_have(workshop):
    more = {"context": {"a": 1}, "router": "End", "router_para": {"b": 2}}
    more |= {"exception_router": "End", "exception_router_para": {"c": 3}}
    (node,) = workshop.pipelines({"P": text("Old", **more)})["P"].nodes
    assert (node.name, node.context, node.route.router, node.exception_route.router) == ("n1", {"a": 1}, End, End)
    assert (node.route.para, node.exception_route.para) == ({"b": 2}, {"c": 3})


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ("", "P", "not JSON: Expecting value at line 1, column 1"),
        ('{"1": {"processor": "Size"},\n}', "P", "not JSON"),
        ("[]", "P", "must be a JSON object of nodes"),
        ("{}", "P", "must be a JSON object of nodes"),
        ("3", "P", "must be a JSON object of nodes"),
        ('{"0": {"processor": "Size"}}', "P", "the node ids must be 1 without gaps; found 0"),
        ('{"1": {"processor": "Size"}, "3": {"processor": "Size"}}', "P", "must be 1, 2 without gaps; found 1, 3"),
        ('{"01": {"processor": "Size"}}', "P", "the node ids must be 1 without gaps; found 01"),
        ('{"a": {"processor": "Size"}}', "P", "the node ids must be 1 without gaps; found a"),
        ('{"1": "Size"}', "P/1", "must be a JSON object with at least 'processor'"),
        ('{"1": {}}', "P/1/processor", "must name a processor"),
        ('{"1": {"processor": ""}}', "P/1/processor", "must name a processor"),
        ('{"1": {"processor": ["Size"]}}', "P/1/processor", "must name a processor"),
        ('{"1": {"processor": "Size", "rooter": "End"}}', "P/1/rooter", "unknown; a node has name, processor, context"),
        ('{"1": {"processor": "Size", "name": 7}}', "P/1/name", "must be text"),
        ('{"1": {"processor": "Size", "router": ["End"]}}', "P/1/router", "must be text"),
        ('{"1": {"processor": "Size", "exception_router": {"a": 1}}}', "P/1/exception_router", "must be text"),
        ('{"1": {"processor": "Size", "context": "a"}}', "P/1/context", "must be a JSON object"),
        ('{"1": {"processor": "Size", "router_para": [1]}}', "P/1/router_para", "must be a JSON object"),
        (
            '{"1": {"processor": "Size", "exception_router_para": 1}}',
            "P/1/exception_router_para",
            "must be a JSON object",
        ),
        (text("Sise"), "P/1/processor", "There is no processor named 'Sise'. Known: Asynchronous, "),
        (text("Size", router="Start"), "P/1/router", "There is no router named 'Start'. Known: End, Needs."),
        (
            text("Size", exception_router="Start"),
            "P/1/exception_router",
            "There is no router named 'Start'. Known: End, Needs.",
        ),
        ('{"1": {"processor": "Size"}, "1": {"processor": "Size"}}', "P", "not JSON: the key '1' is there twice"),
        ('{"1": {"processor": "Size", "name": "a", "name": "b"}}', "P", "the key 'name' is there twice"),
        (None, "P", "not JSON: the JSON object must be str"),
        ("[" * 100_000, "P", "not JSON: maximum recursion depth"),
        (text("Size", router="Needs"), "P/1/router_para", "Needs cannot take them: missing a required"),
        (
            text("Size", exception_router="Needs", exception_router_para={"node": 1, "x": 2}),
            "P/1/exception_router_para",
            "Needs cannot take them: got an unexpected keyword argument 'x'",
        ),
        (text("Unsure"), "P/1/processor", "It cannot tell whether it is asynchronous: ZeroDivisionError"),
        (text("NoModel"), "P/1/processor", "The file model.pb is missing."),
        (text("BadSetting"), "P/1/processor", "It cannot be made: ValueError: invalid literal"),
    ],
)
def test_a_mistake_is_told_with_its_place(workshop, config, path, message):
    ((told_path, told),) = mistakes(workshop, {"P": config})
    assert told_path == path
    assert message in told


def test_all_mistakes_of_all_pipelines_are_told_at_once(workshop):
    node = {"processor": "Sise", "router": "Start", "exception_router": "Stop"}
    told = mistakes(
        workshop,
        {
            "A": json.dumps({"1": node, "2": {"processor": "Size"}, "3": {"processor": "NoModel"}}),
            "B": '{"1": {"zz": 1, "aa": 2, "mm": 3, "cc": 4, "ff": 5, "context": 6}, "3": 7}',
            "C": text("Size"),
            "D": "{",
            "E": '{"2": {"processor": "Sise", "router": "Start"}, "4": {"processor": 1, "exception_router": "Stop"}}',
        },
    )
    assert [path for path, _ in told] == [
        *("A/1/processor", "A/1/router", "A/1/exception_router", "A/3/processor"),
        *("B", "B/1/processor", "B/1/aa", "B/1/cc", "B/1/ff", "B/1/mm", "B/1/zz", "B/1/context", "B/3"),
        "D",
        *("E", "E/2/processor", "E/2/router", "E/4/processor", "E/4/exception_router"),
    ]


def test_mistakes_in_a_processors_settings_are_told_one_by_one(workshop):
    assert mistakes(workshop, {"P": text("BadSettings")}) == [("bins", "too few"), ("rows", "too many")]


def test_what_a_processor_raises_while_it_is_made_is_in_the_log(workshop, caplog):
    mistakes(workshop, {"P": text("BadSetting")})
    assert "processor BadSetting cannot be made" in caplog.text
    assert "ValueError" in caplog.text


# Typed processors


def test_a_typed_processor_is_made_once_from_its_settings(registry):
    Size.made = 0
    para = {"Size": {"collection": "pets"}, "LeftHalf": {"x": 1}}
    made = Workshop(registry, HOST, para).pipelines({"A": text("Size", "LeftHalf", "Size"), "B": text("Size")})
    processors = [node.typed for pipeline in made.values() for node in pipeline.nodes]
    assert Size.made == 1
    assert processors[0] is processors[2] is processors[3]
    assert (processors[0].para, processors[1].para) == ({"collection": "pets"}, {"x": 1})
    assert processors[0].host is HOST


def test_a_processor_may_have_a_second_set_of_settings_under_a_name_of_its_own(registry):
    para = {"Size": {"collection": "one"}, "Measure": {"processor": "Size", "collection": "other"}}
    made = Workshop(registry, HOST, para).pipelines({"A": text("Size"), "B": text("Measure"), "C": text("Measure")})
    found = {name: pipeline.extract(png()).collection for name, pipeline in made.items()}
    assert found == {"A": "one", "B": "other", "C": "other"}
    assert made["B"].nodes[0].typed is made["C"].nodes[0].typed
    assert made["B"].nodes[0].typed.para == {"collection": "other"}
    assert made["B"].nodes[0].configuration()["processor"] == "Measure"
    assert len({pipeline.fingerprint for pipeline in made.values()}) == 2


def test_mistakes_of_a_second_set_of_settings(registry):
    para = {
        "Size": {"processor": "LeftHalf"},
        "Absent": {"processor": "Nobody"},
        "Older": {"processor": "Old"},
        "Middle": {"processor": "CentreCrop", "share": "2"},
    }
    registry.add(CentreCrop)
    workshop = Workshop(registry, HOST, para)
    assert workshop.pipelines({"P": text("Size")})["P"].extract(png(6, 4)).vector.tolist() == [6, 4]
    found = dict(mistakes(workshop, {"A": text("Absent"), "B": text("Older"), "C": text("Middle")}))
    assert found["A/1/processor"].startswith("There is no processor named 'Nobody'")
    assert "Old is in the contract's form" in found["B/1/processor"]
    assert "'2' was given" in found["pipeline/processer_para/Middle/share"]


def test_a_processor_without_settings_gets_none(workshop):
    (node,) = workshop.pipelines({"P": text("Size")})["P"].nodes
    assert node.typed.para == {}


def one(registry, *processors, para=None, host=HOST):
    return Workshop(registry, host, para or {}).pipelines({"P": text(*processors)})["P"]


def test_the_picture_is_opened_for_the_first_typed_processor(registry):
    assert one(registry, "Size").extract(png(6, 4)).vector.tolist() == [6, 4]


def test_a_picture_that_comes_out_goes_on_to_the_next(registry):
    context = {}
    output = one(registry, "LeftHalf", "LeftHalf", "Size").run({"image": png(12, 4), "collection": ""}, context)
    assert output["vector"].tolist() == [3, 4]
    assert context["cropped"] == 2
    assert output["opened"].size == (3, 4)


def test_after_features_the_whole_picture_is_opened_again(registry):
    output = one(registry, "Size", "LeftHalf", "Size").run({"image": png(12, 4), "collection": ""}, {})
    assert output["vertor"].tolist() == [6, 4]


def test_the_output_is_the_contracts(registry):
    image = png()
    output = one(registry, "Old", "Size").run({"image": image, "collection": "pets"}, {})
    assert set(output) == {"image", "collection", "old", "vertor", "vector"}
    assert (output["image"], output["collection"], output["old"]) == (image, "pets", True)
    assert output["vertor"] is output["vector"]


@pytest.mark.parametrize(
    ("found", "given", "expected"), [("cats", "pets", "cats"), ("cats", "", "cats"), ("", "pets", "pets")]
)
def test_the_collection_that_a_processor_finds_counts(registry, found, given, expected):
    pipeline = one(registry, "Size", para={"Size": {"collection": found}})
    assert pipeline.extract(png(), given).collection == expected


def test_what_else_a_processor_finds_goes_on(registry):
    pipeline = one(registry, "Size", para={"Size": {"extra": {"class": "cat", "score": 0.5}}})
    output = pipeline.run({"image": png(), "collection": ""}, {})
    assert (output["class"], output["score"]) == ("cat", 0.5)


def test_a_large_jpeg_is_decoded_at_twice_the_size_that_a_processor_says(registry):
    jpeg = saved(Image.new("RGB", (640, 480)), "JPEG")
    assert one(registry, "SizeForSixty").extract(jpeg).vector.tolist() == [160, 120]
    assert one(registry, "Size").extract(jpeg).vector.tolist() == [640, 480]


def test_the_hosts_limits_hold(registry):
    strict = Host(limits=ImageLimits(max_pixels=23))
    with pytest.raises(ImageTooLargeError):
        one(registry, "Size", host=strict).extract(png(6, 4))


def test_bytes_that_are_no_picture_are_refused_as_such(registry):
    with pytest.raises(NotAnImageError):
        one(registry, "Size").extract(b"text")


@pytest.mark.parametrize("answer", [None, np.ones(3), {"vector": [1]}, "cat"], ids=lambda value: type(value).__name__)
def test_an_answer_that_is_neither_features_nor_a_picture_is_an_error(registry, answer):
    pipeline = one(registry, "Wrong", "Size", para={"Wrong": {"answer": answer}})
    with pytest.raises(PluginError, match=f"Wrong.process answered {type(answer).__name__}; let it answer Features"):
        pipeline.extract(png())


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (["no", "dict"], "list"),
        ({}, "a dict of "),
        ({"image": "path.jpg", "x": None}, r"a dict of 'image' \(str\), 'x' \(NoneType\)"),
        ({"opened": np.ones(3)}, r"a dict of 'opened' \(ndarray\)"),
    ],
)
def test_a_typed_processor_tells_which_input_it_needs_and_got(registry, data, told):
    with pytest.raises(PluginError, match=f"Size needs a dict with the picture's bytes .*; it got {told}$"):
        one(registry, "Size").run(data, {})


@pytest.mark.parametrize("key", ["opened", "image"])
def test_an_open_picture_is_taken_as_it_is(registry, key):
    assert one(registry, "Size").run({key: Image.new("RGB", (6, 4))}, {})["vector"].tolist() == [6, 4]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_opened(registry, kind):
    assert one(registry, "Size").run({"image": kind(png(6, 4))}, {})["vector"].tolist() == [6, 4]


# Asynchronous processors, dictionaries, threads


def test_asynchronous_processors_are_known_as_such(workshop):
    nodes = workshop.pipelines({"P": text("Asynchronous", "Old", "Size")})["P"].nodes
    assert [node.asynchronous for node in nodes] == [True, False, False]


def test_a_dictionary_is_copied_and_may_have_numbers_for_keys(workshop):
    config = {2: {"processor": "Old"}, 1: {"processor": "Size", "context": {"a": [1]}}}
    first, second = workshop.pipelines({"P": config})["P"].nodes
    config[1]["context"]["a"].append("spoilt")
    assert (first.id, first.processor_name, first.context, second.id) == ("1", "Size", {"a": [1]}, "2")


def test_limits_reach_the_pipelines(registry):
    made = Workshop(registry, HOST, {}, node_timeout=2.5, max_steps=7).pipelines({"P": text("Old")})["P"]
    assert (made.node_timeout, made.max_steps, made.registry) == (2.5, 7, registry)


def test_many_threads_make_a_processor_once(registry):
    class Slow(Size):
        made = 0

        def __init__(self, para, host):
            time.sleep(0.02)
            super().__init__(para, host)

    registry.add(Slow)
    workshop = Workshop(registry, HOST, {})
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: workshop.pipelines({"P": text("Slow")})["P"].nodes[0].typed, range(16)))
    assert Slow.made == 1
    assert len(set(map(id, made))) == 1
