"""One small picture in every way that it can be stored, and how bytes of it are lost or changed."""

import io
import random
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

WIDTH, HEIGHT = 44, 30
PLAIN = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "HEIF")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def noise() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 255, (5, 7, 3), np.uint8)


def photo() -> Image.Image:
    return Image.fromarray(noise()).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def srgb_profile() -> bytes:
    """Dated 1 January 2026, and not today."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]


@cache
def samples() -> dict[str, bytes]:
    image = photo()
    exif = Image.Exif()
    exif.update({274: 6, 271: "maker", 282: 72.0})
    extra = {"exif": exif, "icc_profile": srgb_profile()}

    def frames() -> dict[str, Any]:  # anew, because Pillow leaves the last encoder's settings on an image
        return {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}

    return {
        "JPEG": encode(image, "JPEG", **extra),
        "JPEG progressive CMYK": encode(image.convert("CMYK"), "JPEG", progressive=True),
        "MPO": encode(image, "MPO", **frames()),
        "PNG": encode(image, "PNG", **extra),
        "PNG palette": encode(image.quantize(16), "PNG", transparency=bytes(range(16))),
        "PNG 16-bit": encode(Image.fromarray(noise().astype(np.uint16)[..., 0] * 257), "PNG"),
        "PNG animated": encode(image, "PNG", **frames()),
        "GIF": encode(image.quantize(16), "GIF", save_all=True, append_images=[image.quantize(8)], disposal=2),
        "WEBP": encode(image, "WEBP", **extra),
        "WEBP lossless": encode(image.convert("RGBA"), "WEBP", lossless=True),
        "WEBP animated": encode(image, "WEBP", **frames()),
        "AVIF": encode(image, "AVIF", **extra),
        "BMP": encode(image, "BMP"),
        "BMP palette": encode(image.quantize(16), "BMP"),
        "TIFF": encode(image, "TIFF", **extra),
        "TIFF LZW": encode(image, "TIFF", compression="tiff_lzw"),
        "TIFF pages": encode(image.copy(), "TIFF", **frames()),
        "TIFF float": encode(Image.fromarray(noise().astype(np.float32)[..., 0]), "TIFF"),
        "HEIF": encode(image, "HEIF"),
        "HEIF grid": encode(image.resize((150, 90)), "HEIF", tile_size=64),
    }


@cache
def plain_samples() -> dict[str, bytes]:
    """One a format, without EXIF and colour profile."""
    return {kind: encode(photo(), kind) for kind in PLAIN}


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Up to eight times a few bits or bytes of it changed, taken away or put in, near its start as often as not."""
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at = dice.randrange(min(len(changed), dice.choice([64, 400, len(changed)])))
        flipped = bytes([changed[at] ^ 1 << dice.randrange(8)])
        changed[at : at + dice.choice([0, 1, 1, 4])] = dice.choice([flipped, flipped, b"\0", b"\xff\xff", b""])
    return bytes(changed)


def long_media_box(heif: bytes) -> bytes:
    """The same file with a 64-bit length, which stands where the first eight bytes of the picture data stood."""
    start = heif.index(b"mdat") - 4
    return heif[:start] + struct.pack(">I4sQ", 1, b"mdat", len(heif) - start) + heif[start + 16 :]


def with_tag_beyond_the_end(tiff: bytes) -> bytes:
    """Pillow warns of the tag whose value lies behind the end of the file, and reads the picture."""
    data = bytearray(tiff)
    directory = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[directory : directory + 2], "little")
    end = directory + 2 + 12 * count
    if int.from_bytes(data[end : end + 4], "little"):
        raise ValueError("a TIFF of one page is needed")
    moved = data[directory + 2 : end] + struct.pack("<HHLL", 60000, 7, 2**30, 8) + bytes(4)
    data[4:8] = len(data).to_bytes(4, "little")
    return bytes(data) + struct.pack("<H", count + 1) + bytes(moved)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def png_end(pixels: bytes) -> bytes:
    """`pixels`: each row after a byte that names its filter."""
    return png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")


def png_of_size(width: int, height: int) -> bytes:
    """It says so, and has no more than 99 bytes of pixels."""
    return png_header(width, height) + png_end(bytes(99))


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A baseline JPEG that says that it is so large."""
    frame = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:frame] + struct.pack(">HH", height, width) + jpeg[frame + 4 :]


def bitmap_of_runs(width: int, height: int, runs: bytes, bits: int = 8) -> bytes:
    """A BMP of 8 or 4 bits a pixel in run lengths."""
    palette = bytes(4 * 2**bits)
    start = 54 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(runs), 0, 0, start)
    shape = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 1 if bits == 8 else 2, len(runs), 0, 0, 0, 0)
    return head + shape + palette + runs
