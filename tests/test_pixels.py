"""What becomes of each kind of pixel: depth, transparency, inks, colour profiles."""

import struct
import subprocess
import sys
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from PIL import ExifTags, Image, ImageCms

from search_by_image import pixels
from search_by_image.images import ImageLimits, open_rgb


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes, **options) -> np.ndarray:
    image = open_rgb(data, ImageLimits(), **options)
    assert image.mode == "RGB"
    assert image.info == {}
    return np.asarray(image).astype(int)


def one_pixel(image: Image.Image, kind: str, **options) -> tuple[int, ...]:
    return tuple(opened(encode(image, kind, **options))[0, 0].tolist())


def test_16_bit_grey_keeps_its_gradient():
    steps = np.arange(0, 65536, 256, dtype=np.uint16)[None] + 17
    for image, kind in [
        (Image.fromarray(steps), "PNG"),
        (Image.fromarray(steps), "TIFF"),
        (Image.frombytes("I;16B", (256, 1), steps.astype(">u2").tobytes()), "TIFF"),
        (Image.fromarray(steps.astype(np.int32)), "TIFF"),
    ]:
        off_by = np.abs(opened(encode(image, kind))[0] - np.arange(256)[:, None]).max()
        assert off_by <= (image.mode == "I"), (image.mode, kind)


def tiff(values: bytes, width: int, *tags: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF of one row. A tag: number, type, number of values, the values in four bytes."""
    common = [(256, 4, 1, struct.pack("<L", width)), (257, 4, 1, b"\1\0\0\0"), (273, 4, 1, b"\x08\0\0\0")]
    entries = sorted([*common, *tags])
    directory = b"".join(struct.pack("<HHL4s", *entry) for entry in entries)
    header = struct.pack("<2sHL", b"II", 42, 8 + len(values))
    return header + values + struct.pack("<H", len(entries)) + directory + bytes(4)


def test_12_bit_grey():
    packed = bytes([0xFF, 0xF8, 0x00])  # 4095, 2048
    data = tiff(packed, 2, (258, 3, 1, b"\x0c\0\0\0"), (262, 3, 1, b"\1\0\0\0"))
    assert opened(data)[0, :, 0].tolist() == [255, 128]


def test_premultiplied_grey():
    layout = [(258, 3, 2, b"\x08\0\x08\0"), (262, 3, 1, b"\1\0\0\0"), (277, 3, 1, b"\2\0\0\0")]
    data = tiff(bytes([0, 0, 0, 255, 64, 128]), 3, *layout, (338, 3, 1, b"\1\0\0\0"))
    assert np.abs(opened(data)[0, :, 0] - (255, 0, 64 + 127)).max() <= 1


@pytest.mark.parametrize(
    ("values", "grey"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0.2, 0.4], [51, 102]),
        ([-100, 0, 100], [0, 128, 255]),
        ([7, 7], [0, 0]),
        ([np.nan, 10, np.inf, -np.inf, 20], [0, 0, 255, 0, 255]),
        ([np.nan, np.nan], [0, 0]),
    ],
)
def test_float_values(values, grey):
    data = encode(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert opened(data)[0, :, 0].tolist() == grey


def test_32_bit_integers_beyond_16_bits_are_stretched():
    data = encode(Image.fromarray(np.array([[-100_000, 0, 100_000]], np.int32)), "TIFF")
    assert opened(data)[0, :, 0].tolist() == [0, 128, 255]


@given(stn.arrays(np.float32, st.tuples(st.just(1), st.integers(1, 8)), elements=st.floats(width=32)))
def test_any_floats_keep_their_order(values):
    grey = opened(encode(Image.fromarray(values), "TIFF"))[0, :, 0]
    numbers = ~np.isnan(values[0])
    ranks = np.argsort(values[0][numbers], kind="stable")
    assert (np.diff(grey[numbers][ranks]) >= 0).all()


def test_the_strips_of_a_large_picture_share_their_range():
    values = np.linspace(-100, 100, 1500, dtype=np.float32)[:, None].repeat(1000, axis=1)
    grey = opened(encode(Image.fromarray(values), "TIFF"))[:, 0, 0]
    assert np.abs(grey - np.linspace(0, 255, 1500)).max() <= 0.51


PEAK = """
import sys
from pathlib import Path
from search_by_image.images import ImageLimits, open_rgb

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

before = peak()
image = open_rgb(Path(sys.argv[1]).read_bytes(), ImageLimits())
print((peak() - before) / (image.width * image.height))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by /proc")
@pytest.mark.parametrize("mode", ["F", "RGBA"])
def test_a_picture_takes_12_bytes_a_pixel(tmp_path, mode):
    file = tmp_path / "picture"
    if mode == "F":
        Image.new("F", (3000, 3000), 0.5).save(file, "TIFF", compression="tiff_deflate")
    else:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        Image.new("RGBA", (3000, 3000)).save(file, "PNG", exif=exif, icc_profile=red_and_blue_swapped())
    done = subprocess.run([sys.executable, "-c", PEAK, file], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 13


def test_transparency_lies_on_white():
    clear, half = Image.new("RGBA", (1, 1), (255, 0, 0, 0)), Image.new("RGBA", (1, 1), (255, 0, 0, 128))
    for kind, options in [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True}), ("AVIF", {})]:
        assert one_pixel(clear, kind, **options) == (255, 255, 255), kind
    assert one_pixel(half, "PNG") == (255, 127, 127)
    assert one_pixel(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "HEIF") == (255, 255, 255)


@pytest.mark.parametrize(
    ("image", "kind", "options", "colour"),
    [
        (Image.new("LA", (1, 1), (0, 0)), "PNG", {}, (255, 255, 255)),
        (Image.new("LA", (1, 1), (0, 255)), "TIFF", {}, (0, 0, 0)),
        (Image.new("PA", (1, 1), (0, 0)), "TIFF", {}, (255, 255, 255)),
        (Image.new("L", (1, 1), 9), "PNG", {"transparency": 9}, (255, 255, 255)),
        (Image.new("L", (1, 1), 8), "PNG", {"transparency": 9}, (8, 8, 8)),
        (Image.new("1", (1, 1), 0), "PNG", {"transparency": 0}, (255, 255, 255)),
        (Image.new("RGB", (1, 1), (1, 2, 3)), "PNG", {"transparency": (1, 2, 3)}, (255, 255, 255)),
        (Image.new("RGB", (1, 1), (1, 2, 4)), "PNG", {"transparency": (1, 2, 3)}, (1, 2, 4)),
        (Image.new("I;16", (1, 1), 770), "PNG", {"transparency": 770}, (255, 255, 255)),
        (Image.new("I;16", (1, 1), 771), "PNG", {"transparency": 770}, (3, 3, 3)),
        (Image.new("P", (1, 1), 0), "PNG", {"transparency": 0}, (255, 255, 255)),
        (Image.new("P", (1, 1), 1), "PNG", {"transparency": b"\0\0"}, (255, 255, 255)),
        (Image.new("P", (1, 1), 0), "GIF", {"transparency": 0}, (255, 255, 255)),
    ],
)
def test_transparency_of_the_rarer_modes(image, kind, options, colour):
    if image.mode in {"P", "PA"}:
        image.putpalette([0, 0, 0, 9, 9, 9])
    assert one_pixel(image, kind, **options) == colour


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize("at_least", [None, 16])
def test_cmyk(kind, at_least):
    for ink, colour in {
        (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 255, 0): (255, 0, 0),
        (0, 0, 0, 255): (0, 0, 0),
        (0, 0, 0, 0): (255, 255, 255),
    }.items():
        data = encode(Image.new("CMYK", (64, 64), ink), kind)
        assert np.abs(opened(data, at_least=at_least) - colour).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "LAB"])
def test_other_modes(mode):
    ramp = Image.linear_gradient("L").resize((48, 32))
    source = Image.merge("RGB", [ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp])
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        stored = ImageCms.profileToProfile(source, *profiles, outputMode="LAB")
    else:
        stored = source.convert(mode)
    expected = np.asarray(stored.convert("RGB")).astype(int)
    assert np.abs(opened(encode(stored, "TIFF")) - expected).max() <= 3


def srgb_profile(name="sRGB") -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))


def red_and_blue_swapped(name="swap") -> bytes:
    profile = srgb_profile(name)
    length = 132 + 12 * int.from_bytes(profile[128:132])  # of the header and the tag table
    head = profile[:length].replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return head + profile[length:]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_colour_profile_is_converted_to_srgb(kind):
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.abs(opened(encode(red, kind, icc_profile=red_and_blue_swapped(), **options)) - (0, 0, 255)).max() <= 2
    assert np.abs(opened(encode(red, kind, icc_profile=srgb_profile(), **options)) - (255, 0, 0)).max() == 0


def test_a_large_profile_is_used_and_not_kept():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    kept = pixels._kept_transform.cache_info().currsize
    profile = red_and_blue_swapped("huge") + bytes(2**20)
    assert np.abs(opened(encode(red, "TIFF", icc_profile=profile)) - (0, 0, 255)).max() <= 2
    assert pixels._kept_transform.cache_info().currsize == kept


@pytest.mark.parametrize("profile", [b"no profile", bytes(132), srgb_profile("swap")[:200], red_and_blue_swapped()])
def test_a_profile_that_is_broken_or_for_other_channels_is_ignored(profile):
    grey = Image.new("L", (4, 4), 99)
    assert (opened(encode(grey, "PNG", icc_profile=profile)) == 99).all()


def test_a_profile_that_calls_itself_srgb_is_taken_at_its_word():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert (opened(encode(red, "PNG", icc_profile=red_and_blue_swapped("sRGB"))) == (255, 0, 0)).all()
