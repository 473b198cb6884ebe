"""A decoded picture of any mode -> upright, 8 bits a channel, opaque, sRGB."""

from functools import lru_cache
from io import BytesIO
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

from search_by_image import containers

SIDEWAYS = frozenset({5, 6, 7, 8})

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
    opaque = _over_white(image) if _is_transparent(image) else _eight_bits(image)
    rgb = _srgb(opaque, image.info.get("icc_profile"))
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
    rgba = straight.convert("RGBA")
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
    values = np.array(image, np.float32)
    low, high = _value_range(values, full_scale=65535 if image.mode == "I" else 1)
    np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    values /= 2  # the difference of two float32 may be no float32, that of their halves is
    values -= low / 2
    values /= (high / 2 - low / 2) or 1
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def _value_range(values: npt.NDArray[np.float32], full_scale: int) -> tuple[float, float]:
    finite = np.isfinite(values)
    low = float(values.min(where=finite, initial=np.inf))
    high = float(values.max(where=finite, initial=-np.inf))
    if low > high or (low >= 0 and high <= full_scale):
        return 0.0, float(full_scale)
    return low, high


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    transform = _to_srgb(profile, image.mode) if isinstance(profile, bytes) else None
    if transform is not None:
        return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None when the profile is sRGB itself, broken, or for other channels than the mode's."""
    if containers.is_named_srgb(profile):
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except _UNUSABLE_PROFILE:
        return None
