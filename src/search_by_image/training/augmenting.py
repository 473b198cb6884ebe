"""A picture changed by chance: a part of it, mirrored, in other colours; always of the same size in the end."""

import math

import numpy as np
from PIL import Image, ImageEnhance

from search_by_image.resizing import Pixels, squashed
from search_by_image.training.settings import Augmentation

MOST_STRETCHED = 4 / 3
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def augmented(
    image: Image.Image, side: int, wanted: Augmentation, drawn: np.random.Generator, *, square: bool = True
) -> Pixels:
    """Shape (side, side, 3). `image`: mode RGB. `square`: a square is cut out, else a part of the picture's shape."""
    cut = image.crop(_box(image.size, wanted.smallest_crop, drawn, square))
    if drawn.random() < wanted.flip:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = squashed(cut, (side, side), "bicubic")
    return np.asarray(_coloured(Image.fromarray(pixels), wanted.colour, drawn))


def _box(size: tuple[int, int], smallest: float, drawn: np.random.Generator, square: bool) -> tuple[int, int, int, int]:
    """Of a share of the area from `smallest` to 1, stretched a little; cut short where the picture ends."""
    width, height = size
    most_wide, most_high = (min(size), min(size)) if square else size
    share = drawn.uniform(smallest, 1)
    stretch = math.exp(drawn.uniform(-1, 1) * math.log(MOST_STRETCHED)) if smallest < 1 else 1.0
    wide = min(max(round(most_wide * math.sqrt(share * stretch)), 1), width)
    high = min(max(round(most_high * math.sqrt(share / stretch)), 1), height)
    left, upper = (int(drawn.integers(0, most - part + 1)) for most, part in ((width, wide), (height, high)))
    return left, upper, left + wide, upper + high


def _coloured(image: Image.Image, most: float, drawn: np.random.Generator) -> Image.Image:
    for enhancer in ENHANCERS:
        factor = drawn.uniform(1 - most, 1 + most)
        image = enhancer(image).enhance(factor) if most else image
    return image
