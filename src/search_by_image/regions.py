"""A part of a picture, cut out before a pipeline sees it."""

from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor, isfinite

from PIL import Image

from search_by_image.errors import InvalidInputError
from search_by_image.images import ImageLimits, open_rgb

LONGEST_SIDE = 1024
"""Pixels; models take a quarter of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the upright picture, its sides as shares of the picture's: 0, 0, 1, 1 is all of it.

    Raises `InvalidInputError` for one that is empty or not within the picture.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        sides = (self.left, self.top, self.right, self.bottom)
        if not all(isfinite(side) and 0 <= side <= 1 for side in sides) or not self._is_filled:
            raise InvalidInputError(
                f"The box {list(sides)} is no part of a picture. Give [left, top, right, bottom] as shares between 0 "
                "and 1, with left < right and top < bottom."
            )

    @property
    def _is_filled(self) -> bool:
        return self.left < self.right and self.top < self.bottom

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """All pixels that it touches; at least one."""
        left, top = min(floor(self.left * width), width - 1), min(floor(self.top * height), height - 1)
        right, bottom = max(ceil(self.right * width), left + 1), max(ceil(self.bottom * height), top + 1)
        return left, top, right, bottom


def cut(image: bytes, box: Box, limits: ImageLimits) -> bytes:
    """That part of the picture as a PNG file of at most 1024 pixels a side. Raises `ImageError`."""
    whole = open_rgb(image, limits)
    part = whole.crop(box.pixels(*whole.size))
    part.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)
    while len(file := _png(part)) > limits.max_bytes and max(part.size) > 1:
        part = part.reduce(2)
    return file


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
