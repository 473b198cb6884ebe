"""The two forms of plug-ins, and the registry."""

import inspect

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
)


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
