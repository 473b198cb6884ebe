"""Pictures with absurd metadata, broken colour profiles, and channels that nobody expects."""

import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from fuzz.samples import encode, photo, plain_samples, png_chunk, png_end, png_header, samples, srgb_profile

WITH_METADATA = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
MODES = ("1", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")
JPEG_SEGMENT = 65_533


def metadata(dice: random.Random, number: int) -> bytes:
    """EXIF, XMP, texts, comments and profiles: huge, broken, packed bombs, or leading in circles."""
    makers: tuple[Callable[[random.Random], bytes], ...] = (
        _exif_of_many_values,
        _exif_in_a_circle,
        _exif_of_noise,
        _odd_orientation,
        _text_bomb,
        _profile_bomb,
        _broken_profile,
        _profile_of_many_names,
        _cut_profile,
        _huge_comment,
        _huge_xmp,
        _thumbnail_bomb,
    )
    return makers[number % len(makers)](dice)


def _exif_of_many_values(dice: random.Random) -> bytes:
    kind = dice.choice(["JPEG", "PNG", "WEBP"])
    count = dice.randrange(1000, 7000 if kind == "JPEG" else 200_000)
    head = _directory((282, 5, count, 38), (296, 3, 1, 2))
    return encode(photo(), kind, exif=b"Exif\0\0II*\0\x08\0\0\0" + head + b"\1\0\0\0\3\0\0\0" * count)


def _exif_in_a_circle(dice: random.Random) -> bytes:
    """Its nested directories are the first one."""
    directory = _directory((0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8), following=8)
    return encode(photo(), dice.choice(WITH_METADATA[:3]), exif=b"Exif\0\0II*\0\x08\0\0\0" + directory)


def _exif_of_noise(dice: random.Random) -> bytes:
    return encode(
        photo(), dice.choice(["JPEG", "PNG", "WEBP"]), exif=b"Exif\0\0" + dice.randbytes(dice.randrange(9000))
    )


def _odd_orientation(dice: random.Random) -> bytes:
    entry = struct.pack(
        "<HHLL", 274, dice.choice([3, 4, 2, 7, 12, 99]), dice.choice([0, 1, 2**31]), dice.randrange(2**32)
    )
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    return encode(photo(), dice.choice(["JPEG", "PNG", "WEBP"]), exif=block)


def _text_bomb(dice: random.Random) -> bytes:
    name, head = dice.choice([(b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")])
    bomb = png_chunk(name, head + zlib.compress(bytes(dice.randrange(10, 60) * 2**20)))
    return png_header(9, 9) + bomb + png_end(bytes(9 * 28))


def _profile_bomb(dice: random.Random) -> bytes:
    """A whole profile with megabytes behind it."""
    return encode(
        photo(), dice.choice(["PNG", "WEBP"]), icc_profile=srgb_profile() + bytes(dice.randrange(2**20, 2**23))
    )


def _broken_profile(dice: random.Random) -> bytes:
    profile = bytearray(srgb_profile().replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be")))
    for _ in range(dice.randrange(1, 30)):
        profile[dice.randrange(len(profile))] = dice.randrange(256)
    return encode(photo(), dice.choice(WITH_METADATA), icc_profile=bytes(profile))


def _profile_of_many_names(dice: random.Random) -> bytes:
    profile = srgb_profile().replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))
    records = profile.index(b"mluc") + 8
    many = struct.pack(">L", dice.randrange(2**20, 2**32))
    return encode(photo(), dice.choice(WITH_METADATA), icc_profile=profile[:records] + many + profile[records + 4 :])


def _cut_profile(dice: random.Random) -> bytes:
    profile = srgb_profile()
    return encode(photo(), dice.choice(WITH_METADATA), icc_profile=profile[: dice.randrange(1, len(profile))])


def _huge_comment(dice: random.Random) -> bytes:
    comment = dice.randbytes(JPEG_SEGMENT)
    segment = b"\xff" + bytes([dice.choice([0xFE, 0xE2, 0xED, 0xEF])]) + struct.pack(">H", JPEG_SEGMENT + 2) + comment
    jpeg = plain_samples()["JPEG"]
    return jpeg[:2] + segment * dice.randrange(1, 60) + jpeg[2:]


def _huge_xmp(dice: random.Random) -> bytes:
    entity = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 9) for n in range(1, 9)
    )
    xmp = b"<?xpacket begin?>" + entity + b"]><x>&a8;</x>" + b" " * dice.randrange(10_000)
    return encode(photo(), dice.choice(["WEBP", "PNG"]), xmp=xmp)


def _thumbnail_bomb(dice: random.Random) -> bytes:
    """The thumbnail in the EXIF block is a PNG of a huge size."""
    thumbnail = png_header(2**30, dice.randrange(1, 2**30))
    first = _directory((271, 2, 4, 0x41414141), following=26)
    second = _directory((513, 4, 1, 56), (514, 4, 1, len(thumbnail)))
    block = b"Exif\0\0II*\0\x08\0\0\0" + first + second + thumbnail
    return encode(photo(), dice.choice(["JPEG", "PNG", "WEBP"]), exif=block)


def _directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    body = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + body + struct.pack("<L", following)


def channels(dice: random.Random, number: int) -> bytes:
    """CMYK with and without Adobe's marker, odd depths, palettes without colours, floats that are no numbers."""
    makers: tuple[Callable[[random.Random], bytes], ...] = (
        _adobe_marker,
        _without_adobe_marker,
        _component_ids,
        _subsampling,
        _png_depth,
        _no_palette,
        _short_palette,
        _tiff_floats,
        _tiff_photometry,
        _stored_as,
    )
    return makers[number % len(makers)](dice)


def _adobe_marker(dice: random.Random) -> bytes:
    """Adobe's marker says what the channels are; here it says anything."""
    jpeg = dice.choice([plain_samples()["JPEG"], _cmyk(dice.randrange(20, 95))])
    marker = b"\xff\xee\0\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, dice.choice([0, 1, 2, 3, 255]))
    return jpeg[:2] + marker * dice.choice([1, 2]) + jpeg[2:]


def _without_adobe_marker(dice: random.Random) -> bytes:
    jpeg = _cmyk(dice.randrange(20, 95))
    start = jpeg.index(b"\xff\xee\0\x0eAdobe")
    return jpeg[:start] + jpeg[start + 16 :]


def _cmyk(quality: int = 75) -> bytes:
    return encode(photo().convert("CMYK"), "JPEG", quality=quality)


def _component_ids(dice: random.Random) -> bytes:
    jpeg = bytearray(dice.choice([plain_samples()["JPEG"], _cmyk()]))
    frame = jpeg.index(b"\xff\xc0")
    for number in range(jpeg[frame + 9]):
        jpeg[frame + 10 + 3 * number] = dice.choice([0, 1, 2, 3, ord("R"), ord("G"), 255])
    return bytes(jpeg)


def _subsampling(dice: random.Random) -> bytes:
    jpeg = bytearray(plain_samples()["JPEG"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 11 + 3 * dice.randrange(3)] = dice.randrange(256)
    return bytes(jpeg)


def _png_depth(dice: random.Random) -> bytes:
    depth, colour = dice.choice([1, 2, 4, 8, 16, 3, 32]), dice.choice([0, 2, 3, 4, 6, 1, 7])
    return png_header(9, 9, depth, colour) + png_end(dice.randbytes(9 * 80))


def _no_palette(dice: random.Random) -> bytes:
    return png_header(9, 9, 8, 3) + png_end((b"\0" + dice.randbytes(9)) * 9)


def _short_palette(dice: random.Random) -> bytes:
    palette = png_chunk(b"PLTE", dice.randbytes(dice.choice([0, 1, 3, 6, 769])))
    transparent = png_chunk(b"tRNS", dice.randbytes(dice.choice([0, 1, 2, 300])))
    return png_header(9, 9, 8, 3) + palette + transparent + png_end((b"\0" + dice.randbytes(9)) * 9)


def _tiff_floats(dice: random.Random) -> bytes:
    values = np.frombuffer(dice.randbytes(4 * 35), np.float32).reshape(5, 7).copy()
    values[0, :3] = dice.choice([np.nan, np.inf, 3e38]), -np.inf, np.nan
    return encode(Image.fromarray(values), "TIFF")


def _tiff_photometry(dice: random.Random) -> bytes:
    """One of the tags that say how pixels are stored says something else."""
    tiff = bytearray(samples()[dice.choice(["TIFF LZW", "TIFF", "TIFF float"])])
    (directory,) = struct.unpack_from("<L", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, directory)
    entry = directory + 2 + 12 * dice.randrange(count)
    struct.pack_into("<L", tiff, entry + 8, dice.choice([0, 1, 2, 5, 6, 7, 8, 32, 64, 32_946, 2**31]))
    return bytes(tiff)


def _stored_as(dice: random.Random) -> bytes:
    """Every mode of Pillow in every format that takes it."""
    mode = dice.choice(
        ["1", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B"]
    )
    size = dice.randrange(1, 40), dice.randrange(1, 40)
    image = Image.frombytes(mode, size, dice.randbytes(_bytes_of(mode, *size)))
    for kind in dice.sample(["TIFF", "PNG", "WEBP", "JPEG", "BMP", "GIF", "AVIF"], 7):
        try:
            return encode(image, kind)
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return plain_samples()["PNG"] + mode.encode()


def _bytes_of(mode: str, width: int, height: int) -> int:
    if mode == "1":
        return (width + 7) // 8 * height
    return len(Image.new(mode, (width, height)).tobytes())
