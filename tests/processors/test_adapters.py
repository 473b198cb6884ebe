"""The adapters around old-style plug-ins, which take an open picture and give plain arrays."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from cheap_library import picture
from search_by_image.errors import ConfigError, ImageTooLargeError, NotAnImageError, PipelineError, PluginError
from search_by_image.pipeline import Pipeline
from search_by_image.plugin_files import PluginLoader
from search_by_image.plugins import Features, Host, PipelineProcesser, Processor, Registry
from search_by_image.processors import shipped
from search_by_image.processors.adapters import OpenImage, ToStandardOutput
from search_by_image.workshop import Workshop


class PlainArray(PipelineProcesser):
    """In the old style: a picture in, an array out."""

    @classmethod
    def processer_name(cls) -> str:
        return "PlainArray"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return np.asarray(input_data["opened"], np.float32).mean((0, 1))


class Described(PipelineProcesser):
    """In the old style: takes the picture as `image` and answers with a dict of its own."""

    @classmethod
    def processer_name(cls) -> str:
        return "Described"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return {"image": input_data["image"], "found": list(input_data["image"].getpixel((0, 0))), "type": "cat"}


class Size(Processor):
    def process(self, image, context):
        return Features(np.array(image.size, np.float32))


@pytest.fixture(autouse=True)
def no_settings() -> Iterator[None]:
    """Settings belong to the class, as in the contract."""
    yield
    OpenImage.para = ToStandardOutput.para = {}


def pipeline(*names: str) -> Pipeline:
    registry = Registry()
    for plugin in (OpenImage, PlainArray, Described, Size, ToStandardOutput):
        registry.add(plugin)
    nodes = ", ".join(f'"{number}": {{"processor": "{name}"}}' for number, name in enumerate(names, 1))
    return Workshop(registry, Host(), {}).pipelines({"Adapted": f"{{{nodes}}}"})["Adapted"]


def run(names, image, collection=""):
    return pipeline(*names).run({"image": image, "collection": collection}, {})


def test_a_plain_array_becomes_the_standard_output():
    image = picture(1)
    output = run(["OpenImage", "PlainArray", "ToStandardOutput"], image, "cats")
    assert output.keys() == {"collection", "image", "vertor"}
    assert (output["collection"], output["image"]) == ("cats", image)
    assert output["vertor"] == pytest.approx(np.asarray(Image.open(io.BytesIO(image))).mean((0, 1)))


def test_the_pipeline_gives_a_vector():
    made = pipeline("OpenImage", "PlainArray", "ToStandardOutput").extract(picture(1), "cats")
    assert (made.collection, made.vector.shape) == ("cats", (3,))


def test_a_dict_under_other_keys_becomes_the_standard_output():
    OpenImage.para = {"key": "image"}
    ToStandardOutput.para = {"vector_key": "found", "collection_key": "type"}
    image = picture(2)
    output = run(["OpenImage", "Described", "ToStandardOutput"], image, "")
    pixel = Image.open(io.BytesIO(image)).getpixel((0, 0))
    assert output == {"collection": "cat", "image": image, "vertor": list(pixel)}


@pytest.mark.parametrize("key", ["vertor", "vector"])
def test_of_itself_it_takes_either_name(key):
    output = ToStandardOutput.execute({key: [1, 0], "image": b"bytes", "collection": "dogs"}, {}, None)
    assert output == {"collection": "dogs", "image": b"bytes", "vertor": [1, 0]}


@pytest.mark.parametrize("vector", [b"\x80", [1, 2], np.zeros(3)], ids=["bytes", "list", "array"])
def test_whatever_is_no_dict_is_the_vector(vector):
    assert ToStandardOutput.execute(vector, {}, None)["vertor"] is vector


def test_a_missing_vector_is_told_with_what_there_is():
    with pytest.raises(PluginError, match=r"under 'vertor' or 'vector'; there are: 'features', 'class'\..*vector_key"):
        ToStandardOutput.execute({"features": [1], "class": "cat"}, {}, None)
    ToStandardOutput.para = {"vector_key": "feature"}
    with pytest.raises(PluginError, match=r"under 'feature'; there are: no keys\."):
        ToStandardOutput.execute({}, {}, None)


def test_no_vector_at_all_fails_the_pipeline():
    with pytest.raises((PluginError, PipelineError), match="vector"):
        run(["OpenImage", "ToStandardOutput"], picture(1))


def test_a_typed_processor_takes_the_opened_picture():
    made = pipeline("OpenImage", "Size").extract(picture(1, (40, 30)))
    assert made.vector.tolist() == [40, 30]


def test_a_large_jpeg_is_decoded_smaller_if_told_so():
    image = picture(1, (1600, 1200), "JPEG")
    assert pipeline("OpenImage", "Size").extract(image).vector.tolist() == [1600, 1200]
    OpenImage.para = {"image_size": 100}
    assert pipeline("OpenImage", "Size").extract(image).vector.tolist() == [400, 300]


def test_what_is_no_picture_is_told():
    with pytest.raises(NotAnImageError):
        OpenImage.execute({"image": b"no picture", "collection": ""}, {}, None)


def test_too_many_pixels_are_refused():
    OpenImage.para = {"max_pixels": 1000}
    with pytest.raises(ImageTooLargeError):
        OpenImage.execute({"image": picture(1), "collection": ""}, {}, None)


def test_the_services_settings_reach_them():
    para = {"OpenImage": {"key": "image"}, "ToStandardOutput": {"vector_key": "found"}}
    PluginLoader(Registry(), para, {}).load([], shipped())
    output = OpenImage.execute({"image": picture(1, (40, 30)), "collection": ""}, {}, None)
    assert output["image"].size == (40, 30)
    assert ToStandardOutput.execute({"found": [1, 2]}, {}, None)["vertor"] == [1, 2]


def test_all_that_is_wrong_is_told_at_once():
    para = {"OpenImage": {"image_size": 0, "key": ""}, "ToStandardOutput": {"vector": "found"}}
    with pytest.raises(ConfigError) as raised:
        PluginLoader(Registry(), para, {}).load([], shipped())
    paths = [problem.path.removeprefix("pipeline/processer_para/") for problem in raised.value.problems]
    assert paths == ["OpenImage/image_size", "ToStandardOutput/vector"]


@pytest.mark.parametrize(
    "plugin, para, message",
    [
        (OpenImage, {"image_size": 0}, "OpenImage/image_size: 0 was given. Allowed: a whole number, at least 1"),
        (OpenImage, {"max_pixels": "many"}, "OpenImage/max_pixels: 'many' was given"),
        (ToStandardOutput, {"key": "a"}, "ToStandardOutput/key: There is no such setting. Known: vector_key, coll"),
    ],
)
def test_wrong_settings_are_told_when_it_is_loaded(plugin, para, message):
    plugin.initialize()
    plugin.para = para
    with pytest.raises(ConfigError, match=message):
        plugin.initialize()
