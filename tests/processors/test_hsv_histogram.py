"""`HSVClusterHistogramVetor`: spec section 4, the histogram over clusters of hue, saturation and value."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from PIL import Image

from search_by_image.errors import ConfigError, ImageError
from search_by_image.plugins import Host
from search_by_image.processors.hsv_histogram import HSVClusterHistogramVetor

BLACK, WHITE, GREY = (0, 0, 0), (255, 255, 255), (100, 100, 100)
RED, YELLOW, GREEN, CYAN, BLUE, MAGENTA = (
    (255, 0, 0),
    (255, 255, 0),
    (0, 255, 0),
    (0, 255, 255),
    (0, 0, 255),
    (255, 0, 255),
)


def processor(**para):
    return HSVClusterHistogramVetor(para, Host())


def histogram(pixels, **para):
    pixels = np.asarray(pixels, np.uint8)
    return processor(image_size=len(pixels), **para).process(Image.fromarray(pixels), {}).vector


def square(*colours):
    """A picture of 4 x 4 pixels, row by row, the last colour filling the rest."""
    return np.array([*colours, *[colours[-1]] * (16 - len(colours))], np.uint8).reshape(4, 4, 3)


def bin_of(hue, saturation, value, splits=(6, 4, 3)):
    return (hue * splits[1] + saturation) * splits[2] + value


def restated(pixels, splits, line):
    """By the docstring, one pixel at a time."""
    shares, total = [0] * (splits[0] * splits[1] * splits[2]), 0
    for colour in pixels.reshape(-1, 3).tolist():
        if colour == [0, 0, 0]:
            continue
        hue, saturation, value = Image.new("RGB", (1, 1), tuple(colour)).convert("HSV").getpixel((0, 0))
        centres = [min(abs(hue - 255 * k / splits[0]), 255 - abs(hue - 255 * k / splits[0])) for k in range(splits[0])]
        nearest = [k for k, far in enumerate(centres) if far < min(centres) + 1e-9]
        hue_bin = nearest[0] if {0, splits[0] - 1} == set(nearest) and len(nearest) > 1 else nearest[-1]
        shares[bin_of(hue_bin, int(saturation / 256 * splits[1]), int(value / 256 * splits[2]), splits)] += 1
        total += 1
    line = min(line * total, max(shares))
    kept = [count if count >= line else 0 for count in shares]
    return [count / sum(kept) for count in kept]


@settings(max_examples=60, deadline=None)
@given(
    stn.arrays(np.uint8, (4, 4, 3), elements=st.sampled_from([0, 1, 60, 127, 128, 200, 255]) | st.integers(0, 255)),
    st.tuples(st.integers(1, 8), st.integers(1, 6), st.integers(1, 6)),
    st.sampled_from([0, 0.01, 0.1, 0.2, 0.9]),
)
def test_is_what_the_docstring_says(pixels, splits, line):
    assume(pixels.any())
    made = histogram(pixels, h_split_num=splits[0], s_split_num=splits[1], v_split_num=splits[2], remove_line=line)
    assert made.dtype == np.float32
    assert made == pytest.approx(restated(pixels, splits, line), abs=1e-6)
    assert made.sum(dtype=np.float64) == pytest.approx(1)


@pytest.mark.parametrize("place, colour", list(enumerate([RED, YELLOW, GREEN, CYAN, BLUE, MAGENTA])))
def test_each_of_the_six_hues_has_its_bin(place, colour):
    assert np.flatnonzero(histogram(square(colour))).tolist() == [bin_of(place, 3, 2)]


@pytest.mark.parametrize("colour", [(255, 0, 60), (255, 0, 0), (255, 60, 0)])
def test_reds_of_either_side_are_one_red(colour):
    assert histogram(square(colour))[bin_of(0, 3, 2)] == 1


def test_greys_have_no_saturation():
    made = histogram(square(WHITE, WHITE, WHITE, WHITE, GREY))
    assert made[bin_of(0, 0, 2)] == pytest.approx(0.25)
    assert made[bin_of(0, 0, 1)] == pytest.approx(0.75)


def test_pure_black_is_background_and_nearly_black_is_not():
    made = histogram(square(RED, RED, (1, 1, 1), (1, 1, 1), BLACK))
    assert made[bin_of(0, 3, 2)] == made[bin_of(0, 0, 0)] == 0.5


def test_bins_under_the_line_are_removed_and_those_on_it_stay():
    picture = square(BLUE, BLUE, GREEN, RED)
    assert histogram(picture, remove_line=0.125)[bin_of(4, 3, 2)] == pytest.approx(2 / 15)
    assert histogram(picture, remove_line=0.125)[bin_of(2, 3, 2)] == 0
    assert histogram(picture, remove_line=0.13)[bin_of(0, 3, 2)] == 1


def test_the_fullest_bin_stays_whatever_the_line():
    assert histogram(square(BLUE, BLUE, GREEN, GREEN, RED, RED, RED, BLACK), remove_line=0.9).max() == 1


def test_all_black_is_told():
    with pytest.raises(ImageError, match="black all over"):
        histogram(square(BLACK))


def test_what_it_says_of_itself():
    made = processor()
    assert (made.processor_name(), made.image_size, made.dimension) == ("HSVClusterHistogramVetor", 299, 72)
    assert made.metric is None
    assert processor(h_split_num=8, s_split_num=2, v_split_num=2).dimension == 32


def test_the_fingerprint_tells_every_setting():
    changed = {"image_size": 64, "h_split_num": 5, "s_split_num": 5, "v_split_num": 5, "remove_line": 0.02}
    prints = {processor().fingerprint, *(processor(**{name: value}).fingerprint for name, value in changed.items())}
    assert len(prints) == 6
    assert processor(h_split_num=6, remove_line="0.01").fingerprint == processor().fingerprint


@pytest.mark.parametrize(
    "name, value, choice",
    [
        ("h_split_num", 0, "a whole number, at least 1, at most 64"),
        ("s_split_num", "four", "a whole number, at least 1, at most 64"),
        ("v_split_num", 65, "a whole number, at least 1, at most 64"),
        ("remove_line", 1, "a number, at least 0, less than 1"),
        ("remove_line", -0.1, "a number, at least 0, less than 1"),
        ("remove_line", float("nan"), "a number, at least 0, less than 1"),
    ],
)
def test_wrong_settings_are_told(name, value, choice):
    with pytest.raises(ConfigError) as raised:
        processor(**{name: value})
    (problem,) = raised.value.problems
    assert problem.path == f"pipeline/processer_para/HSVClusterHistogramVetor/{name}"
    assert f"{value!r} was given. Allowed: {choice}." in problem.message


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(ConfigError) as raised:
        processor(h_split_num=0, v_split_num=0)
    assert len(raised.value.problems) == 2
