"""Bytes of a picture file -> a checked, upright, 8-bit RGB image: the only opener of image files.

`PIL.Image.open` is passed over on purpose. It would check Pillow's process-wide `MAX_IMAGE_PIXELS`, which is the host
application's, hide why a file cannot be read, and accept whatever plug-in the host has registered. Here the signature
chooses one of eight formats, and that format's own class reads the file: no registration, nothing global.

Two process-wide things remain. The first call adds one warnings filter, which ignores nothing but the warnings of our
own decoding. And when `max_pixels` is more than Pillow lets through (179 million unless the host changed it), the
three formats that ask Pillow's limit themselves raise it to `max_pixels`; it is never lowered.
"""

import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageCms
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.TiffTags import TAGS_V2_GROUPS
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from search_by_image import containers, pixels
from search_by_image.errors import EmptyImageError, ImageError, ImageTooLargeError, NotAnImageError, TruncatedImageError
from search_by_image.timing import stage


@dataclass(frozen=True, slots=True)
class ImageLimits:
    max_bytes: int = 16 * 2**20
    max_pixels: int = 100_000_000


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """`format` is one of JPEG (MPO included), PNG, GIF, WEBP, AVIF, BMP, TIFF, HEIF; width and height are upright."""

    format: str
    width: int
    height: int


def check(data: bytes, limits: ImageLimits) -> ImageInfo:
    """Read the header and decode no pixel; what is cut off or damaged further on is found by `open_rgb` only.

    A PNG that tells its orientation only after its pixels is measured as stored. Raises `ImageError`.
    """
    kind = _kind(data, limits)
    with stage("decode"), _decoding(kind):
        image = _open(kind, data, limits)
        width, height = image.size
        if pixels.orientation(image) in pixels.SIDEWAYS:
            width, height = height, width
    return ImageInfo(kind, width, height)


def open_rgb(data: bytes, limits: ImageLimits, *, at_least: int | None = None) -> Image.Image:
    """Decode the first (HEIF: the primary) picture: upright, sRGB, mode RGB, transparency on white, `info` empty.

    With `at_least` (pixels, positive) a JPEG may come smaller, its shorter side not below `at_least`. 16-bit values
    keep their high byte. 32-bit integers within 0..65535 are taken as 16-bit, floats within 0..1 as they are, and
    others are stretched from their least to their greatest finite value. An embedded colour profile is converted to
    sRGB, and ignored when it is broken. Raises `ImageError`.
    """
    kind = _kind(data, limits)
    with stage("decode"), _decoding(kind):
        image = _open(kind, data, limits)
        if at_least is not None and kind == "JPEG":
            image.draft("RGB", (at_least, at_least))
        image.load()
        return pixels.upright_rgb(image)


def read_limited(path: Path, limits: ImageLimits) -> bytes:
    """Refuse a file that is too large, or not a regular one, before reading. Raises `ImageError`."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotAnImageError(f"{str(path)!r} is not a regular file. Give the path of a picture file.")
        _check_bytes(status.st_size, limits)
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"The file {str(path)!r} cannot be read: {error}.") from error
    _check_bytes(len(data), limits)
    return data


_ALLOWED = "Allowed: JPEG, PNG, GIF, WebP, AVIF, BMP, TIFF and HEIC/HEIF."

_SIGNATURE = re.compile(
    rb"""(?P<JPEG>\xff\xd8\xff)
    |(?P<PNG>\x89PNG\r\n\x1a\n)
    |(?P<GIF>GIF8[79]a)
    |(?P<WEBP>RIFF.{4}WEBPVP8[\ LX])
    |(?P<BMP>BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0)
    |(?P<TIFF>II[*+]\0|MM\0[*+]|II\0\*|MM\*\0)
    |(?P<AVIF>.{4}ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4}){0,7}?avi[fs]))
    |(?P<HEIF>.{4}ftyp(?:hei[cxms]|hev[cxms]|m[is]f1))""",
    re.DOTALL | re.VERBOSE,
)


def _kind(data: bytes, limits: ImageLimits) -> str:
    _check_bytes(len(data), limits)
    if not data:
        raise EmptyImageError(f"There are no bytes: the picture is empty. {_ALLOWED}")
    found = _SIGNATURE.match(data)
    if found is None or found.lastgroup is None:
        raise NotAnImageError(f"This is not a picture that we can open: it starts with {data[:16]!r}. {_ALLOWED}")
    return found.lastgroup


def _check_bytes(size: int, limits: ImageLimits) -> None:
    if size > limits.max_bytes:
        raise ImageTooLargeError(
            f"The picture has {size} bytes, and {limits.max_bytes} are allowed. "
            "Send a smaller file, or raise the setting max_upload_size.",
            size=size,
            limit=limits.max_bytes,
        )


def _check_pixels(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(width * height, f"{width} x {height}", limits)


def _too_many_pixels(size: int, shape: str, limits: ImageLimits) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"The picture has {size} pixels ({shape}), and {limits.max_pixels} are allowed. "
        "Send a smaller picture, or raise the setting images/max_pixels.",
        size=size,
        limit=limits.max_pixels,
    )


_HEADER_READS = 2**13
_PIXEL_READS = 2**20


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Not wanted: Pillow would unfold each value of a hostile EXIF block (15 MB: 6 s and 400 MB)."""


class _Gif(GifImageFile):
    @property
    def disposal_method(self) -> int:
        """Of frames after the first; Pillow would prepare for them when it opens the file (60 bytes: 170 MB)."""
        return 0

    @disposal_method.setter
    def disposal_method(self, _method: int) -> None: ...


_CLASSES: Mapping[str, Callable[[BytesIO], ImageFile]] = MappingProxyType(
    {
        "JPEG": _Jpeg,
        "PNG": PngImageFile,
        "GIF": _Gif,
        "WEBP": WebPImageFile,
        "AVIF": AvifImageFile,
        "BMP": BmpImageFile,
        "TIFF": TiffImageFile,
        "HEIF": HeifImageFile,
    }
)
FORMATS = tuple(_CLASSES)
_OWN_CHECKS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {
        "JPEG": containers.check_jpeg,
        "BMP": containers.check_bitmap,
        "TIFF": containers.check_tiff,
        "HEIF": containers.check_heif,
    }
)


class _Reader(BytesIO):
    """Pillow parses headers in Python, a few bytes at a time: a limit on the reads is a limit on its time."""

    __slots__ = ("reads_left",)

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads_left = _HEADER_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads_left = left = self.reads_left - 1
        if left < 0:
            raise ImageError("The picture is cut into absurdly many parts. Save it anew.")
        return BytesIO.read(self, size)  # super() would cost a third of `check`


def _open(kind: str, data: bytes, limits: ImageLimits) -> ImageFile:
    if kind in {"GIF", "TIFF", "WEBP"}:
        _let_through(limits.max_pixels)
    if kind in _OWN_CHECKS:
        _OWN_CHECKS[kind](data)
    reader = _Reader(data)
    image = _parsed(kind, reader, limits)
    _check_pixels(*image.size, limits)
    if kind == "TIFF":
        _forget_nested_directories(image)
    reader.reads_left = _PIXEL_READS
    return image


def _parsed(kind: str, reader: _Reader, limits: ImageLimits) -> ImageFile:
    try:
        return _CLASSES[kind](reader)
    except Image.DecompressionBombError as error:
        size, *_ = re.findall(r"\d+", str(error))
        raise _too_many_pixels(int(size), kind, limits) from error


def _let_through(size: int) -> None:
    """Pillow warns above its limit and refuses above twice its limit."""
    if Image.MAX_IMAGE_PIXELS is not None and size > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = (size + 1) // 2


def _forget_nested_directories(image: ImageFile) -> None:
    """Otherwise `load` unfolds each value of them too."""
    tags = image.getexif()
    for tag in TAGS_V2_GROUPS:
        tags.pop(tag, None)


_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)
_UNKNOWN_KIND = re.compile("(?i)unknown pixel mode|cannot handle|unsupported|not yet supported|memory|too large")

_in_our_decoding: ContextVar[bool] = ContextVar("search_by_image_in_our_decoding", default=False)


class _AnyCategoryHere(type):
    def __subclasscheck__(cls, subclass: type) -> bool:
        return _in_our_decoding.get()


class _OurWarning(Warning, metaclass=_AnyCategoryHere):
    """The category of our filter: any warning belongs to it while the asking thread decodes, and none otherwise.

    Pillow warns of odd but readable files; `warnings.catch_warnings` would silence other threads too.
    """


@contextmanager
def _decoding(kind: str) -> Iterator[None]:
    if not warnings.filters or warnings.filters[0][2] is not _OurWarning:
        warnings.simplefilter("ignore", category=_OurWarning)
    token = _in_our_decoding.set(True)
    try:
        yield
    except _DECODER_ERRORS as error:
        raise _unreadable(kind, error) from error
    finally:
        _in_our_decoding.reset(token)


def _unreadable(kind: str, error: BaseException) -> ImageError:
    detail = str(error).strip()[:200] or type(error).__name__
    if _UNKNOWN_KIND.search(detail):
        return ImageError(f"This {kind} picture cannot be decoded ({detail}). Save it anew as plain JPEG or PNG.")
    return TruncatedImageError(f"The {kind} picture is cut off or damaged ({detail}). Send the whole file.")
