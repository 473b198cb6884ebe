"""A description and its files -> one graph: pixels in, features out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from golden_pictures import golden_pictures
from made_models import SIDE, colour_grid, described, write_ir
from search_by_image.errors import ModelError
from search_by_image.models.description import IMAGENET_MEAN, IMAGENET_STD, Output, Preprocessing
from search_by_image.models.opening import FEATURES, open_model
from search_by_image.models.runtime import CompiledModel, RuntimeSettings

PIXELS = np.ascontiguousarray(golden_pictures()["rings"][40:56, 90:106])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("grid")
    write_ir(colour_grid(), made / "grid.xml")
    return made


def features(folder, pixels=PIXELS, **changes):
    model = open_model(folder, described(**changes))
    return CompiledModel(model, RuntimeSettings(threads=1)).infer(pixels)[FEATURES]


def cells(pixels) -> np.ndarray:
    """The means of 4 x 4 cells, shape (3, 4, 4)."""
    return pixels.reshape(4, 4, 4, 4, 3).mean((1, 3)).transpose(2, 0, 1)


def test_the_output_is_one_row(folder):
    expected = cells(PIXELS / 255).ravel()
    for tensor in ("means", "grid", ""):
        assert np.abs(features(folder, output=Output(tensor)) - expected).max() < 1e-6


def test_the_first_row_and_the_mean_of_the_rows(folder):
    expected = cells(PIXELS / 255).reshape(3, 16).T
    first = features(folder, output=Output("tokens", "cls"), dimension=3)
    assert np.abs(first - expected[0]).max() < 1e-6
    for tensor in ("tokens", "grid"):
        assert np.abs(features(folder, output=Output(tensor, "mean"), dimension=3) - expected.mean(0)).max() < 1e-6


def test_mean_and_deviation_of_each_channel(folder):
    preprocessing = replace(described().preprocessing, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    scaled = (PIXELS / 255 - IMAGENET_MEAN) / IMAGENET_STD
    assert np.abs(features(folder, preprocessing=preprocessing) - cells(scaled).ravel()).max() < 1e-5


def test_blue_first(folder):
    preprocessing = replace(described().preprocessing, order="BGR", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    scaled = (PIXELS[..., ::-1] / 255 - (0.1, 0.2, 0.3)) / (1.0, 2.0, 4.0)
    assert np.abs(features(folder, preprocessing=preprocessing) - cells(scaled).ravel()).max() < 1e-5


def test_without_mean_and_deviation_the_graph_gets_whole_pixels(folder):
    preprocessing = replace(described().preprocessing, mean=None, std=None)
    assert np.abs(features(folder, preprocessing=preprocessing) - cells(PIXELS).ravel()).max() < 1e-3


@pytest.mark.parametrize("layout", ["NHWC", None])
def test_channels_last(tmp_path, layout):
    image = op.parameter([1, SIDE, SIDE, 3], ov.Type.f32, name="image")
    model = ov.Model([op.result(op.add(image, np.float32(0)))], [image], "same")
    model.input(0).set_names({"image"})
    model.outputs[0].get_tensor().set_names({"out"})
    write_ir(model, tmp_path / "grid.xml")
    preprocessing = replace(described().preprocessing, layout=layout)
    found = features(tmp_path, preprocessing=preprocessing, output=Output("out", "mean"), dimension=3)
    assert np.abs(found - (PIXELS / 255).mean((0, 1))).max() < 1e-6


def test_any_size(tmp_path):
    image = op.parameter(ov.PartialShape([1, 3, -1, -1]), ov.Type.f32, name="image")
    model = ov.Model([op.result(op.reduce_mean(image, np.array([2, 3]), keep_dims=False))], [image], "means")
    model.input(0).set_names({"image"})
    model.outputs[0].get_tensor().set_names({"means"})
    write_ir(model, tmp_path / "grid.xml")
    preprocessing = replace(described().preprocessing, resize="shorter-side")
    for pixels in (PIXELS, np.ascontiguousarray(golden_pictures()["gradient"][:30, :70])):
        found = features(tmp_path, pixels, preprocessing=preprocessing, dimension=3)
        assert np.abs(found - (pixels / 255).mean((0, 1))).max() < 1e-5


# --- mistakes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dimension": 47}, r"features of shape \[1,48\], and \(1, 47\) is described"),
        ({"output": Output("means", "cls")}, r"shape \[1,48\], of which 'cls' takes nothing"),
        ({"output": Output("means", "mean")}, "'mean' takes nothing"),
        ({"output": Output("mean")}, "no tensor named 'mean'. Alike: means"),
        ({"file": "none.xml"}, "There is no model file"),
        ({"preprocessing": Preprocessing(32)}, "not .*32"),
        ({"preprocessing": Preprocessing(16, tensor="images")}, "no input named 'images'. Its inputs: image"),
        ({"graph": "inception-v4"}, r"unknown kind. Known: \.pth, \.safetensors"),
        ({"graph": "inception-v4", "preprocessing": Preprocessing(299, "shorter-side")}, "takes squares"),
    ],
)
def test_what_cannot_be_opened(folder, changes, said):
    with pytest.raises(ModelError, match=said):
        open_model(folder, described(**changes))


def test_which_of_two_pictures_is_meant_must_be_said(tmp_path):
    inputs = [op.parameter([1, 3, SIDE, SIDE], ov.Type.f32, name=name) for name in ("one", "other")]
    model = ov.Model([op.result(node) for node in inputs], inputs, "two")
    for node, name in zip(inputs, ("one", "other"), strict=True):
        node.output(0).set_names({name})
    write_ir(model, tmp_path / "grid.xml")
    with pytest.raises(ModelError, match=r"one, other\. Name it"):
        open_model(tmp_path, described(output=Output("one"), dimension=768))
    chosen = replace(described().preprocessing, tensor="other")
    with pytest.raises(ModelError, match="wants more than a picture: one"):
        open_model(tmp_path, described(output=Output("one"), dimension=768, preprocessing=chosen))
    open_model(tmp_path, described(output=Output("other"), dimension=768, preprocessing=chosen))
