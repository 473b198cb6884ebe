"""An open RGB picture -> the pixels that a model takes: Pillow's filters, at four times its speed."""

import numpy as np
import numpy.typing as npt
from cykooz_resizer import FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer
from PIL import Image

Pixels = npt.NDArray[np.uint8]
FINER = 2


def central_square(image: Image.Image, side: int) -> Pixels:
    """The largest square in the middle, shape (side, side, 3), bicubic and antialiased.

    A picture more than `FINER` times too large is first averaged down by a whole factor, as a JPEG's `draft` is.
    Raises `ValueError` for a picture of another mode than RGB.
    """
    if image.mode != "RGB":
        raise ValueError(f"the picture has mode {image.mode}, and RGB is wanted: image.convert('RGB')")
    factor = min(image.size) // (FINER * side)
    smaller = image.reduce(factor) if factor > 1 else image
    return _resized(smaller, side)


def _resized(image: Image.Image, side: int) -> Pixels:
    bicubic = ResizeAlg.convolution(FilterType.catmull_rom)
    options = ResizeOptions(bicubic, use_alpha=False, fit_into_destination=True)
    source = ImageData(image.width, image.height, PixelType.U8x3, image.tobytes())
    square = ImageData(side, side, PixelType.U8x3)
    Resizer().resize(source, square, options)
    return np.frombuffer(square.get_buffer(), np.uint8).reshape(side, side, 3)
