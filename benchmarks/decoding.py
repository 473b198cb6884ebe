"""Opening a picture, beside Pillow's own full decoding."""

import io

from PIL import Image

from benchmarks.measure import Row, rates
from benchmarks.photos import camera_photo, demo_photos
from search_by_image.images import ImageLimits, check, open_rgb

TARGET = 448


def rows() -> list[Row]:
    return [_compare("small JPEGs", demo_photos(200)), _compare("12 Mpx JPEG", [camera_photo()] * 2)]


def _compare(name: str, photos: list[bytes]) -> Row:
    limits = ImageLimits()

    def ours() -> int:
        for photo in photos:
            check(photo, limits)
            open_rgb(photo, limits, at_least=TARGET)
        return len(photos)

    def pillow() -> int:
        for photo in photos:
            Image.open(io.BytesIO(photo)).convert("RGB")
        return len(photos)

    fast, plain = rates([ours, pillow])
    return Row(
        f"decode, {name}", f"{fast:.0f}/s", f"Pillow {plain:.0f}/s", fast / plain, "checked and upright against plain"
    )
