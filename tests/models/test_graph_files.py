"""Model files of five kinds, made by scripts/make_tiny_frozen_graph.py, and what is said of those that do not fit."""

import shutil
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from search_by_image.errors import ModelError
from search_by_image.models.graph_files import GraphFile, GraphInput
from search_by_image.models.graph_weights import file_digest
from search_by_image.models.runtime import CompiledModel, RuntimeSettings

DATA = Path(__file__).parents[1] / "data"
FEATURES = "InceptionV4/Logits/AvgPool_1a/AvgPool:0"
PREDICTIONS = "InceptionV4/Logits/Predictions:0"
NAMES = {".onnx": ("input", "features", "predictions")}


@pytest.fixture(scope="module")
def golden():
    with np.load(DATA / "tiny_inception_golden.npz") as file:
        return dict(file)


@pytest.fixture(params=[".pb", ".tflite", ".onnx", ".xml"])
def file(request, tmp_path) -> Path:
    if request.param != ".xml":
        return DATA / f"tiny_inception{request.param}"
    model = ov.Core().read_model(DATA / "tiny_inception.pb")
    model.add_outputs([FEATURES])
    ov.save_model(model, tmp_path / "tiny.xml", compress_to_fp16=False)
    return tmp_path / "tiny.xml"


def run(model: ov.Model, pixels: np.ndarray):
    return CompiledModel(model, RuntimeSettings(threads=1)).infer(pixels)


def saved(model: ov.Model, folder: Path) -> GraphFile:
    ov.save_model(model, folder / "made.xml", compress_to_fp16=False)
    return GraphFile(folder / "made.xml")


def passing(*shape: int, kind=ov.Type.f32, extra: bool = False, folder: Path) -> GraphFile:
    """The input itself is the output."""
    source = op.parameter(list(shape), kind, name="picture")
    source.output(0).get_tensor().set_names({"picture"})
    inputs = [source]
    outcome = op.add(source, op.constant(np.zeros(1), kind))
    if extra:
        inputs.append(op.parameter([1], kind, name="is_training"))
        outcome = op.add(outcome, inputs[1])
    outcome.output(0).get_tensor().set_names({"same"})
    return saved(ov.Model([op.result(outcome)], inputs, "passing"), folder)


def test_every_kind_gives_tensorflows_answers(file, golden):
    source, features, predictions = NAMES.get(file.suffix, ("input:0", FEATURES, PREDICTIONS))
    wanted = {"features": features, "predictions": predictions}
    model = GraphFile(file).model(GraphInput(source, (32, 32), pixels="f32", low=-1, high=1), wanted)
    assert {output.any_name: output.partial_shape.to_shape()[0] for output in model.outputs} == dict.fromkeys(wanted, 1)
    for name in ("shapes", "wide noise", "one pixel"):
        answers = run(model, golden[f"{name}/resized"] * np.float32(255))
        for key in wanted:
            assert np.abs(answers[key].ravel() - golden[f"{name}/{key}"]).max() < 1e-5


def test_one_output_alone(golden):
    model = GraphFile(DATA / "tiny_inception.pb").model(GraphInput("input:0", (32, 32)), {"only": FEATURES})
    assert [output.any_name for output in model.outputs] == ["only"]
    assert "Softmax" not in {node.get_type_name() for node in model.get_ordered_ops()}


@pytest.mark.parametrize("shape", [(1, 4, 5, 3), (1, 3, 4, 5), (-1, -1, -1, 3), (-1, 3, -1, -1)])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1), (-2, 3)])
def test_layouts_and_ranges(shape, low, high, tmp_path):
    model = passing(*shape, folder=tmp_path).model(GraphInput("picture", (5, 4), low=low, high=high), {"same": "same"})
    pixels = np.random.default_rng(1).integers(0, 256, (4, 5, 3), np.uint8)
    pixels[0, 0] = (0, 128, 255)
    made = run(model, pixels)["same"]
    if shape[1] == 3:
        made = made.transpose(1, 2, 0)
    assert np.abs(made - (low + pixels / 255 * (high - low))).max() < 1e-4


def test_a_layout_that_the_shape_does_not_tell(tmp_path):
    graph = passing(1, 3, 3, 3, folder=tmp_path)
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    usual = run(graph.model(GraphInput("picture", (3, 3)), {"same": "same"}), pixels)["same"]
    told = run(graph.model(GraphInput("picture", (3, 3), "NCHW"), {"same": "same"}), pixels)["same"]
    assert np.array_equal(usual, pixels)
    assert np.array_equal(told, pixels.transpose(2, 0, 1))


def test_an_input_of_integers_gets_the_pixels_as_they_are(tmp_path):
    graph = passing(1, 4, 5, 3, kind=ov.Type.u8, folder=tmp_path)
    model = graph.model(GraphInput("picture", (5, 4), pixels="f32", low=-1, high=1), {"same": "same"})
    assert model.input(0).element_type == ov.Type.u8
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert np.array_equal(run(model, pixels)["same"], pixels)


def test_any_size(tmp_path):
    graph = passing(-1, -1, -1, 3, folder=tmp_path)
    model = CompiledModel(graph.model(GraphInput("picture"), {"same": "same"}), RuntimeSettings(threads=1))
    for size in ((4, 5), (7, 2)):
        pixels = np.full((*size, 3), 9, np.uint8)
        assert np.array_equal(model.infer(pixels)["same"], pixels)
    assert graph.size("picture") is None
    assert GraphFile(DATA / "tiny_inception.onnx").size("input") == (32, 32)


@pytest.mark.parametrize("name", ["input", "input:0"])
def test_the_number_of_the_output_may_be_missing(name):
    graph = GraphFile(DATA / "tiny_inception.pb")
    assert graph.has(name)
    assert graph.has(FEATURES.removesuffix(":0"))
    assert not graph.has("inpu")
    assert set(graph.tensors()) >= {"input:0", FEATURES, PREDICTIONS}


# --- what does not fit


def test_an_unknown_tensor_names_those_alike():
    graph = GraphFile(DATA / "tiny_inception.pb")
    with pytest.raises(ModelError, match=r"no tensor named 'InceptionV3/Logits/AvgPool:0'") as raised:
        graph.model(GraphInput("input:0", (32, 32)), {"features": "InceptionV3/Logits/AvgPool:0"})
    assert FEATURES in str(raised.value)
    with pytest.raises(ModelError, match=r"Alike: none"):
        graph.model(GraphInput("input:0", (32, 32)), {"features": "qqqqqqqqqqqq"})


@pytest.mark.parametrize("name", ["images:0", FEATURES])
def test_an_input_that_is_none(name):
    with pytest.raises(ModelError, match=r"has no input named .* Its inputs: input:0"):
        GraphFile(DATA / "tiny_inception.pb").model(GraphInput(name, (32, 32)), {"features": FEATURES})


def test_another_size_than_the_graphs():
    with pytest.raises(
        ModelError, match=r"takes NHWC pictures of shape .*32,32,3., not .1,299,299,3.. Check image_size"
    ):
        GraphFile(DATA / "tiny_inception.pb").model(GraphInput("input:0", (299, 299)), {"features": FEATURES})


def test_an_input_that_takes_no_picture(tmp_path):
    with pytest.raises(ModelError, match=r"it takes no picture"):
        passing(1, 3, folder=tmp_path).model(GraphInput("picture", (5, 4)), {"same": "same"})


def test_four_channels(tmp_path):
    with pytest.raises(ModelError, match=r"pictures of shape .1,4,5,4., not .1,4,5,3."):
        passing(1, 4, 5, 4, folder=tmp_path).model(GraphInput("picture", (5, 4)), {"same": "same"})


def test_another_input_that_is_needed(tmp_path):
    graph = passing(1, 4, 5, 3, extra=True, folder=tmp_path)
    with pytest.raises(ModelError, match=r"wants more than a picture: is_training"):
        graph.model(GraphInput("picture", (5, 4)), {"same": "same"})


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(ModelError, match=r"There is no model file .*none.pb"):
        GraphFile(tmp_path / "none.pb")
    (tmp_path / "model.h5").touch()
    with pytest.raises(ModelError, match=r"unknown kind. Known: .pb \(TensorFlow frozen graph\), .onnx"):
        GraphFile(tmp_path / "model.h5")


@pytest.mark.parametrize("suffix", [".pb", ".onnx", ".xml", ".tflite"])
@pytest.mark.parametrize("content", [b"", b"no model at all" * 50])
def test_damaged_files(suffix, content, tmp_path):
    file = tmp_path / f"damaged{suffix}"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be (read|used)|has no (input|tensor)"):
        GraphFile(file).model(GraphInput("input:0", (32, 32)), {"features": FEATURES})


# --- the digest


def test_the_digest_is_that_of_the_content(tmp_path):
    content = (DATA / "tiny_inception.pb").read_bytes()
    copy = tmp_path / "copy.pb"
    copy.write_bytes(content)
    assert file_digest(copy) == file_digest(DATA / "tiny_inception.pb")
    copy.write_bytes(content + b"\0")
    assert file_digest(copy) != file_digest(DATA / "tiny_inception.pb")
    with pytest.raises(ModelError, match="cannot be read"):
        file_digest(tmp_path / "none.pb")


@pytest.mark.parametrize(
    ("file", "weights"),
    [("m.xml", "m.bin"), ("m.onnx", "m.onnx.data"), ("m.onnx", "m.onnx_data"), ("m.onnx", "m.data")],
)
def test_the_weights_beside_a_file_count(file, weights, tmp_path):
    (tmp_path / file).write_bytes(b"graph")
    alone = file_digest(tmp_path / file)
    (tmp_path / weights).write_bytes(b"weights")
    first = file_digest(tmp_path / file)
    (tmp_path / weights).write_bytes(b"others")
    assert len({alone, first, file_digest(tmp_path / file)}) == 3


def test_a_graph_that_tells_no_shape(tmp_path):
    source = op.parameter(ov.PartialShape.dynamic(), ov.Type.f32, name="picture")
    source.output(0).get_tensor().set_names({"picture"})
    outcome = op.relu(source)
    outcome.output(0).get_tensor().set_names({"same"})
    graph = saved(ov.Model([op.result(outcome)], [source], "shapeless"), tmp_path)
    assert graph.size("picture") is None
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert np.array_equal(run(graph.model(GraphInput("picture", (5, 4)), {"same": "same"}), pixels)["same"], pixels)


def test_a_graph_that_works_for_one_size_only(tmp_path):
    source = op.parameter([-1, -1, -1, 3], ov.Type.f32, name="picture")
    source.output(0).get_tensor().set_names({"picture"})
    outcome = op.add(source, op.constant(np.zeros((1, 7, 7, 3), np.float32)))
    outcome.output(0).get_tensor().set_names({"same"})
    graph = saved(ov.Model([op.result(outcome)], [source], "seven"), tmp_path)
    with pytest.raises(ModelError, match=r"cannot be used for pictures of 5 x 4 pixels"):
        graph.model(GraphInput("picture", (5, 4)), {"same": "same"})


# --- TensorFlow's checkpoints

CHECKPOINT = DATA / "tiny_checkpoint.ckpt.meta"


def test_a_checkpoint_with_its_meta_graph_answers_as_tensorflow_does():
    source = GraphInput("input", (32, 32), pixels="f32", low=0.0, high=1.0)
    model = CompiledModel(GraphFile(CHECKPOINT).model(source, {"features": "features"}), RuntimeSettings(threads=1))
    with np.load(DATA / "tiny_checkpoint_golden.npz") as golden:
        answer = model.infer(golden["pixels"][0] * 255)["features"]
        assert np.abs(answer - golden["features"][0]).max() < 1e-6


def test_a_checkpoints_weights_belong_to_its_digest(tmp_path):
    for part in DATA.glob("tiny_checkpoint.ckpt.*"):
        shutil.copy(part, tmp_path)
    before = file_digest(tmp_path / CHECKPOINT.name)
    data = tmp_path / "tiny_checkpoint.ckpt.data-00000-of-00001"
    data.write_bytes(bytes([data.read_bytes()[0] ^ 1]) + data.read_bytes()[1:])
    assert file_digest(tmp_path / CHECKPOINT.name) != before


def test_a_checkpoint_without_its_weights(tmp_path):
    shutil.copy(CHECKPOINT, tmp_path)
    with pytest.raises(ModelError, match="cannot be read as TensorFlow checkpoint"):
        GraphFile(tmp_path / CHECKPOINT.name)


@pytest.mark.parametrize("name", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001"])
def test_a_checkpoints_weights_alone(tmp_path, name):
    (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(ModelError, match=r"no graph. Give the \.meta file"):
        GraphFile(tmp_path / name)
