"""`CentreCrop`: the middle of the picture for the next processor."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from search_by_image.errors import ConfigError
from search_by_image.plugins import Host
from search_by_image.processors.centre_crop import CentreCrop

SIDES = st.integers(1, 5000)


def processor(**para):
    return CentreCrop(para, Host())


@pytest.mark.parametrize(
    "para, size, box",
    [
        ({"share": 0.5}, (100, 60), (25, 15, 75, 45)),
        ({}, (100, 60), (10, 6, 90, 54)),
        ({"aspect": 1}, (100, 60), (20, 0, 80, 60)),
        ({"aspect": "1:2"}, (100, 60), (35, 0, 65, 60)),
        ({"aspect": "3/1"}, (90, 60), (0, 15, 90, 45)),
        ({"aspect": 1, "share": 0.5}, (100, 60), (35, 15, 65, 45)),
        ({"share": 1}, (7, 5), (0, 0, 7, 5)),
        ({"share": 0.001}, (7, 5), (3, 2, 4, 3)),
    ],
)
def test_the_box(para, size, box):
    assert processor(**para).box(*size) == box


@given(SIDES, SIDES, st.floats(0.01, 1), st.none() | st.floats(0.01, 100))
def test_the_box_is_within_the_picture_in_the_middle_and_not_empty(width, height, share, aspect):
    left, upper, right, lower = processor(share=share, aspect=aspect).box(width, height)
    assert 0 <= left < right <= width
    assert 0 <= upper < lower <= height
    assert 0 <= (width - right) - left <= 1
    assert 0 <= (height - lower) - upper <= 1
    if aspect is None:
        assert right - left == pytest.approx(share * width, abs=1)


@given(st.integers(1000, 5000), st.integers(1000, 5000), st.floats(0.2, 1), st.floats(0.1, 10))
def test_the_aspect_is_kept(width, height, share, aspect):
    left, upper, right, lower = processor(share=share, aspect=aspect).box(width, height)
    assert (right - left) / (lower - upper) == pytest.approx(aspect, rel=0.08)


def test_the_next_processor_gets_the_middle():
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)
    made = processor(share=0.4).process(Image.fromarray(np.stack([pixels] * 3, axis=-1)), {})
    assert np.asarray(made)[..., 0].tolist() == pixels[3:7, 3:7].tolist()


def test_what_it_says_of_itself():
    made = processor()
    assert (made.processor_name(), made.image_size, made.dimension, made.metric) == ("CentreCrop", None, None, None)


@given(SIDES, SIDES, st.floats(0.05, 1), st.none() | st.floats(0.1, 10))
def test_a_picture_decoded_to_image_size_leaves_enough_for_the_next(width, height, share, aspect):
    made = processor(image_size=100, share=share, aspect=aspect)
    scale = made.image_size / min(width, height)
    left, upper, right, lower = made.box(round(width * scale), round(height * scale))
    assert min(right - left, lower - upper) >= 99


def test_the_fingerprint_tells_every_setting():
    settings = [{}, {"share": 0.5}, {"aspect": 1}, {"aspect": 2}, {"image_size": 100}]
    assert len({processor(**para).fingerprint for para in settings}) == 5
    assert processor(share=0.8).fingerprint == processor(share="0.8").fingerprint == processor().fingerprint


@pytest.mark.parametrize(
    "name, value, choice",
    [
        ("share", 0, "a number, more than 0, at most 1"),
        ("share", 1.01, "a number, more than 0, at most 1"),
        ("aspect", 0, "a number, at least 0.01, at most 100"),
        ("aspect", "4:0", "a number, at least 0.01, at most 100"),
        ("aspect", "wide", "a number, at least 0.01, at most 100"),
        ("image_size", 0, "a whole number, at least 1, at most 4096"),
    ],
)
def test_wrong_settings_are_told(name, value, choice):
    with pytest.raises(ConfigError) as raised:
        processor(**{name: value})
    (problem,) = raised.value.problems
    assert problem.path == f"pipeline/processer_para/CentreCrop/{name}"
    assert choice in problem.message
    assert problem.message.endswith("Leave it out for the default (empty).")
