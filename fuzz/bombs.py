"""Small files that ask for a lot: of pixels, of parts, of frames, of bytes.

Every maker takes dice and a number, which says what is made where there is a choice; the dice decide the rest.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from fuzz.samples import (
    bitmap_of_runs,
    encode,
    photo,
    plain_samples,
    png_chunk,
    png_end,
    png_header,
    png_of_size,
    samples,
    with_size,
)

ALLOWED_SIDE = 9900
"""A square of so many pixels a side is just within the default of images/max_pixels."""


def huge_header(dice: random.Random, number: int) -> bytes:
    """It says that it has more pixels than anyone can hold, and has almost none."""
    width, height = (dice.choice([10_001, 16_383, 30_000, 65_535]) for _ in range(2))
    makers: tuple[Callable[[int, int], bytes], ...] = (
        _huge_png,
        partial(with_size, plain_samples()["JPEG"]),
        _huge_gif,
        _huge_webp,
        _huge_tiff,
        _huge_bmp,
        partial(_with_extents, samples()["HEIF grid"]),
        partial(_with_extents, plain_samples()["HEIF"]),
        partial(_with_extents, plain_samples()["AVIF"]),
    )
    return makers[number % len(makers)](width, height) + bytes([number % 251])


def _huge_png(width: int, height: int) -> bytes:
    return png_of_size(width * (height % 7 or 2**15), height)


def _huge_gif(width: int, height: int) -> bytes:
    frame = b"!\xf9\x04\x08\0\0\0\0" + struct.pack("<cHHHHB", b",", 0, 0, width, height, 0) + b"\x02\0;"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame


def _huge_webp(width: int, height: int) -> bytes:
    canvas = b"VP8X\x0a\0\0\0\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = plain_samples()["WEBP"][12:]
    return b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(frame)) + b"WEBP" + canvas + frame


def _huge_tiff(width: int, height: int) -> bytes:
    """One strip of 8 bytes for all of its rows."""
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (278, 4, 1, height),
        (279, 4, 1, 8),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return struct.pack("<2sHL", b"II", 42, 16) + zlib.compress(b"")[:8].ljust(8, b"\0") + directory + bytes(4)


def _huge_bmp(width: int, height: int) -> bytes:
    data = plain_samples()["BMP"]
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def _with_extents(data: bytes, width: int, height: int) -> bytes:
    """A HEIF or AVIF whose pictures all say that they are so large."""
    changed = bytearray(data)
    at = data.find(b"ispe")
    while at >= 0:
        changed[at + 8 : at + 16] = struct.pack(">II", width, height)
        at = data.find(b"ispe", at + 4)
    return bytes(changed)


def pixel_bomb(_dice: random.Random, number: int, side: int = ALLOWED_SIDE) -> bytes:
    """All of its pixels are there, and as many as `side` squared: what is allowed, in the form that takes the most."""
    makers: tuple[Callable[[int], bytes], ...] = (
        partial(_flat, "RGBA", "WEBP", lossless=True, method=0, quality=0),
        partial(_flat, "RGB", "WEBP", method=0, quality=0),
        partial(_flat, "RGBA", "PNG", compress_level=1),
        partial(_flat, "LA", "PNG", compress_level=1),
        partial(_flat, "I;16", "PNG", compress_level=1),
        partial(_flat, "1", "PNG", compress_level=1),
        partial(_flat, "CMYK", "JPEG", progressive=True, quality=30),
        partial(_flat, "P", "GIF"),
        partial(_flat, "F", "TIFF", compression="tiff_adobe_deflate"),
        partial(_flat, "CMYK", "TIFF", compression="tiff_lzw"),
        partial(_flat, "1", "BMP"),
        _flat_avif,
        _long_row,
    )
    return makers[number % len(makers)](side - number // len(makers))


def _flat(mode: str, kind: str, side: int, **options: object) -> bytes:
    return encode(Image.new(mode, (side, side)), kind, **options)


def _flat_avif(side: int) -> bytes:
    """A third of the side: its encoder is slow."""
    return _flat("RGB", "AVIF", side // 3, speed=10, quality=10)


def _long_row(side: int) -> bytes:
    return png_header(side * side // 4, 1) + png_end(bytes(1 + 3 * (side * side // 4)))


def many_parts(dice: random.Random, number: int) -> bytes:
    """As many chunks, segments, blocks, tags, scans, strips or runs as fit."""
    makers = (_chunks, _segments, _blocks, _tags, _scans, _runs, _boxes, _strips)
    return makers[number % len(makers)](dice.randrange(200, 40_000))


def _chunks(count: int) -> bytes:
    return png_header(9, 9) + png_chunk(b"abCd", b"") * count + png_end(bytes(9 * 28))


def _segments(count: int) -> bytes:
    jpeg = plain_samples()["JPEG"]
    return jpeg[:2] + b"\xff\xe1\0\x09Exif\0\0A" * count + jpeg[2:]


def _blocks(count: int) -> bytes:
    gif = plain_samples()["GIF"]
    return gif[:10] + bytes([0, 0, 0]) + b"!\xfe" + b"\1A" * count + b"\0" + gif[13:]


def _tags(count: int) -> bytes:
    tags = b"".join(struct.pack("<HHLL", number, 3, 3, 0) for number in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + tags


def _scans(count: int) -> bytes:
    """The last scan of a progressive JPEG again and again."""
    jpeg = encode(Image.new("L", (4000, 4000), 7), "JPEG", progressive=True)
    last, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    return jpeg[:last] + jpeg[last:end] * count + jpeg[end:]


def _runs(count: int) -> bytes:
    return bitmap_of_runs(max(count, 400) * 100, 1 + count % 3, b"\1\5\0\0" * (1 + count % 3), bits=4 + count % 2 * 4)


def _boxes(count: int) -> bytes:
    heif = plain_samples()["HEIF"]
    return heif + b"\0\0\0\x08free" * count


def _strips(count: int) -> bytes:
    """Every strip of the picture is the same eight bytes."""
    values = struct.pack("<" + "L" * count, *([8] * count))
    entries = [
        (256, 4, 1, 8),
        (257, 4, 1, count),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, count, 16),
        (278, 4, 1, 1),
        (279, 4, count, 16),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return struct.pack("<2sHL", b"II", 42, 16 + len(values)) + bytes(8) + values + directory + bytes(4)


def many_frames(dice: random.Random, number: int) -> bytes:
    """A film: only its first picture counts."""
    kind = ("GIF", "WEBP", "PNG", "TIFF", "MPO")[number % 5]
    first = photo()
    others = [first.rotate(dice.randrange(360)) for _ in range(dice.randrange(20, 120))]
    if kind == "GIF":
        first, others = first.quantize(16), [other.quantize(16) for other in others]
    data = encode(first, kind, save_all=True, append_images=others)
    return data if number % 2 else data[: len(data) // 2]


def too_many_bytes(dice: random.Random, number: int) -> bytes:
    """A picture and 17 MB behind it: more than may be sent, less than a body may have."""
    rows = np.frombuffer(dice.randbytes(2**16), np.uint8)
    tail = io.BytesIO()
    while tail.tell() < 17 * 2**20:
        tail.write(rows.tobytes())
    return plain_samples()[("PNG", "JPEG")[number % 2]] + tail.getvalue()
