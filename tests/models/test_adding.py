"""Models of the user's own: what is found out, what must be said, and nothing installed that does not work."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from made_models import colour_grid, write_ir
from search_by_image.errors import InvalidInputError, ModelError
from search_by_image.models.adding import add
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore
from search_by_image.models.trying import try_out
from search_by_image.processors.efficientnet_lite0 import read_weights

DATA = Path(__file__).parents[1] / "data"
RANGE = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def added(store, file, name="mine", **said):
    return add(name, [str(file)], said, store, Tools())


@pytest.mark.parametrize("suffix", [".pb", ".onnx", ".tflite"])
def test_a_graph_file(store, suffix):
    tensor = "features" if suffix == ".onnx" else "InceptionV4/Logits/AvgPool_1a/AvgPool:0"
    tensors = {"preprocessing": {**RANGE, "tensor": "input"}, "output": {"tensor": tensor}}
    installed = added(store, (DATA / "tiny_inception").with_suffix(suffix), **tensors)
    model = installed.manifest.model
    assert (model.dimension, model.preprocessing.size, model.preprocessing.resize) == (12, 32, "central-square")
    assert (model.licence.name, model.licence.declared) == ("not told", False)
    assert store.get("mine") == installed


def test_the_weights_beside_an_ir_come_along(store, tmp_path):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    installed = added(store, tmp_path / "grid.xml", preprocessing=RANGE)
    assert set(installed.manifest.files) == {"grid.xml", "grid.bin"}
    assert (installed.manifest.model.dimension, installed.manifest.model.preprocessing.size) == (48, 16)


def test_weights_that_are_known(store):
    model = added(store, DATA / "thin_inception_v4.safetensors", preprocessing={"size": 139}).manifest.model
    assert (model.graph, model.dimension, model.preprocessing.size) == ("inception-v4", 48, 139)


def test_a_known_graph_described_as_it_is(store):
    """As model.json of such a model has it."""
    first = added(
        store, DATA / "thin_inception_v4.safetensors", preprocessing={"size": 139}, output={"tensor": "features"}
    )
    said = json.loads((first.folder / "model.json").read_bytes())["model"]
    again = add("again", [str(DATA / "thin_inception_v4.safetensors")], said, store, Tools()).manifest.model
    assert again == replace(first.manifest.model, name="again")


@pytest.mark.parametrize(
    ("preprocessing", "output", "told"),
    [
        (RANGE, {}, r"preprocessing/mean \(0\.5, 0\.5, 0\.5\), preprocessing/std"),
        ({"order": "BGR"}, {}, "preprocessing/order 'BGR'"),
        ({"layout": "NHWC"}, {}, "preprocessing/layout 'NHWC'"),
        ({"tensor": "image"}, {}, "preprocessing/tensor 'image'"),
        ({}, {"tensor": "logits"}, "output/tensor 'logits'"),
    ],
)
def test_what_a_known_graph_would_ignore_is_refused(store, preprocessing, output, told):
    with pytest.raises(InvalidInputError, match=f"of inception-v4, whose graph is known here.*Leave out {told}"):
        added(store, DATA / "thin_inception_v4.safetensors", preprocessing=preprocessing, output=output)
    assert store.names() == ()


def test_efficientnet_lites_weights_under_timms_names_are_the_same_network(store, tmp_path):
    """timm's names, from its `efficientnet.py` and `_efficientnet_blocks.py`, checked against timm 1.0.31."""
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    later |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    places = [(stage, number) for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for number in range(count)]

    def renamed(name: str) -> str:
        parts = name.split(".")
        if parts[0] != "_blocks":
            return ".".join([outer[parts[0]], *parts[1:]])
        stage, number = places[int(parts[1])]
        return ".".join(["blocks", str(stage), str(number), (later if stage else first)[parts[2]], *parts[3:]])

    tensors = {renamed(name): np.ascontiguousarray(tensor) for name, tensor in read_weights().items()}
    save_file(tensors, tmp_path / "lite0.safetensors")
    installed = added(store, tmp_path / "lite0.safetensors", output={"centred": True})
    assert (installed.manifest.model.graph, installed.manifest.model.dimension) == ("efficientnet-lite0", 1280)
    for found, expected in zip(try_out(installed), try_out(store.get("efficientnet-lite0")), strict=True):
        assert np.abs(found - expected).max() < 1e-6


def test_a_description_may_come_whole(store, tmp_path):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    first = added(
        store, tmp_path / "grid.xml", "first", preprocessing={**RANGE, "order": "BGR"}, output={"centred": True}
    )
    said = json.loads((first.folder / "model.json").read_bytes())["model"]
    second = add("second", [str(tmp_path / "grid.xml")], said, store, Tools())
    assert second.manifest.model.preprocessing == first.manifest.model.preprocessing
    assert second.manifest.model.output == first.manifest.model.output
    assert second.manifest.model.name == "second"


# --- mistakes


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "Say what pixels become"),
        ({"preprocessing": {**RANGE, "resize": "stretch"}}, "preprocessing/resize: Input should be 'central-square'"),
        ({"preprocessing": {**RANGE, "colour": "RGB"}}, "preprocessing/colour: Unexpected keyword"),
        ({"preprocessing": {**RANGE, "mean": (1, 2)}}, "preprocessing/mean"),
        ({"preprocessing": {"mean": (0.5, 0.5, 0.5)}}, "std None do not scale pixels. Say what"),
        ({"preprocessing": {"mean": (0, 0, 0), "std": (1, 0, 1)}}, "do not scale pixels"),
        ({"preprocessing": {**RANGE, "tensor": 3}}, "preprocessing/tensor: Input should be a valid string"),
        ({"preprocessing": RANGE, "dimensions": 48}, "dimensions: Unexpected keyword"),
    ],
)
def test_what_is_said_wrong(store, tmp_path, said, told):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    with pytest.raises(InvalidInputError, match=told):
        added(store, tmp_path / "grid.xml", **said)
    assert store.names() == ()


def test_a_model_that_tells_nothing_apart_is_not_installed(store, tmp_path):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    said = {"preprocessing": {"mean": (0, 0, 0), "std": (1e9, 1e9, 1e9)}, "output": {"normalised": False}}
    with pytest.raises(ModelError, match="the same of two unlike pictures"):
        added(store, tmp_path / "grid.xml", **said)
    assert store.names() == ()


def test_a_name_that_is_taken(store, tmp_path):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    for name in ("mine", "efficientnet-lite0"):
        if name == "mine":
            added(store, tmp_path / "grid.xml", preprocessing=RANGE)
        with pytest.raises(InvalidInputError, match=f"a model '{name}' already.*--force"):
            added(store, tmp_path / "grid.xml", name, preprocessing=RANGE)


def test_a_name_that_is_taken_meanwhile(store, tmp_path, monkeypatch):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    before = added(store, tmp_path / "grid.xml", preprocessing=RANGE)
    with monkeypatch.context() as patched:
        patched.setattr(ModelStore, "find", lambda *_: None)
        with pytest.raises(InvalidInputError, match="a model 'mine' already"):
            added(store, tmp_path / "grid.xml", preprocessing={"mean": (0, 0, 0), "std": (1, 1, 1)})
    assert store.get("mine") == before


@pytest.mark.parametrize("squeezed", ["_blocks.1._se_reduce.weight", "blocks.1.0.se.conv_reduce.weight"])
def test_another_efficientnet_is_not_taken_for_a_lite(store, tmp_path, squeezed):
    """B0 has every tensor that Lite0 reads, of the same shapes."""
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in read_weights().items()}
    save_file(tensors | {squeezed: np.zeros((8, 96, 1, 1), np.float32)}, tmp_path / "b0.safetensors")
    with pytest.raises(ModelError, match="of no network that is known here"):
        added(store, tmp_path / "b0.safetensors")


def test_files_in_two_folders(store, tmp_path):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    with pytest.raises(InvalidInputError, match="in one folder"):
        add("mine", [str(tmp_path / "grid.xml"), str(DATA / "tiny_inception.pb")], {}, store, Tools())


@pytest.mark.parametrize(
    "file",
    [
        "https://models.example.com/",
        "https://models.example.com/..%2f..%2fevil.onnx",
        "https://models.example.com/a/..",
        "https://models.example.com/model.json",
        "/",
    ],
)
def test_what_names_no_file(store, file):
    with pytest.raises(InvalidInputError, match="is no name for a model's file"):
        added(store, file, preprocessing=RANGE)
    assert not store.folder.exists()


def test_an_address_that_is_none(store):
    with pytest.raises(InvalidInputError, match=r"^'https://\[::1/grid\.xml' is not a valid URL: Invalid IPv6"):
        added(store, "https://someone:secret@[::1/grid.xml?signature=secret", preprocessing=RANGE)
    with pytest.raises(InvalidInputError, match=r"'', of https://models\.example\.com/, is no name"):
        added(store, "https://models.example.com/?signature=secret", preprocessing=RANGE)


@pytest.mark.parametrize("name", ["text/model.onnx", "/etc/passwd", "../text.onnx", "..", ".", "model.json"])
@pytest.mark.parametrize("graph", [DATA / "tiny_inception.onnx", "https://models.example.com/grid.onnx"])
def test_a_text_side_in_another_folder(store, graph, name):
    for text in ({"file": name, "tokenizer": "tokenizer.json"}, {"file": "text.onnx", "tokenizer": name}):
        with pytest.raises(InvalidInputError, match=f"{name!r}, of the text side, is no name for a model's file"):
            added(store, graph, preprocessing=RANGE, text=text)


def test_weights_of_an_unknown_network(store, tmp_path):
    save_file({"layer.weight": np.zeros((2, 2), np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"no network that is known here \(efficientnet-lite0, .*Export it as ONNX"):
        added(store, tmp_path / "other.safetensors")


def test_another_kind_of_file(store, tmp_path):
    shutil.copy(DATA / "tiny_inception.onnx", tmp_path / "model.h5")
    with pytest.raises(InvalidInputError, match=r"^'model.h5' is of an unknown kind.*\.pb, .*\.safetensors"):
        added(store, tmp_path / "model.h5", preprocessing=RANGE)


def test_a_tensorflow_checkpoint_comes_with_its_weights(store):
    said = {"preprocessing": {**RANGE, "tensor": "input"}, "output": {"tensor": "features"}}
    installed = added(store, DATA / "tiny_checkpoint.ckpt.meta", **said)
    assert set(installed.manifest.files) == {
        f"tiny_checkpoint.ckpt.{end}" for end in ("meta", "index", "data-00000-of-00001")
    }
    assert (installed.manifest.model.dimension, installed.manifest.model.preprocessing.size) == (8, 32)
