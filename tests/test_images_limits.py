"""Too many bytes, pixels or parts: refused by the header, before the memory or the time is spent."""

import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fuzz.samples import (
    HEIGHT,
    PLAIN,
    WIDTH,
    bitmap_of_runs,
    encode,
    plain_samples,
    png_chunk,
    png_header,
    png_of_size,
    srgb_profile,
    with_size,
)
from search_by_image.errors import ImageError, ImageTooLargeError, NotAnImageError
from search_by_image.images import ImageLimits, check, open_rgb, read_limited

LIMITS = ImageLimits(max_pixels=1_000_000)
SWAPPED_NAME = "sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")


def refused(data: bytes, kind: type[ImageError] = ImageError, limits: ImageLimits = LIMITS) -> ImageError:
    with pytest.raises(kind) as caught:
        check(data, limits)
    with pytest.raises(kind):
        open_rgb(data, limits)
    return caught.value


@pytest.mark.parametrize("kind", PLAIN)
def test_the_pixel_limit_holds_for_each_format(kind):
    count = WIDTH * HEIGHT
    check(plain_samples()[kind], ImageLimits(max_pixels=count))
    error = refused(plain_samples()[kind], ImageTooLargeError, ImageLimits(max_pixels=count - 1))
    assert (error.size, error.limit) == (count, count - 1)
    assert "images/max_pixels" in str(error)


def test_the_byte_limit():
    data = plain_samples()["JPEG"]
    check(data, ImageLimits(max_bytes=len(data)))
    error = refused(data, ImageTooLargeError, ImageLimits(max_bytes=len(data) - 1))
    assert (error.size, error.limit) == (len(data), len(data) - 1)
    assert "max_upload_size" in str(error)


def test_huge_sizes_in_the_header():
    jpeg = plain_samples()["JPEG"]
    webp_canvas = b"VP8X\x0a\0\0\0\0\0\0\0" + 2 * (16382).to_bytes(3, "little")
    gif_frame = b"!\xf9\x04\x08\0\0\0\0" + struct.pack("<cHHHHB", b",", 0, 0, 65535, 65535, 0) + b"\x02\0;"
    for data, count in [
        (png_of_size(20_000, 20_000), 20_000**2),
        (png_of_size(2**31, 2**31), 2**62),
        (with_size(jpeg, 65500, 65500), 65500**2),
        (b"RIFF\xff\0\0\0WEBP" + webp_canvas + bytes(99), 16383**2),
        (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + gif_frame, 65535**2),
    ]:
        assert refused(data, ImageTooLargeError, ImageLimits()).size == count


@pytest.mark.parametrize(
    "data",
    [
        png_of_size(0, 9),
        png_of_size(9, 0),
        plain_samples()["BMP"][:18] + bytes(4) + plain_samples()["BMP"][22:],
        b"GIF89a" + bytes(20),
    ],
)
def test_no_width_or_height(data):
    refused(data)


@pytest.fixture
def pillow_limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    return 100


@pytest.mark.parametrize("kind", PLAIN)
def test_pillows_lower_limit_neither_warns_nor_refuses(kind, pillow_limit):
    assert open_rgb(plain_samples()[kind], LIMITS).size in {(WIDTH, HEIGHT), (HEIGHT, WIDTH)}
    lifted = kind in {"GIF", "TIFF", "WEBP"}
    assert pytest.approx(pillow_limit if not lifted else LIMITS.max_pixels / 2) == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", PLAIN)
def test_pillows_limit_stays_where_it_is_enough(kind, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", WIDTH * HEIGHT - 1)  # Pillow would warn
    open_rgb(plain_samples()[kind], ImageLimits(max_pixels=WIDTH * HEIGHT))
    assert Image.MAX_IMAGE_PIXELS == WIDTH * HEIGHT - 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    open_rgb(plain_samples()[kind], LIMITS)
    assert Image.MAX_IMAGE_PIXELS is None


def test_the_hosts_registry_of_formats_is_left_alone():
    Image.init()
    before = dict(Image.OPEN)
    open_rgb(plain_samples()["HEIF"], LIMITS)
    assert before == Image.OPEN


def test_text_bombs_in_a_png():
    rest = png_of_size(9, 9)[33:]
    for name, head in [(b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")]:
        bomb = png_chunk(name, head + zlib.compress(bytes(50_000_000)))
        assert "too large" in str(refused(png_header(9, 9) + bomb + rest))


@pytest.mark.parametrize("part", ["chunks", "segments", "blocks", "tags"])
def test_a_header_of_absurdly_many_parts(part):
    jpeg, gif = plain_samples()["JPEG"], plain_samples()["GIF"]
    many = 20_000
    tags = b"".join(struct.pack("<HHLL", number, 3, 3, 0) for number in range(many))
    data = {
        "chunks": png_header(9, 9) + png_chunk(b"abCd", b"") * many + png_of_size(9, 9)[33:],
        "segments": jpeg[:2] + b"\xff\xe1\0\x09Exif\0\0A" * many + jpeg[2:],
        "blocks": gif[:10] + bytes([0, 0, 0]) + b"!\xfe" + b"\1A" * many + b"\0" + gif[13:],
        "tags": b"II*\0\x08\0\0\0" + struct.pack("<H", many) + tags,
    }[part]
    assert "absurdly many" in str(refused(data))


def test_pixels_in_many_small_parts_are_read():
    noise = np.random.default_rng(7).integers(0, 255, (64, 64, 3), np.uint8)
    rows = np.insert(noise.reshape(64, -1), 0, 0, axis=1).tobytes()
    parts = b"".join(png_chunk(b"IDAT", bytes([part])) for part in zlib.compress(rows))
    image = open_rgb(png_header(64, 64) + parts + png_chunk(b"IEND", b""), LIMITS)
    assert np.array_equal(np.asarray(image), noise)


def many_scans(jpeg: bytes, count: int) -> bytes:
    """Its last scan again and again."""
    last, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    return jpeg[:last] + jpeg[last:end] * count + jpeg[end:]


def test_a_jpeg_of_absurdly_many_scans():
    jpeg = encode(Image.new("L", (400, 300), 7), "JPEG", progressive=True)
    begun = jpeg.count(b"\xff\xda") - 1
    film = b"\xff\xda\0\0" * 20_000
    comment = b"\xff\xfe\xff\xf0" + film[: 0xFFF0 - 2]
    for fine in (many_scans(jpeg, 100 - begun), jpeg + film, jpeg[:2] + comment + jpeg[2:]):
        assert open_rgb(fine, LIMITS).size == (400, 300)
    end_in_a_comment = b"\xff\xfe\0\4\xff\xd9"
    for data in (many_scans(jpeg, 101 - begun), jpeg[:2] + end_in_a_comment + many_scans(jpeg, 101 - begun)[2:]):
        assert "more than 100 scans" in str(refused(data))


def test_a_large_bitmap_in_run_lengths():
    row = b"\xff\1" * 8 + b"\x08\1" + b"\0\0"
    assert open_rgb(bitmap_of_runs(2048, 2048, row * 2048), ImageLimits()).size == (2048, 2048)
    for data in (bitmap_of_runs(2048, 2049, row * 2049), bitmap_of_runs(9999, 9999, b"", bits=4)):
        assert "in run lengths" in str(refused(data, limits=ImageLimits()))


def test_a_tiff_tag_of_absurdly_many_values():
    data = plain_samples()["TIFF"]
    entry = data.index(struct.pack("<HH", 273, 4))  # the offsets of the strips
    assert "273" in str(refused(data[: entry + 4] + struct.pack("<L", 2**20) + data[entry + 8 :]))


def directory(*entries: tuple[int, int, int, int]) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHLL", *entry) for entry in entries) + bytes(4)


def resolutions(count: int, offset: int) -> bytes:
    """A directory, to stand at `offset`, of `count` fractions."""
    head = directory((282, 5, count, offset + 30), (296, 3, 1, 2))
    return head + b"\1\0\0\0\3\0\0\0" * count


def memory_of_a_process(call: str, data: bytes) -> int:
    """KB, at its highest, more than before the call: what the decoders allocate does not show in tracemalloc."""
    code = f"""
import re, sys
from pathlib import Path
from search_by_image.images import ImageLimits, check, open_rgb

def peak():  # not ru_maxrss, which a child has from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

data, before = sys.stdin.buffer.read(), peak()
{call}(data, ImageLimits())
print(peak() - before)
"""
    return int(subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True).stdout)


def test_a_header_alone_costs_no_memory():
    gif_frame = b"!\xf9\x04\x08\0\0\0\0" + struct.pack("<cHHHHB", b",", 0, 0, 9900, 9900, 0) + b"\x02\0;"
    gif = b"GIF89a" + struct.pack("<HHBBB", 9900, 9900, 0, 0, 0) + gif_frame
    assert memory_of_a_process("check", gif) < 20_000


def peak_memory(data: bytes) -> int:
    open_rgb(data, LIMITS)
    tracemalloc.start()
    open_rgb(data, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("kind", "count"), [("JPEG", 8_000), ("PNG", 100_000), ("WEBP", 100_000)])
def test_exif_of_absurdly_many_values_costs_nothing(kind, count):
    block = b"Exif\0\0II*\0\x08\0\0\0" + resolutions(count, offset=8)
    data = encode(Image.new("RGB", (9, 9)), kind, exif=block)
    assert peak_memory(data) < 6 * len(data) + 100_000


def test_a_nested_tiff_directory_of_absurdly_many_values_costs_nothing():
    nested = 8 + 100
    entries = [(256, 4, 1, 10), (257, 4, 1, 10), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (0x8769, 4, 1, nested)]
    values = resolutions(100_000, offset=nested)
    data = struct.pack("<2sHL", b"II", 42, nested + len(values)) + bytes(100) + values + directory(*entries)
    assert peak_memory(data) < 6 * len(data) + 100_000


def test_a_colour_profile_of_absurdly_many_names_costs_nothing():
    profile = srgb_profile().replace(*SWAPPED_NAME)
    records = profile.index(b"mluc") + 8
    hostile = profile[:records] + struct.pack(">L", 0x2000000) + profile[records + 4 :]
    data = encode(Image.new("RGB", (9, 9)), "PNG", icc_profile=hostile)
    assert memory_of_a_process("open_rgb", data) < 20_000


def test_reading_a_file(tmp_path: Path):
    path = tmp_path / "图.jpg"
    path.write_bytes(b"12345")
    assert read_limited(path, ImageLimits(max_bytes=5)) == b"12345"
    with pytest.raises(ImageTooLargeError) as caught:
        read_limited(path, ImageLimits(max_bytes=4))
    assert (caught.value.size, caught.value.limit) == (5, 4)


def test_reading_what_is_no_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(NotAnImageError, match="not a regular file"):
            read_limited(path, LIMITS)
    for path in (tmp_path / "missing", Path("a\0b")):
        with pytest.raises(ImageError, match="cannot be read"):
            read_limited(path, LIMITS)


def test_reading_a_file_that_is_longer_than_it_says():
    with pytest.raises(ImageTooLargeError):
        read_limited(Path("/proc/self/status"), ImageLimits(max_bytes=3))
