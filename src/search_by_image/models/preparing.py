"""A picture -> the pixels that a model takes, as its description says."""

import numpy as np
from PIL import Image

from search_by_image.models.description import Preprocessing
from search_by_image.models.runtime import Pixels
from search_by_image.resizing import central_square, shorter_side, squashed, squashed_as_tf1


def pixels_of(image: Image.Image, wanted: Preprocessing, *, whole_numbers: bool = True) -> Pixels:
    """Shape (height, width, 3), RGB, 0..255: u8, but for `tf1` float32, rounded where the graph takes `whole_numbers`.

    Raises `ValueError` for a picture of another mode than RGB.
    """
    if wanted.interpolation == "tf1":
        exact = squashed_as_tf1(image, wanted.size)
        return np.rint(exact).astype(np.uint8) if whole_numbers else exact
    if wanted.resize == "central-square":
        return central_square(image, wanted.size, wanted.interpolation)
    if wanted.resize == "shorter-side":
        return shorter_side(image, wanted.size, wanted.interpolation)
    return squashed(image, (wanted.size, wanted.size), wanted.interpolation)
