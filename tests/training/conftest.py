"""Made pictures of two classes, and a small base to teach. PyTorch is needed, and not always there."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.numpy import save_file

from search_by_image.models.adding import add
from search_by_image.models.efficientnet_lite import LITE0
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore

WITH_PYTORCH = ("test_backbones.py", "test_training.py", "test_exporting.py", "test_command.py", "test_soak.py")
HERE = find_spec("torch") is not None and find_spec("pytorch_metric_learning") is not None
collect_ignore = [] if HERE or os.environ.get("CI") else list(WITH_PYTORCH)
SIDE = 64
WIDTH = 8


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tests run in several processes: threads that wait for each other would take most of the time."""
    if HERE:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def thin_store(tmp_path_factory) -> ModelStore:
    """Has `thin`, an EfficientNet-Lite0 of few channels and random weights: small checkpoints, quick steps."""
    folder = tmp_path_factory.mktemp("models")
    save_file(dict(thin_weights()), folder / "thin.safetensors")
    store = ModelStore(folder / "installed")
    said = {"preprocessing": {"size": SIDE}, "output": {"centred": True}}
    add("thin", [str(folder / "thin.safetensors")], said, store, Tools())
    return store


def thin_weights() -> Iterator[tuple[str, np.ndarray]]:
    drawn = np.random.default_rng(0)

    def convolution(name: str, norm: str, *shape: int):
        spread = np.sqrt(2 / np.prod(shape[1:]))
        yield f"{name}.weight", drawn.normal(0, spread, shape).astype(np.float32)
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            yield f"{norm}.{part}", np.full(shape[0], value, np.float32)

    yield from convolution("_conv_stem", "_bn0", WIDTH, 3, 3, 3)
    for number in range(sum(stage.repeats for stage in LITE0)):
        block = f"_blocks.{number}."
        inner = 2 * WIDTH if number else WIDTH
        if number:
            yield from convolution(f"{block}_expand_conv", f"{block}_bn0", inner, WIDTH, 1, 1)
        yield from convolution(f"{block}_depthwise_conv", f"{block}_bn1", inner, 1, 3, 3)
        yield from convolution(f"{block}_project_conv", f"{block}_bn2", WIDTH, inner, 1, 1)
    yield from convolution("_conv_head", "_bn1", 4 * WIDTH, WIDTH, 1, 1)


def write_shapes(folder: Path, count: int = 10) -> Path:
    """`round` and `square` figures of any colour, size and place, as PNG."""
    drawn = np.random.default_rng(7)
    for name in ("round", "square"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (80, 72), tuple(drawn.integers(0, 256, 3).tolist()))
            left, upper = drawn.integers(8, 24, 2).tolist()
            box = (left, upper, left + 36, upper + 36)
            draw = ImageDraw.Draw(image)
            shape = draw.ellipse if name == "round" else draw.rectangle
            shape(box, fill=tuple(drawn.integers(0, 256, 3).tolist()))
            image.save(folder / name / f"{number:02}.png")
    return folder


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "set")
