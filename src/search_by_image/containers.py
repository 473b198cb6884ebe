"""What a container tells of itself, looked up before Pillow or libheif is trusted with it."""

import re
import struct
from collections.abc import Iterator
from itertools import islice

from search_by_image.errors import ImageError, TruncatedImageError

_BIG_TIFF = b"+"
_MAX_VALUES = 2**16
_TEXT_AND_BYTES = frozenset({1, 2, 6, 7})
_ORIENTATION = 274
_ORIENTATIONS = range(1, 9)
_MAX_BOXES = 1000
_MAX_SCANS = 100
_SCAN, _JPEG_END, _LENGTHLESS = 0xDA, 0xD9, frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_RUN_LENGTHS, _MAX_RUN_LENGTH_PIXELS = frozenset({1, 2}), 2**22
_BITMAP_SIZE, _BITMAP_COMPRESSION = struct.Struct("<18xii"), struct.Struct("<14xL12xL")
_OLD_BITMAP_HEADER = 12
_ICC_TAGS_AT, _ICC_TAG = 128, struct.Struct(">4sLL")
_SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))
_SHORT_BOX, _LONG_BOX = struct.Struct(">I4s"), struct.Struct(">8xQ")


def exif_orientation(block: bytes) -> int:
    """1..8; 1 when the block has none or is damaged. Pillow takes ten times as long, on a hostile block seconds."""
    tiff = block.removeprefix(b"Exif\0\0")
    try:
        values = [value for tag, _, _, value in _tiff_entries(tiff) if tag == _ORIENTATION]
    except struct.error:
        return 1
    found = int.from_bytes(values[0][:2], "little" if tiff.startswith(b"II") else "big") if values else 1
    return found if found in _ORIENTATIONS else 1


def check_jpeg(data: bytes) -> None:
    """Refuse absurdly many scans: each goes over all pixels again (139 bytes: 0.2 s; 16 MB of them: hours)."""
    if data.count(bytes([0xFF, _SCAN])) > _MAX_SCANS and any(islice(_jpeg_scans(data), _MAX_SCANS, None)):
        raise ImageError(f"The JPEG picture has more than {_MAX_SCANS} scans. Save it anew.")


def _jpeg_scans(data: bytes) -> Iterator[int]:
    """Where each scan of the first picture starts; what a camera appends to it, a film perhaps, is not looked at."""
    at = 0
    while (found := _JPEG_MARKER.search(data, at)) and (marker := found[1][0]) != _JPEG_END:
        at = found.end()
        if marker == _SCAN:
            yield at
        if marker not in _LENGTHLESS:
            at += int.from_bytes(data[at : at + 2])


def check_bitmap(data: bytes) -> None:
    """Refuse a large one in run lengths: Pillow unpacks it in Python, pixel by pixel (1 KB: half a minute)."""
    if len(data) < _BITMAP_COMPRESSION.size:
        return
    header, compression = _BITMAP_COMPRESSION.unpack_from(data)
    width, height = _BITMAP_SIZE.unpack_from(data)
    pixels = abs(width * height)
    if header > _OLD_BITMAP_HEADER and compression in _RUN_LENGTHS and pixels > _MAX_RUN_LENGTH_PIXELS:
        raise ImageError(
            f"The BMP picture has {pixels} pixels in run lengths, at most {_MAX_RUN_LENGTH_PIXELS} are read. "
            "Save it anew as PNG."
        )


def check_tiff(data: bytes) -> None:
    """Refuse a tag of absurdly many values: Pillow makes objects of each (15 MB of strip offsets: 33 s and 1 GB)."""
    for tag, kind, values, _ in _tiff_entries(data):
        if values > _MAX_VALUES and kind not in _TEXT_AND_BYTES:
            raise ImageError(f"TIFF tag {tag} has {values} values, at most {_MAX_VALUES} are read. Save it anew.")


def check_heif(data: bytes) -> None:
    """Refuse a file whose picture data is cut off: libheif leaves the missing tiles of a grid black without a word."""
    for kind, end in islice(_heif_boxes(data), _MAX_BOXES):
        if kind == b"mdat" and end > len(data):
            raise TruncatedImageError(f"The HEIF picture lacks its last {end - len(data)} bytes. Send the whole file.")


def _heif_boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Type and end of each box on the top level; of what a camera appends behind them, too, if it looks like one."""
    end = 0
    while end + _SHORT_BOX.size <= len(data):
        size, kind = _SHORT_BOX.unpack_from(data, end)
        if size == 1:
            (size,) = _LONG_BOX.unpack_from(data, end)
        end += size
        yield kind, end


def is_named_srgb(profile: bytes) -> bool:
    """Whether an ICC profile's description says sRGB. lcms would trust its record count: 190 MB from 588 bytes."""
    count = int.from_bytes(profile[_ICC_TAGS_AT : _ICC_TAGS_AT + 4])
    first = _ICC_TAGS_AT + 4
    whole = min(count, max(len(profile) - first, 0) // _ICC_TAG.size)
    for tag, offset, size in _ICC_TAG.iter_unpack(profile[first : first + whole * _ICC_TAG.size]):
        if tag == b"desc":
            return any(name in profile[offset : offset + size] for name in _SRGB)
    return False


def _tiff_entries(tiff: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Of the first directory: tag, type, number of values, value (in the file's byte order) or its offset.

    Raises `struct.error` when it lies outside of the file.
    """
    order = "<" if tiff.startswith(b"II") else ">"
    start, length, entry = ("8xQ", "Q", "HHQ8s") if tiff[2:3] == _BIG_TIFF else ("4xL", "H", "HHL4s")
    (offset,) = struct.unpack_from(order + start, tiff)
    (count,) = struct.unpack_from(order + length, tiff, offset)
    first, size = offset + struct.calcsize(order + length), struct.calcsize(order + entry)
    whole = min(count, (len(tiff) - first) // size)
    return struct.iter_unpack(order + entry, tiff[first : first + size * whole])
