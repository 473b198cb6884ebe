"""An open RGB picture -> the pixels that a model takes: Pillow's filters, at four times its speed."""

from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from cykooz_resizer import FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer
from PIL import Image

Pixels = npt.NDArray[np.uint8]
FloatPixels = npt.NDArray[np.float32]
Kernel = Literal["bicubic", "bilinear"]
FINER: Final = 2
LONGEST: Final = 4
_FILTERS: Final = MappingProxyType({"bicubic": FilterType.catmull_rom, "bilinear": FilterType.bilinear})


def central_square(image: Image.Image, side: int, kernel: Kernel = "bicubic") -> Pixels:
    """The largest square in the middle, shape (side, side, 3), antialiased.

    A picture more than `FINER` times too large is first averaged down by a whole factor, as a JPEG's `draft` is.
    Raises `ValueError` for a picture of another mode than RGB.
    """
    _check_rgb(image)
    factor = min(image.size) // (FINER * side)
    smaller = image.reduce(factor) if factor > 1 else image
    return _resized(smaller, (side, side), kernel, cropped=True)


def shorter_side(image: Image.Image, side: int, kernel: Kernel = "bicubic") -> Pixels:
    """The whole picture in its own shape, its shorter side `side` pixels, as `squashed` does it.

    The longer side becomes `LONGEST` times that at most: longer pictures are squashed.
    """
    shorter = min(image.size)
    width, height = (min(round(length * side / shorter), LONGEST * side) for length in image.size)
    return squashed(image, (width, height), kernel)


def squashed(image: Image.Image, size: tuple[int, int], kernel: Kernel = "bilinear") -> Pixels:
    """The whole picture at another (width, height), shape (height, width, 3), antialiased.

    Averaged down first as in `central_square`. Raises `ValueError` for a picture of another mode than RGB.
    """
    _check_rgb(image)
    factors = (max(image.width // (FINER * size[0]), 1), max(image.height // (FINER * size[1]), 1))
    smaller = image.reduce(factors) if max(factors) > 1 else image
    return _resized(smaller, size, kernel, cropped=False)


def squashed_as_tf1(image: Image.Image, side: int) -> FloatPixels:
    """The whole picture, shape (side, side, 3), 0..255 and not rounded, as TensorFlow 1's `resize_bilinear` made it.

    Not antialiased, pixel centres not aligned (`align_corners` and `half_pixel_centers` false), computed in float32:
    https://github.com/tensorflow/tensorflow/blob/v1.15.0/tensorflow/core/kernels/resize_bilinear_op.cc
    Raises `ValueError` for a picture of another mode than RGB.
    """
    _check_rgb(image)
    pixels = np.asarray(image)
    upper, lower, down = _tf1_places(image.height, side)
    left, right, across = _tf1_places(image.width, side)
    top, bottom = (
        _between(pixels[rows[:, None], left], pixels[rows[:, None], right], across[:, None]) for rows in (upper, lower)
    )
    return _between(top, bottom, down[:, None, None])


def _tf1_places(size: int, side: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatPixels]:
    """The two neighbours of each new pixel, and how far it is from the first to the second."""
    places = np.arange(side, dtype=np.float32) * (np.float32(size) / np.float32(side))
    before = np.floor(places).astype(np.intp)
    return before, np.minimum(before + 1, size - 1), places - before.astype(np.float32)


def _between(
    one: npt.NDArray[np.uint8 | np.float32], other: npt.NDArray[np.uint8 | np.float32], share: FloatPixels
) -> FloatPixels:
    start = one.astype(np.float32)
    between: FloatPixels = start + (other.astype(np.float32) - start) * share
    return between


def _check_rgb(image: Image.Image) -> None:
    if image.mode != "RGB":
        raise ValueError(f"the picture has mode {image.mode}, and RGB is wanted: image.convert('RGB')")


def _resized(image: Image.Image, size: tuple[int, int], kernel: Kernel, *, cropped: bool) -> Pixels:
    options = ResizeOptions(ResizeAlg.convolution(_FILTERS[kernel]), use_alpha=False, fit_into_destination=cropped)
    source = ImageData(image.width, image.height, PixelType.U8x3, image.tobytes())
    target = ImageData(*size, PixelType.U8x3)
    Resizer().resize(source, target, options)
    return np.frombuffer(target.get_buffer(), np.uint8).reshape(size[1], size[0], 3)
