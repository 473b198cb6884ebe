"""The eight edits: what they make of a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from cheap_library import picture
from golden_pictures import golden_pictures
from search_by_image.images import ImageLimits
from search_by_image.quality.edits import EDITS, edited


def made_of(pixels, name):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Image.open(io.BytesIO(edited(buffer.getvalue(), name, ImageLimits())))


@pytest.fixture
def shapes():
    return golden_pictures()["shapes"]


def near(image, pixels):
    """The mean difference of two pictures of one size, in grey levels."""
    return np.abs(np.asarray(image.convert("RGB"), float) - np.asarray(pixels, float)).mean()


def test_there_are_eight():
    assert len(EDITS) == 8


def test_sizes_and_pixels_are_what_the_names_say(shapes):
    assert made_of(shapes, "half size").size == (112, 112)
    assert near(made_of(shapes, "crop 80 %"), shapes[22:-22, 22:-22]) < 4
    assert near(made_of(shapes, "flip"), shapes[:, ::-1]) < 4
    assert near(made_of(shapes, "JPEG 30"), shapes) < 8
    grey = np.asarray(made_of(shapes, "grey").convert("RGB"), int)
    assert np.ptp(grey, axis=2).max() <= 2
    assert near(made_of(shapes, "brightness"), np.minimum(shapes * 1.3, 255)) < 4
    turned = made_of(shapes, "turn 10 degrees")
    assert turned.size > (224, 224)
    assert min(turned.getpixel((0, 0))) > 245
    framed = made_of(shapes, "text and border")
    assert framed.size == (268, 268)
    assert min(framed.getpixel((3, 130))) > 245
    inside = np.asarray(framed, float)[22:-22, 22:-22]
    assert near(Image.fromarray(inside[:100].astype(np.uint8)), shapes[:100]) < 4  # words are further down
    assert np.abs(inside[150:] - shapes[150:]).mean() > 8


@pytest.mark.parametrize("name", EDITS)
def test_they_take_the_smallest_picture_and_a_narrow_one(name):
    for size in ((1, 1), (1, 40), (900, 2)):
        assert Image.open(io.BytesIO(edited(picture(1, size), name, ImageLimits()))).format == "JPEG"


@pytest.mark.parametrize("name", EDITS)
def test_the_same_picture_gives_the_same_bytes(name):
    assert edited(picture(3), name, ImageLimits()) == edited(picture(3), name, ImageLimits())
