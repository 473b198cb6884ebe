"""Squares for the models, beside Pillow's own bicubic filter."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from golden_pictures import golden_pictures
from search_by_image.resizing import central_square, squashed, squashed_as_tf1


def banded(width: int, height: int) -> Image.Image:
    """Green in its central square, red around it."""
    image = Image.new("RGB", (width, height), "red")
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste("green", (left, top, left + side, top + side))
    return image


@pytest.mark.parametrize("size", [(900, 300), (300, 900), (224, 1000), (1000, 224), (60, 20), (4000, 400)])
def test_the_square_is_cut_from_the_middle(size):
    pixels = central_square(banded(*size), 224)
    assert pixels.shape == (224, 224, 3)
    assert (pixels[20:-20, 20:-20] == (0, 128, 0)).all()
    assert np.abs(pixels.mean((0, 1)) - (0, 128, 0)).max() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (1, 65_000), (65_000, 1), (3, 20_000)])
def test_tiny_and_thin_pictures(size):
    pixels = central_square(Image.new("RGB", size, (10, 200, 90)), 224)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (10, 200, 90)).all()


def test_a_thin_picture_is_its_middle():
    image = Image.new("RGB", (1, 1001), "black")
    image.putpixel((0, 500), (255, 255, 255))
    assert central_square(image, 224).min() > 100


def test_a_picture_of_the_right_size_is_taken_as_it_is():
    picture = golden_pictures()["noise"]
    assert np.array_equal(central_square(Image.fromarray(picture), 224), picture)


@given(st.integers(1, 400), st.integers(1, 400), st.tuples(*[st.integers(0, 255)] * 3))
def test_any_size(width, height, colour):
    pixels = central_square(Image.new("RGB", (width, height), colour), 224)
    assert pixels.shape == (224, 224, 3)
    assert (pixels == colour).all()


def pillows(image: Image.Image) -> np.ndarray:
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC, box), np.int16)


@pytest.mark.parametrize("size", [(120, 120), (300, 225), (225, 301), (640, 448), (895, 1000)])
def test_the_filter_is_pillows(size):
    picture = Image.fromarray(golden_pictures()["shapes"]).resize(size)
    difference = np.abs(central_square(picture, 224) - pillows(picture))
    assert difference.mean() < 0.5


@pytest.mark.parametrize("size", [(896, 896), (1500, 1344), (4000, 3000)])
def test_a_large_picture_is_averaged_first_and_stays_the_same_picture(size):
    picture = Image.fromarray(golden_pictures()["shapes"]).resize(size)
    difference = np.abs(central_square(picture, 224) - pillows(picture))
    assert difference.mean() < 1


def test_the_answer_can_be_kept():
    first = central_square(Image.new("RGB", (50, 50), "red"), 224)
    central_square(Image.new("RGB", (50, 50), "blue"), 224)
    assert (first == (255, 0, 0)).all()


# --- the whole picture, antialiased


@pytest.mark.parametrize("size", [(50, 80), (300, 225), (225, 301), (598, 30)])
def test_squashed_is_pillows_bilinear(size):
    picture = Image.fromarray(golden_pictures()["shapes"]).resize(size)
    made = squashed(picture, (299, 100))
    expected = np.asarray(picture.resize((299, 100), Image.Resampling.BILINEAR), np.int16)
    assert made.shape == (100, 299, 3)
    assert np.abs(made - expected).mean() < 0.5


def test_a_large_picture_squashed_is_averaged_first():
    picture = Image.fromarray(golden_pictures()["shapes"]).resize((4000, 700))
    expected = np.asarray(picture.resize((299, 299), Image.Resampling.BILINEAR), np.int16)
    assert np.abs(squashed(picture, (299, 299)) - expected).mean() < 1


# --- TensorFlow 1's


def tf1s(picture: np.ndarray, side: int) -> np.ndarray:
    """A pixel at a time, from the definition: the place is the index times the ratio, without half a pixel."""
    height, width, _ = picture.shape
    made = np.empty((side, side, 3))
    for y in range(side):
        for x in range(side):
            down, across = y * height / side, x * width / side
            y0, x0 = int(down), int(across)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            dy, dx = down - y0, across - x0
            top = picture[y0, x0] * (1 - dx) + picture[y0, x1] * dx
            bottom = picture[y1, x0] * (1 - dx) + picture[y1, x1] * dx
            made[y, x] = top * (1 - dy) + bottom * dy
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 20), st.integers(0, 99))
def test_tf1s_resize_beside_its_definition(width, height, side, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    made = squashed_as_tf1(Image.fromarray(picture), side)
    assert made.dtype == np.float32
    assert np.abs(made - tf1s(picture, side)).max() < 0.02


def test_tf1s_resize_beside_tensorflows_own():
    with np.load(Path(__file__).parent / "data" / "tiny_inception_golden.npz") as golden:
        for name in ("shapes", "wide noise", "tall rings", "small", "one pixel"):
            made = squashed_as_tf1(Image.fromarray(golden[f"{name}/picture"]), 32)
            assert np.abs(made / 255 - golden[f"{name}/resized"]).max() < 1e-6


def test_tf1s_resize_is_not_antialiased():
    """Every tenth column decides; the others do not count."""
    picture = np.zeros((320, 320, 3), np.uint8)
    picture[:, ::10] = 255
    assert (squashed_as_tf1(Image.fromarray(picture), 32) == 255).all()
    assert squashed(Image.fromarray(picture), (32, 32)).max() < 60


@pytest.mark.parametrize(
    "resize",
    [
        lambda image: central_square(image, 224),
        lambda image: squashed(image, (9, 9)),
        lambda image: squashed_as_tf1(image, 9),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_a_picture_of_another_mode_is_refused(mode, resize):
    with pytest.raises(ValueError, match=f"mode {mode}"):
        resize(Image.new(mode, (300, 200)))
