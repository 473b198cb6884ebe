"""Squares for the models, beside Pillow's own bicubic filter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from golden_pictures import golden_pictures
from search_by_image.resizing import central_square


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


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_a_picture_of_another_mode_is_refused(mode):
    with pytest.raises(ValueError, match=f"mode {mode}"):
        central_square(Image.new(mode, (300, 200)), 224)
