"""A decoded picture of any mode -> upright, 8 bits a channel, opaque, sRGB."""

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

from search_by_image import containers

SIDEWAYS = frozenset({5, 6, 7, 8})
LARGEST_KEPT = 2**20  # bytes of a colour profile
STRIP = 2**20  # pixels

_TURNS = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_UNUSABLE_PROFILE = (ImageCms.PyCMSError, OSError, TypeError, ValueError)


def upright_rgb(image: Image.Image) -> Image.Image:
    """The decoded image itself when nothing is to be done. `info` is emptied: what it told is applied."""
    opaque = _over_white if _is_transparent(image) else _eight_bits
    rgb = _srgb(opaque(image), image.info.get("icc_profile"))
    turn = _TURNS.get(orientation(image))
    upright = rgb if turn is None else rgb.transpose(turn)
    upright.info = {}
    return upright


def orientation(image: Image.Image) -> int:
    """1..8, from EXIF alone, as browsers do. TIFF and HEIF pictures, which turn themselves, have 1."""
    block = image.info.get("exif")
    return containers.exif_orientation(block) if isinstance(block, bytes) else 1


def _is_transparent(image: Image.Image) -> bool:
    return image.has_transparency_data and not image.mode.startswith("I")


def _over_white(image: Image.Image) -> Image.Image:
    straight = image.convert("LA") if image.mode == "La" else image
    rgba = straight if straight.mode == "RGBA" else straight.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba)
    return white


def _eight_bits(image: Image.Image) -> Image.Image:
    """Mode L, RGB or CMYK."""
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in {"I", "F"}:
        return _from_32_bits(image)
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    grey = (values >> (_bits(image) - 8)).astype(np.uint8)
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey[values == transparent] = 255
    return Image.fromarray(grey)


def _bits(image: Image.Image) -> int:
    is_12_bits = isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.BitsPerSample) == (12,)
    return 12 if is_12_bits else 16


def _from_32_bits(image: Image.Image) -> Image.Image:
    low, high = _value_range(image, full_scale=65535 if image.mode == "I" else 1)
    grey = np.empty((image.height, image.width), np.uint8)
    for top, values in _strips(image):
        _stretch(values, low, high)
        grey[top : top + len(values)] = values
    return Image.fromarray(grey)


def _stretch(values: npt.NDArray[np.float32], low: float, high: float) -> None:
    """In place, to 0.5..255.5."""
    np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    values /= 2  # the difference of two float32 may be no float32, that of their halves is
    values -= low / 2
    values /= (high / 2 - low / 2) or 1
    values *= 255
    values += 0.5


def _strips(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """All the values at once would take as much memory as four pictures."""
    height = max(1, STRIP // image.width)
    for top in range(0, image.height, height):
        rows = image.crop((0, top, image.width, min(top + height, image.height)))
        yield top, np.array(rows, np.float32)


def _value_range(image: Image.Image, full_scale: int) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for _, values in _strips(image):
        finite = np.isfinite(values)
        low = min(low, float(values.min(where=finite, initial=np.inf)))
        high = max(high, float(values.max(where=finite, initial=-np.inf)))
    if low > high or (low >= 0 and high <= full_scale):
        return 0.0, float(full_scale)
    return low, high


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    transform = _to_srgb(profile, image.mode) if isinstance(profile, bytes) else None
    if transform is not None:
        return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None when the profile is sRGB itself, broken, or for other channels than the mode's."""
    return (_kept_transform if len(profile) <= LARGEST_KEPT else _transform)(profile, mode)


@lru_cache(maxsize=16)
def _kept_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    return _transform(profile, mode)


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    if containers.is_named_srgb(profile):
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except _UNUSABLE_PROFILE:
        return None
