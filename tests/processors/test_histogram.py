"""`HistogramVetor`: spec section 4, the RGB histogram of the resized image divided by the pixel count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from PIL import Image

from search_by_image.errors import ConfigError
from search_by_image.plugins import Host
from search_by_image.processors.histogram import HistogramVetor


def histogram(pixels, **para):
    return HistogramVetor(para, Host()).process(Image.fromarray(pixels), {}).vector


def counted(pixels):
    """Pixel by pixel, channel by channel."""
    counts = [0] * 768
    for row in pixels.tolist():
        for colour in row:
            for channel, level in enumerate(colour):
                counts[256 * channel + level] += 1
    return [count / (pixels.shape[0] * pixels.shape[1]) for count in counts]


@settings(max_examples=30, deadline=None)
@given(stn.arrays(np.uint8, (5, 5, 3)))
def test_is_each_levels_share_of_the_pixels(pixels):
    made = histogram(pixels, image_size=5)
    assert made.dtype == np.float32
    assert made == pytest.approx(counted(pixels))


@settings(max_examples=20, deadline=None)
@given(stn.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))), st.integers(1, 20))
def test_of_any_size_each_channel_sums_to_1(pixels, side):
    assert histogram(pixels, image_size=side).reshape(3, 256).sum(axis=1) == pytest.approx([1, 1, 1])


def test_the_whole_picture_counts_not_its_middle():
    pixels = np.zeros((300, 900, 3), np.uint8)
    pixels[:, :300, 0] = 255
    made = histogram(pixels, image_size=90)
    assert made[255] == pytest.approx(1 / 3, abs=0.02)
    assert made[0] == pytest.approx(2 / 3, abs=0.02)


def test_what_it_says_of_itself():
    made = HistogramVetor({}, Host())
    assert (made.processor_name(), made.image_size, made.dimension, made.metric) == ("HistogramVetor", 299, 768, None)


def test_the_fingerprint_tells_the_size():
    prints = [HistogramVetor(para, Host()).fingerprint for para in ({}, {"image_size": 299}, {"image_size": 300})]
    assert prints[0] == prints[1] != prints[2]


def test_a_size_given_as_text_is_a_number():
    assert HistogramVetor({"image_size": "64"}, Host()).image_size == 64


@pytest.mark.parametrize("value", [0, -1, 5000, "large", 1.5])
def test_a_wrong_size_is_told_with_what_is_allowed(value):
    with pytest.raises(ConfigError) as raised:
        HistogramVetor({"image_size": value}, Host())
    (problem,) = raised.value.problems
    assert problem.path == "pipeline/processer_para/HistogramVetor/image_size"
    assert problem.message.startswith(f"{value!r} was given. Allowed: a whole number, at least 1, at most 4096.")


def test_a_setting_that_does_not_exist_lists_those_that_do():
    with pytest.raises(ConfigError, match=r"HistogramVetor/size: There is no such setting\. Known: image_size\."):
        HistogramVetor({"size": 3}, Host())
