"""Bytes that are no picture, too much of one, or damaged: only `ImageError` may come of them, and soon."""

import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fuzz.samples import damaged, encode, long_media_box, samples, with_tag_beyond_the_end
from search_by_image.errors import EmptyImageError, ImageError, NotAnImageError, TruncatedImageError
from search_by_image.images import ImageLimits, check, open_rgb

LIMITS = ImageLimits(max_pixels=1_000_000)
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


def test_what_a_camera_appends_to_a_heif_is_passed_over():
    whole = samples()["HEIF grid"]
    for tail in (bytes(40), b"\xff\xff\xff\xffSEFT", b"\0\0\0\x09mpvd\0"):
        assert open_rgb(whole + tail, LIMITS).tobytes() == open_rgb(whole, LIMITS).tobytes()


def test_a_heif_of_a_64_bit_length_cut_off():
    data = long_media_box(samples()["HEIF grid"])
    check(data, LIMITS)
    assert "lacks its last 5 bytes" in str(refused(data[:-5], TruncatedImageError))


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


def test_pillows_warnings_do_not_escape_and_the_hosts_own_stay():
    data = with_tag_beyond_the_end(samples()["TIFF LZW"])
    with pytest.warns(UserWarning, match="larger than file"):
        Image.open(BytesIO(data)).close()
    assert open_rgb(data, LIMITS).tobytes() == open_rgb(samples()["TIFF LZW"], LIMITS).tobytes()
    with pytest.raises(UserWarning, match="larger than file"):
        Image.open(BytesIO(data))
    with pytest.raises(RuntimeWarning, match="mine"):
        warnings.warn("mine", RuntimeWarning, stacklevel=1)


def test_threads_decode_at_once_and_do_not_silence_each_other():
    odd, stop = with_tag_beyond_the_end(samples()["TIFF LZW"]), threading.Event()
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
