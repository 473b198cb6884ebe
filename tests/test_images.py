"""What a picture of each kind must look like once opened."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageOps

from search_by_image.images import ImageInfo, ImageLimits, check, open_rgb

LIMITS = ImageLimits()
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "BMP": {}}
LOSSY = {"JPEG": {"quality": 95}, "AVIF": {"quality": 95}, "HEIF": {"quality": 95}}
STORED_AS = {  # what undoes the turn that each EXIF orientation asks for
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def photo(width=48, height=32) -> Image.Image:
    """Smooth, and different in each corner and channel."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return Image.fromarray((np.stack([x, y, (1 - x) * (1 - y)], axis=-1) * 255).astype(np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def opened(data: bytes, **options) -> np.ndarray:
    image = open_rgb(data, LIMITS, **options)
    assert image.mode == "RGB"
    assert image.info == {}
    return pixels(image)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def png_with_chunk(data: bytes, name: bytes, body: bytes, before: bytes) -> bytes:
    at = data.index(before) - 4
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:at] + chunk + data[at:]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS.items())
def test_lossless_formats_keep_each_pixel(kind, options):
    data = encode(photo(), kind, **options)
    assert check(data, LIMITS) == ImageInfo(kind, 48, 32)
    assert np.array_equal(opened(data), pixels(photo()))


@pytest.mark.parametrize(("kind", "options"), LOSSY.items())
def test_lossy_formats_keep_the_picture(kind, options):
    data = encode(photo(), kind, **options)
    assert check(data, LIMITS) == ImageInfo(kind, 48, 32)
    assert np.abs(opened(data) - pixels(photo())).mean() < 4


def test_gif_palette():
    data = encode(photo().quantize(256), "GIF")
    assert check(data, LIMITS) == ImageInfo("GIF", 48, 32)
    assert np.abs(opened(data) - pixels(photo())).mean() < 8


def test_mpo_of_a_phone_is_a_jpeg_and_gives_its_first_picture():
    data = encode(photo(), "MPO", save_all=True, append_images=[ImageOps.invert(photo())])
    assert check(data, LIMITS) == ImageInfo("JPEG", 48, 32)
    assert np.abs(opened(data) - pixels(photo())).mean() < 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_each_orientation_gives_the_same_upright_picture(kind, orientation):
    turn = STORED_AS[orientation]
    stored = photo() if turn is None else photo().transpose(turn)
    options = {**LOSSLESS, **LOSSY}[kind]
    tags = exif(orientation)
    data = encode(stored, kind, exif=tags.tobytes() if kind == "HEIF" else tags, **options)
    assert check(data, LIMITS) == ImageInfo(kind, 48, 32)
    upright = opened(data)
    assert np.abs(upright - pixels(photo())).mean() < (4 if kind in LOSSY else 0.01)


def test_a_caller_cannot_turn_the_picture_again():
    upright = open_rgb(encode(photo(), "JPEG", exif=exif(6)), LIMITS)
    assert ImageOps.exif_transpose(upright).size == upright.size == (32, 48)


def test_a_png_may_tell_its_orientation_after_its_pixels():
    tags = exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = png_with_chunk(encode(photo(), "PNG"), b"eXIf", tags, before=b"IEND")
    assert opened(data).shape == (48, 32, 3)
    assert check(data, LIMITS) == ImageInfo("PNG", 48, 32)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"not TIFF",
        b"II*\0\x08",
        b"II*\0\xff\0\0\0\0\0",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0",
    ],
)
def test_a_broken_or_absurd_exif_block_is_ignored(block):
    data = encode(photo(), "JPEG", exif=b"Exif\0\0" + block)
    assert check(data, LIMITS) == ImageInfo("JPEG", 48, 32)
    assert opened(data).shape == (32, 48, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_first_frame(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert check(data, LIMITS) == ImageInfo(kind, 16, 16)
    assert np.abs(opened(data) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize(("width", "height"), [(800, 600), (600, 800), (801, 607)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_at_least_gives_a_smaller_jpeg_that_looks_the_same(width, height, orientation):
    data = encode(photo(width, height), "JPEG", quality=95, exif=exif(orientation))
    full, small = open_rgb(data, LIMITS), open_rgb(data, LIMITS, at_least=100)
    assert 100 <= min(small.size) < 200
    assert (small.width < small.height) == (full.width < full.height)
    alike = full.resize(small.size, Image.Resampling.BOX)
    assert np.abs(pixels(small) - pixels(alike)).mean() < 2


@pytest.mark.parametrize("at_least", [1, 31, 32, 33, 10_000])
def test_at_least_never_enlarges_nor_goes_below(at_least):
    small = open_rgb(encode(photo(), "JPEG"), LIMITS, at_least=at_least)
    assert min(at_least, 32) <= min(small.size) <= 32
