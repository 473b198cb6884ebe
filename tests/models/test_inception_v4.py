"""Inception v4 out of its weights: what PyTorch computes with a thin one (scripts/make_thin_inception.py)."""

from pathlib import Path

import numpy as np
import pytest

from golden_pictures import golden_pictures
from search_by_image.errors import ModelError
from search_by_image.models import inception_v4
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.models.weights_files import read_weights

DATA = Path(__file__).parents[1] / "data"
SIDE = 139


@pytest.fixture(scope="module")
def weights():
    return read_weights(DATA / "thin_inception_v4.safetensors")


@pytest.mark.parametrize("pixels", ["u8", "f32"])
def test_the_features_are_pytorchs(weights, pixels):
    compiled = CompiledModel(inception_v4.build(weights, SIDE, pixels=pixels), RuntimeSettings(threads=1))
    with np.load(DATA / "thin_inception_v4_golden.npz") as file:
        expected = file["features"]
    for picture, features in zip(golden_pictures().values(), expected, strict=True):
        given = np.ascontiguousarray(picture[:SIDE, :SIDE]).astype({"u8": np.uint8, "f32": np.float32}[pixels])
        found = compiled.infer(given)["features"]
        assert np.abs(found - features).max() < 1e-5 * np.abs(features).max()


def test_a_tensor_that_is_missing_is_named(weights):
    less = {name: value for name, value in weights.items() if name != "features.14.branch2.3.conv.weight"}
    with pytest.raises(ModelError, match=r"no tensor 'features\.14\.branch2\.3\.conv\.weight'"):
        inception_v4.build(less, SIDE)


def test_tensors_of_other_shapes_are_refused(weights):
    other = {**weights, "features.14.branch0.bn.bias": np.zeros(5, np.float32)}
    with pytest.raises(ModelError, match="do not fit"):
        inception_v4.build(other, SIDE)


# --- weights files


def test_a_damaged_safetensors_file_is_refused(tmp_path):
    whole = (DATA / "thin_inception_v4.safetensors").read_bytes()
    for name, content in {"cut": whole[:-10], "no header": b"\xff" * 100, "empty": b""}.items():
        file = tmp_path / f"{name}.safetensors"
        file.write_bytes(content)
        with pytest.raises(ModelError, match="not a readable safetensors file"):
            read_weights(file)


def test_a_missing_weights_file(tmp_path):
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        read_weights(tmp_path / "none.safetensors")


def test_an_unknown_kind_of_weights_file(tmp_path):
    with pytest.raises(ModelError, match=r"unknown kind. Known: \.pth, \.safetensors"):
        read_weights(tmp_path / "weights.h5")
