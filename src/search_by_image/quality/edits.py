"""The eight edits that copies of a picture usually went through, made on the fly."""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from search_by_image.images import ImageLimits, open_rgb

VERSION = "edits-1"
"""Another one whenever an edit gives other pixels: features kept of the old ones are then not used."""
QUALITY = 90
POOR_QUALITY = 30
BRIGHTER = 1.3
DEGREES = 10
BORDER = 0.1
WORDS = "search by image"
WHITE = (255, 255, 255)
RED = (220, 30, 30)


def half_size(image: Image.Image) -> Image.Image:
    return image.resize((max(image.width // 2, 1), max(image.height // 2, 1)), Image.Resampling.LANCZOS)


def cropped(image: Image.Image) -> Image.Image:
    """The middle 80 % of each side."""
    across, down = image.width // 10, image.height // 10
    return image.crop((across, down, image.width - across, image.height - down))


def brighter(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(BRIGHTER)


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def turned(image: Image.Image) -> Image.Image:
    """By ten degrees, on white, with nothing cut off."""
    return image.rotate(DEGREES, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)


def framed(image: Image.Image) -> Image.Image:
    """A white border of a tenth of the shorter side, and words across the lower third in red."""
    edge = max(round(BORDER * min(image.size)), 1)
    made = ImageOps.expand(image, edge, WHITE)
    font = ImageFont.load_default(max(made.width / 9, 4))
    place = (made.width / 2, made.height * 0.75)
    ImageDraw.Draw(made).text(place, WORDS, RED, font, "mm", stroke_width=1, stroke_fill=WHITE)
    return made


EDITS: Mapping[str, Callable[[Image.Image], Image.Image]] = MappingProxyType(
    {
        "half size": half_size,
        "JPEG 30": lambda image: image,
        "crop 80 %": cropped,
        "flip": ImageOps.mirror,
        "brightness": brighter,
        "grey": grey,
        "turn 10 degrees": turned,
        "text and border": framed,
    }
)


def edited(data: bytes, name: str, limits: ImageLimits) -> bytes:
    """The picture's bytes after the edit, as a JPEG of quality 90 (30 where that is the edit). Raises `ImageError`."""
    made = EDITS[name](open_rgb(data, limits))
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=POOR_QUALITY if name == "JPEG 30" else QUALITY)
    return buffer.getvalue()
