"""The forms of plug-ins, and the registry."""

import importlib.util
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

from search_by_image.errors import PluginError, UnknownNameError
from search_by_image.plugins import (
    Features,
    Host,
    PipelineProcesser,
    PipelineProcessor,
    PipelineRouter,
    Processor,
    Registry,
    place,
    processor,
)
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop


class Old(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return "Histogram"


class Typed(Processor):
    pass


class Renamed(Processor):
    @classmethod
    def processor_name(cls):
        return "Histogram"


class Jump(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "Jump"


class Twin(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "Histogram"


def registry_of(*classes):
    made = Registry()
    for plugin in classes:
        made.add(plugin)
    return made


def test_plugins_are_found_by_their_names():
    registry = registry_of(Old, Typed, Jump)
    assert registry.processor("Histogram") is Old
    assert registry.processor("Typed") is Typed
    assert registry.router("Jump") is Jump


def test_a_miss_lists_what_exists():
    registry = registry_of(Old, Typed, Jump)
    with pytest.raises(UnknownNameError, match=r"no processor named 'Jump'. Known: Histogram, Typed\.") as caught:
        registry.processor("Jump")
    assert (caught.value.kind, caught.value.name, caught.value.known) == ("processor", "Jump", ("Histogram", "Typed"))
    with pytest.raises(UnknownNameError, match=r"no router named 'x'. Known: none\."):
        registry_of(Old).router("x")


@pytest.mark.parametrize("second", [Renamed, type("Another", (Old,), {})], ids=["typed", "contract"])
def test_a_name_is_taken_once(second):
    registry = registry_of(Old)
    with pytest.raises(PluginError, match="Two plug-ins are a processor named 'Histogram'"):
        registry.add(second)
    assert registry.processor("Histogram") is Old


def test_a_clash_tells_both_places():
    with pytest.raises(PluginError) as caught:
        registry_of(Old, Renamed)
    for plugin in (Old, Renamed):
        assert f"{__file__}:{inspect.getsourcelines(plugin)[1]}" in str(caught.value)


def test_a_clash_of_classes_without_source_tells_their_names():
    namespace = {"PipelineRouter": PipelineRouter, "__name__": "from_nowhere"}
    code = "class Jump(PipelineRouter):\n    @classmethod\n    def router_name(cls):\n        return 'Jump'\n"
    exec(code, namespace)
    with pytest.raises(PluginError, match=r"from_nowhere\.Jump"):
        registry_of(Jump, namespace["Jump"])


def test_the_same_class_may_be_added_again():
    assert list(registry_of(Old, Old)) == [("Histogram", Old)]


def test_a_processor_and_a_router_may_have_one_name():
    registry = registry_of(Old, Twin)
    assert registry.processor("Histogram") is Old
    assert registry.router("Histogram") is Twin
    assert list(registry) == [("Histogram", Old), ("Histogram", Twin)]


def test_all_plugins_are_listed_by_name():
    assert [name for name, _ in registry_of(Typed, Jump, Old)] == ["Histogram", "Jump", "Typed"]


def test_what_is_no_plugin_is_refused():
    with pytest.raises(PluginError, match="dict is neither a processor nor a router"):
        registry_of(dict)


def nameless(base, method, name):
    return type("Nameless", (base,), {method: classmethod(lambda _cls: name)})


@pytest.mark.parametrize(
    ("plugin", "remedy"),
    [
        (PipelineProcesser, "processer_name"),
        (PipelineRouter, "router_name"),
        (type("Nameless", (PipelineProcesser,), {}), "processer_name"),
        (nameless(PipelineProcesser, "processer_name", ""), ""),
        (nameless(PipelineRouter, "router_name", None), ""),
        (nameless(Processor, "processor_name", 7), ""),
    ],
)
def test_a_plugin_without_a_name_is_refused(plugin, remedy):
    with pytest.raises(PluginError, match=f"has no name: let .*{remedy}.* answer with one"):
        registry_of(plugin)


def test_both_spellings_are_one():
    assert PipelineProcessor is PipelineProcesser


def test_what_the_contracts_form_does_by_itself():
    assert Old.initialize() is None
    assert Old.is_asyn() is False
    assert Jump.initialize() is None
    assert Old.para == Jump.para == {}
    with pytest.raises(NotImplementedError):
        Old.execute({}, {}, None)
    with pytest.raises(NotImplementedError):
        Jump.get_next({}, {}, None)


def test_what_the_typed_form_does_by_itself():
    host = Host()
    made = Typed({"b": 2, "a": 1}, host)
    assert (made.para, made.host, made.processor_name()) == ({"b": 2, "a": 1}, host, "Typed")
    assert (made.image_size, made.dimension, made.metric) == (None, None, None)
    with pytest.raises(NotImplementedError):
        made.process(None, {})


def test_a_typed_fingerprint_follows_the_name_and_the_settings():
    def fingerprint(kind, **para):
        return kind(para, Host()).fingerprint

    assert fingerprint(Typed, a=1, b=2) == fingerprint(Typed, b=2, a=1)
    assert len({fingerprint(Typed), fingerprint(Typed, a=1), fingerprint(Typed, a=2), fingerprint(Renamed)}) == 4


def test_features_may_be_a_vector_alone():
    assert (Features([1]).collection, Features([1]).extra) == ("", {})


def test_plugins_are_told_by_the_contracts_kinds():
    registry = registry_of(Old, Typed, Jump)
    assert registry.get("processer", "Histogram") is Old
    assert registry.get("processor", "Typed") is Typed
    assert registry.get("router", "Jump") is Jump
    assert registry.get("router", "Typed") is None
    with pytest.raises(UnknownNameError, match=r"no kind of plug-in named 'model'. Known: processer, router"):
        registry.get("model", "Jump")


# Functions and classes that are marked


@processor(name="MeanColour", dimension=3, metric=Metric.L2, image_size=64)
def mean_colour(image, context):
    """The picture's mean colour."""
    context["seen"] = image.size
    return Features(np.asarray(image).mean((0, 1)))


@processor
def halved(image, context):
    return image.crop((0, 0, image.width // 2, image.height))


@processor(name="Scaled", metric=Metric.COSINE)
class ScaledColour:
    """The mean colour by a factor from the settings."""

    dimension = 3

    def __init__(self, para):
        self.factor = para.get("factor", 1)
        self.all = para

    def process(self, image, context):
        return Features(self.factor * np.asarray(image).mean((0, 1)))


@processor
class Plain:
    def process(self, image, context):
        return Features(np.ones(self.para.get("size", 2)))


@processor(name="RenamedTyped", dimension=7)
class AlsoTyped(Typed):
    def process(self, image, context):
        return Features(np.ones(7))


def run(*names, para=None, image):
    registry = registry_of(mean_colour, halved, ScaledColour, Plain, AlsoTyped)
    nodes = {str(n): {"processor": name} for n, name in enumerate(names, 1)}
    pipeline = Workshop(registry, Host(), para or {}).pipelines({"P": nodes})["P"]
    context = {}
    return pipeline.run({"opened": image, "collection": ""}, context)["vector"].tolist(), context, pipeline


@pytest.fixture
def image():
    from PIL import Image

    made = Image.new("RGB", (8, 4), (10, 20, 30))
    made.paste((50, 60, 70), (4, 0, 8, 4))
    return made


def test_a_marked_function_is_a_processor(image):
    vector, context, pipeline = run("MeanColour", image=image)
    assert (vector, context["seen"]) == ([30, 40, 50], (8, 4))
    assert (pipeline.dimension, pipeline.metric) == (3, Metric.L2)
    assert issubclass(mean_colour, Processor)
    assert (mean_colour.image_size, mean_colour.processor_name()) == (64, "MeanColour")


def test_a_marked_function_goes_by_its_own_name_and_may_answer_a_picture(image):
    vector, context, pipeline = run("halved", "MeanColour", image=image)
    assert (vector, context["seen"]) == ([10, 20, 30], (4, 4))
    assert [node.typed.dimension for node in pipeline.nodes] == [None, 3]


def test_a_marked_function_stays_reachable(image):
    context = {}
    assert mean_colour.__wrapped__(image, context).vector.tolist() == [30, 40, 50]


@pytest.mark.parametrize(
    ("marked", "name", "line"),
    [
        (mean_colour, "mean_colour", '@processor(name="MeanColour"'),
        (ScaledColour, "ScaledColour", "class ScaledColour"),
    ],
)
def test_what_is_marked_keeps_its_place_and_its_description(marked, name, line):
    assert (marked.__module__, marked.__qualname__) == (__name__, name)
    assert marked.__doc__.startswith("The ")
    file, _, number = place(marked).rpartition(":")
    assert file == __file__
    near = Path(file).read_text().splitlines()[int(number) - 2 : int(number) + 1]
    assert any(line in found for found in near)


def test_a_marked_class_gets_its_settings(image):
    vector, _, pipeline = run("Scaled", para={"Scaled": {"factor": 2}}, image=image)
    assert vector == [60, 80, 100]
    assert (pipeline.dimension, pipeline.metric) == (3, Metric.COSINE)
    made = pipeline.nodes[0].typed
    assert made.para is made.all
    assert "factor" in made.fingerprint
    assert run("Plain", para={"Plain": {"size": 3}}, image=image)[0] == [1, 1, 1]


def test_a_marked_processor_stays_one(image):
    vector, _, pipeline = run("RenamedTyped", image=image)
    assert (len(vector), pipeline.dimension, issubclass(AlsoTyped, Typed)) == (7, 7, True)


class NoArguments:
    def __init__(self):
        self.made_with = ()

    def process(self, image, context):
        pass


class OneArgument(NoArguments):
    def __init__(self, para):
        self.made_with = (para,)


class TwoArguments(NoArguments):
    def __init__(self, para, host):
        self.made_with = (para, host)


class AnyArguments(NoArguments):
    def __init__(self, *arguments):
        self.made_with = arguments


@pytest.mark.parametrize(("kind", "count"), [(NoArguments, 0), (OneArgument, 1), (TwoArguments, 2), (AnyArguments, 2)])
def test_a_marked_class_is_made_with_what_it_takes(kind, count):
    host = Host()
    made = processor(kind)({"a": 1}, host)
    assert made.made_with == ({"a": 1}, host)[:count]
    assert (made.para, made.host, made.processor_name()) == ({"a": 1}, host, kind.__name__)


class ThreeArguments(NoArguments):
    def __init__(self, para, host, model):
        pass


class NoProcess:
    pass


async def waits(image, context):
    pass


def yields(image, context):
    yield


def lonely(image):
    pass


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (lambda: processor(lambda image, context: None), "has no name: give one, @processor"),
        (lambda: processor(name="")(lonely_pair), "has no name"),
        (lambda: processor(name=7)(lonely_pair), "has no name"),
        (lambda: processor(lonely), r"must take \(image, context\): too many positional arguments"),
        (lambda: processor(waits), "neither 'async def' nor 'yield'"),
        (lambda: processor(yields), "neither 'async def' nor 'yield'"),
        (lambda: processor(print), "@processor marks a function or a class, not <built-in function print>"),
        (lambda: processor("MeanColour"), "@processor marks a function or a class, not 'MeanColour'"),
        (lambda: processor(NoProcess), "has no method process"),
        (lambda: processor(ThreeArguments), r"must be made from \(\), \(para\) or \(para, host\)"),
        (lambda: processor(Old), "is a plug-in already, in the contract's form: leave @processor out"),
        (lambda: processor(Jump), "is a plug-in already"),
        (lambda: processor(dimension=0), r"@processor\(dimension=0\): give a whole number from 1"),
        (lambda: processor(image_size="64"), r"@processor\(image_size='64'\): give a whole number from 1"),
        (lambda: processor(metric="L2"), r"@processor\(metric='L2'\): give Metric.L2, Metric.IP, "),
    ],
)
def test_what_cannot_be_a_processor_is_refused_with_the_remedy(mark, told):
    with pytest.raises(PluginError, match=told):
        mark()


def lonely_pair(image, context):
    pass


def test_a_function_that_is_not_marked_is_refused_with_the_remedy():
    with pytest.raises(PluginError, match="neither a processor nor a router; mark a function by @processor"):
        registry_of(lonely_pair)


def test_two_marked_functions_of_one_name_tell_both_places(tmp_path):
    modules = []
    for name in ("first", "second"):
        file = tmp_path / f"{name}.py"
        file.write_text(
            "from search_by_image.plugins import processor\n\n\n"
            "@processor(name='Same')\ndef same(image, context):\n    return image\n"
        )
        spec = importlib.util.spec_from_file_location(f"marked_{name}", file)
        modules.append(importlib.util.module_from_spec(spec))
        sys.modules[spec.name] = modules[-1]
        spec.loader.exec_module(modules[-1])
    try:
        with pytest.raises(PluginError, match=r"first\.py:4 and .*second\.py:4"):
            registry_of(*(module.same for module in modules))
    finally:
        for module in modules:
            del sys.modules[module.__name__]
