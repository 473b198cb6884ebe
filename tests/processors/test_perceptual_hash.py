"""`PerceptualHash`: bits for HAMMING that an edit hardly changes."""

import io
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as stn
from PIL import Image, ImageEnhance

from golden_pictures import golden_pictures
from search_by_image.errors import ConfigError
from search_by_image.plugins import Host
from search_by_image.processors.perceptual_hash import PerceptualHash
from search_by_image.vectors.base import Metric

GOLDEN = [
    ("black", 8, 4, "0000000000000000"),
    ("black", 4, 8, "0000"),
    ("gradient", 4, 8, "8735"),
    ("rings", 8, 4, "e06cdf6a7a613861"),
    ("rings", 4, 8, "a6d2"),
    ("shapes", 8, 4, "9e9e616196966969"),
    ("shapes", 4, 8, "9966"),
    ("mosaic", 8, 4, "9c27a071c39beb4a"),
    ("mosaic", 4, 8, "92a7"),
    ("noise", 8, 4, "9067d897a489637d"),
    ("noise", 4, 8, "96d1"),
]
"""Picture, hash_size, detail (highfreq_factor), and `str(imagehash.phash(...))` of ImageHash 4.3.2, SciPy 1.17.1."""


def processor(**para):
    return PerceptualHash(para, Host())


def bits(image, **para):
    return processor(**para).process(image, {}).vector


def restated(grey, size):
    """The cosine sums of the definition, term by term."""
    side = len(grey)

    def coefficient(down, across):
        return sum(
            grey[y][x]
            * math.cos(math.pi * down * (2 * y + 1) / (2 * side))
            * math.cos(math.pi * across * (2 * x + 1) / (2 * side))
            for y in range(side)
            for x in range(side)
        )

    found = [round(coefficient(down, across), 5) for down in range(size) for across in range(size)]
    return [float(value > statistics.median(found)) for value in found], found


@settings(max_examples=10, deadline=None)
@given(stn.arrays(np.uint8, (8, 8)))
def test_a_bit_tells_whether_a_low_frequency_is_above_the_median(grey):
    expected, found = restated(grey.tolist(), 4)
    middle = statistics.median(found)
    made = bits(Image.fromarray(np.stack([grey] * 3, axis=-1)), hash_size=4, detail=2)
    for bit, wanted, value in zip(made.tolist(), expected, found, strict=True):
        assert bit == wanted or abs(value - middle) < 1e-4


@pytest.mark.parametrize("name, size, detail, expected", GOLDEN)
def test_is_that_of_imagehash(name, size, detail, expected):
    made = bits(Image.fromarray(golden_pictures()[name]), hash_size=size, detail=detail)
    assert np.packbits(made.astype(bool)).tobytes().hex() == expected
    assert made.dtype == np.float32


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


EDITS = {
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "squashed": lambda image: image.resize((image.width, image.height // 2)),
    "compressed": lambda image: jpeg(image, 30),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "grey": lambda image: image.convert("L").convert("RGB"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("name", ["rings", "mosaic"])
def test_an_edited_picture_is_nearer_than_any_other(edit, name):
    pictures = {other: Image.fromarray(pixels) for other, pixels in golden_pictures().items()}
    made = bits(edit(pictures[name]))
    apart = {other: np.count_nonzero(made != bits(image)) for other, image in pictures.items()}
    assert apart.pop(name) <= 14
    assert min(apart.values()) >= 20


@pytest.mark.parametrize("grey", [1, 77, 255])
def test_of_one_colour_only_the_mean_is_a_bit(grey):
    assert bits(Image.new("RGB", (50, 40), (grey, grey, grey))).tolist() == [1.0] + 63 * [0.0]


def test_what_it_says_of_itself():
    made = processor()
    assert (made.processor_name(), made.image_size, made.dimension) == ("PerceptualHash", 32, 64)
    assert made.metric is Metric.HAMMING
    assert processor(hash_size=16).dimension == len(bits(Image.new("RGB", (9, 9)), hash_size=16)) == 256


def test_the_fingerprint_tells_every_setting():
    assert len({processor(**para).fingerprint for para in ({}, {"hash_size": 16}, {"detail": 8})}) == 3
    assert processor(hash_size="8", detail=4).fingerprint == processor().fingerprint


@pytest.mark.parametrize(
    "name, value, choice",
    [
        ("hash_size", 6, "a whole number, at least 4, at most 64, a multiple of 4"),
        ("hash_size", 68, "a whole number, at least 4, at most 64, a multiple of 4"),
        ("detail", 0, "a whole number, at least 1, at most 16"),
    ],
)
def test_wrong_settings_are_told(name, value, choice):
    with pytest.raises(ConfigError) as raised:
        processor(**{name: value})
    (problem,) = raised.value.problems
    assert problem.path == f"pipeline/processer_para/PerceptualHash/{name}"
    assert f"{value!r} was given. Allowed: {choice}." in problem.message
