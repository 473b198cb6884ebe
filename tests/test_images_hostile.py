"""Bytes that are no picture, too much of one, or damaged: only `ImageError` may come of them, and soon."""

import random
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from search_by_image.errors import EmptyImageError, ImageError, NotAnImageError, TruncatedImageError
from search_by_image.images import ImageLimits, check, open_rgb

LIMITS = ImageLimits(max_pixels=1_000_000)
WIDTH, HEIGHT = 44, 30


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


@cache
def samples() -> dict[str, bytes]:
    noise = np.random.default_rng(7).integers(0, 255, (5, 7, 3), np.uint8)
    photo = Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif.update({274: 6, 271: "maker", 282: 72.0})
    extra = {"exif": exif, "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}

    def frames() -> dict:  # anew, because Pillow leaves the last encoder's settings on an image
        return {"save_all": True, "append_images": [photo.transpose(Image.Transpose.ROTATE_180)]}

    return {
        "JPEG": encode(photo, "JPEG", **extra),
        "JPEG progressive CMYK": encode(photo.convert("CMYK"), "JPEG", progressive=True),
        "MPO": encode(photo, "MPO", **frames()),
        "PNG": encode(photo, "PNG", **extra),
        "PNG palette": encode(photo.quantize(16), "PNG", transparency=bytes(range(16))),
        "PNG 16-bit": encode(Image.fromarray(noise.astype(np.uint16)[..., 0] * 257), "PNG"),
        "PNG animated": encode(photo, "PNG", **frames()),
        "GIF": encode(photo.quantize(16), "GIF", save_all=True, append_images=[photo.quantize(8)], disposal=2),
        "WEBP": encode(photo, "WEBP", **extra),
        "WEBP lossless": encode(photo.convert("RGBA"), "WEBP", lossless=True),
        "WEBP animated": encode(photo, "WEBP", **frames()),
        "AVIF": encode(photo, "AVIF", **extra),
        "BMP": encode(photo, "BMP"),
        "BMP palette": encode(photo.quantize(16), "BMP"),
        "TIFF": encode(photo, "TIFF", **extra),
        "TIFF LZW": encode(photo, "TIFF", compression="tiff_lzw"),
        "TIFF pages": encode(photo.copy(), "TIFF", **frames()),
        "TIFF float": encode(Image.fromarray(noise.astype(np.float32)[..., 0]), "TIFF"),
        "HEIF": encode(photo, "HEIF"),
        "HEIF grid": encode(photo.resize((150, 90)), "HEIF", tile_size=64),
    }


PLAIN = ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "HEIF"]
EVERY = sorted(samples())


def refused(data: bytes, kind: type[ImageError] = ImageError, limits: ImageLimits = LIMITS) -> ImageError:
    with pytest.raises(kind) as caught:
        check(data, limits)
    with pytest.raises(kind):
        open_rgb(data, limits)
    return caught.value


def test_no_bytes():
    assert "empty" in str(refused(b"", EmptyImageError))


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"hello",
        b"BMW is a maker of cars, and no bitmap",
        b"<!DOCTYPE html><html></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"8BPS\0\1" + bytes(40),
        b"\0\0\1\0\1\0" + bytes(40),
        b"%PDF-1.7\n" + bytes(40),
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(40),
        encode(Image.new("RGB", (9, 9)), "PPM"),
        encode(Image.new("RGB", (9, 9)), "ICO"),
    ],
)
def test_what_is_no_picture_or_none_of_ours(data):
    message = str(refused(data, NotAnImageError))
    for name in ("JPEG", "PNG", "GIF", "WebP", "AVIF", "BMP", "TIFF", "HEIC"):
        assert name in message


@given(st.binary(max_size=200))
def test_random_bytes(data):
    refused(data)


@pytest.mark.parametrize("name", EVERY)
def test_a_file_cut_in_its_first_picture_is_never_opened_as_if_it_were_whole(name):
    data = samples()[name]
    whole = open_rgb(data, LIMITS).tobytes()
    truncated = 0
    for length in range(20, len(data), 7):
        try:
            assert open_rgb(data[:length], LIMITS).tobytes() == whole, length
        except TruncatedImageError:
            truncated += 1
        except ImageError as error:
            assert "cannot be decoded" in str(error)
    assert truncated > len(data) / 7 * 0.25


def long_media_box(heif: bytes) -> bytes:
    """The same file with a 64-bit length, which stands where the first eight bytes of the picture data stood."""
    start = heif.index(b"mdat") - 4
    return heif[:start] + struct.pack(">I4sQ", 1, b"mdat", len(heif) - start) + heif[start + 16 :]


def test_what_a_camera_appends_to_a_heif_is_passed_over():
    whole = samples()["HEIF grid"]
    for tail in (bytes(40), b"\xff\xff\xff\xffSEFT", b"\0\0\0\x09mpvd\0"):
        assert open_rgb(whole + tail, LIMITS).tobytes() == open_rgb(whole, LIMITS).tobytes()


def test_a_heif_of_a_64_bit_length_cut_off():
    data = long_media_box(samples()["HEIF grid"])
    check(data, LIMITS)
    assert "lacks its last 5 bytes" in str(refused(data[:-5], TruncatedImageError))


def damaged(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at = dice.randrange(min(len(changed), dice.choice([64, 400, len(changed)])))
        flipped = bytes([changed[at] ^ 1 << dice.randrange(8)])
        changed[at : at + dice.choice([0, 1, 1, 4])] = dice.choice([flipped, flipped, b"\0", b"\xff\xff", b""])
    return bytes(changed)


@pytest.mark.parametrize("name", EVERY)
def test_damaged_files_raise_nothing_else(name):
    dice = random.Random(name)
    for data in [damaged(samples()[name], dice) for _ in range(100)]:
        for attempt in (check, open_rgb):
            try:
                attempt(data, LIMITS)
            except ImageError as error:
                assert str(error).endswith(".")


def test_only_the_first_frame_is_decoded():
    gif = samples()["GIF"]
    second = gif.rindex(b"\x2c")
    assert open_rgb(gif[:second] + b"\xff" * 500, LIMITS).tobytes() == open_rgb(gif, LIMITS).tobytes()


def with_odd_but_readable_tags() -> bytes:
    """Pillow warns of the tag whose value lies behind the end of the file."""
    data = bytearray(samples()["TIFF LZW"])
    directory = int.from_bytes(data[4:8], "little")
    end = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
    assert int.from_bytes(data[end : end + 4], "little") == 0
    count = int.from_bytes(data[directory : directory + 2], "little")
    moved = data[directory + 2 : end] + struct.pack("<HHLL", 60000, 7, 2**30, 8) + bytes(4)
    data[4:8] = len(data).to_bytes(4, "little")
    return bytes(data) + struct.pack("<H", count + 1) + bytes(moved)


def test_pillows_warnings_do_not_escape_and_the_hosts_own_stay():
    data = with_odd_but_readable_tags()
    with pytest.warns(UserWarning, match="larger than file"):
        Image.open(BytesIO(data)).close()
    assert open_rgb(data, LIMITS).tobytes() == open_rgb(samples()["TIFF LZW"], LIMITS).tobytes()
    with pytest.raises(UserWarning, match="larger than file"):
        Image.open(BytesIO(data))
    with pytest.raises(RuntimeWarning, match="mine"):
        warnings.warn("mine", RuntimeWarning, stacklevel=1)


def test_threads_decode_at_once_and_do_not_silence_each_other():
    odd, stop = with_odd_but_readable_tags(), threading.Event()
    expected = {name: open_rgb(data, LIMITS).tobytes() for name, data in samples().items()}

    def decode(seed: int) -> None:
        for name in random.Random(seed).sample(EVERY, len(EVERY)) * 5:
            assert open_rgb(samples()[name], LIMITS).tobytes() == expected[name]
            open_rgb(odd, LIMITS)

    def warn() -> int:
        silenced = 0
        while not stop.is_set():
            try:
                warnings.warn("mine", RuntimeWarning, stacklevel=1)
                silenced += 1
            except RuntimeWarning:
                pass
        return silenced

    with ThreadPoolExecutor() as pool:
        silenced = pool.submit(warn)
        try:
            list(pool.map(decode, range(2)))
        finally:
            stop.set()
        assert silenced.result() == 0
