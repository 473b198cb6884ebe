"""The networks as PyTorch modules: the same numbers as the catalogue's graphs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from made_models import install_grid
from search_by_image.errors import InvalidInputError, MissingDependencyError, ModelNotInstalledError
from search_by_image.models import efficientnet_lite, inception_v4
from search_by_image.models.adding import add
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore
from search_by_image.processors.efficientnet_lite0 import read_weights
from search_by_image.training.backbones import open_backbone
from search_by_image.training.network import Network
from search_by_image.training.timm_models import without_inplace

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def store(tmp_path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def features(backbone, pixels) -> np.ndarray:
    """Through the new layers, which change nothing at first."""
    with torch.no_grad():
        return Network(backbone, backbone.dimension, 2).eval()(torch.from_numpy(pixels[None]))[0].numpy()


@pytest.mark.parametrize("side", [224, 50])
def test_efficientnet_lite0(store, side):
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    graph = CompiledModel(efficientnet_lite.build(read_weights(), side), RuntimeSettings(threads=1))
    expected = graph.infer(pixels)["features"]
    backbone = open_backbone("efficientnet-lite0", store, side)
    assert (backbone.dimension, backbone.preprocessing.size, backbone.centred) == (1280, side, True)
    assert np.abs(features(backbone, pixels) - (expected - expected.mean())).max() < 1e-4


def test_inception_v4(store):
    weights = DATA / "thin_inception_v4.safetensors"
    add("thin", [str(weights)], {"preprocessing": {"size": 139}}, store, Tools())
    pixels = np.random.default_rng(0).integers(0, 256, (139, 139, 3), np.uint8)
    graph = CompiledModel(inception_v4.build(load_file(weights), 139), RuntimeSettings(threads=1))
    expected = graph.infer(pixels)["features"]
    assert np.abs(expected).max() > 1
    assert np.abs(features(open_backbone("thin", store), pixels) - expected).max() < 1e-4


def test_smaller_features_keep_the_distances_about(store):
    backbone = open_backbone("efficientnet-lite0", store, 64)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    torch.manual_seed(0)
    with torch.no_grad():
        whole, small = (
            Network(backbone, size, 2).eval()(torch.from_numpy(pixels)) for size in (backbone.dimension, 320)
        )
    share = torch.linalg.norm(small[0] - small[1:], dim=1) / torch.linalg.norm(whole[0] - whole[1:], dim=1)
    assert small.shape == (4, 320)
    assert torch.abs(share - 0.5).max() < 0.1


def test_bases_that_cannot_be_taught(store):
    install_grid(store)
    with pytest.raises(InvalidInputError, match=r"'colour-grid' is a finished graph.*efficientnet-lite0"):
        open_backbone("colour-grid", store)
    with pytest.raises(InvalidInputError, match="32 pixels a side at least, not 16"):
        open_backbone("efficientnet-lite0", store, 16)
    with pytest.raises(ModelNotInstalledError, match="models pull efficientnet-lite2"):
        open_backbone("efficientnet-lite2", store)


def test_a_base_of_timm(store):
    try:
        import timm
    except (ImportError, RuntimeError):
        with pytest.raises(MissingDependencyError, match=r"search-by-image\[timm\]"):
            open_backbone("timm:resnet18", store)
    else:
        assert timm.is_model("resnet18")
        with pytest.raises(InvalidInputError, match="timm has no model 'no_such_model'"):
            open_backbone("timm:no_such_model", store)


def test_activations_in_place_are_taken_out():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True), nn.Sequential(nn.Hardswish(inplace=True)))
    without_inplace(module)
    assert not any(getattr(part, "inplace", False) for part in module.modules())
