"""The default network, compiled once, and what PyTorch computes with it (scripts/make_golden_vectors.py)."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from search_by_image.models import efficientnet_lite
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.processors.efficientnet_lite0 import IMAGE_SIZE, read_weights


@pytest.fixture(scope="session")
def weights():
    return read_weights()


@pytest.fixture(scope="session")
def network(weights) -> ov.Model:
    return efficientnet_lite.build(weights, IMAGE_SIZE, with_classes=True)


@pytest.fixture(scope="session")
def compiled(network) -> CompiledModel:
    return CompiledModel(network, RuntimeSettings(threads=2))


@pytest.fixture(scope="session")
def golden():
    with np.load(Path(__file__).parents[1] / "data" / "efficientnet_lite0_golden.npz") as file:
        return dict(file)
