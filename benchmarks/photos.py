"""The demo photos as JPEG bytes, and one picture as a camera makes it."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from platformdirs import user_cache_path

from search_by_image.demo import fetch_photos


def photo_folder() -> Path:
    """The demo photos, a folder a kind."""
    return fetch_photos(user_cache_path("search-by-image"))


def demo_photos(limit: int | None = None) -> list[bytes]:
    """Cats, dogs, stop signs and birds in turn, so that a part of them is as mixed as the whole."""
    kinds = sorted(path for path in photo_folder().iterdir() if path.is_dir())
    files = sorted((file for kind in kinds for file in kind.glob("*.jpg")), key=_shuffled)
    return [file.read_bytes() for file in files[:limit]]


def camera_photo(megapixels: int = 12) -> bytes:
    """Smooth shapes with fine noise: compresses about as a photo does."""
    height, width = int((megapixels * 750_000) ** 0.5), int((megapixels * 1_333_333) ** 0.5)
    dice = np.random.default_rng(0)
    coarse = Image.fromarray(dice.integers(0, 256, (30, 40, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(coarse, np.int16) + dice.integers(-6, 7, (height, width, 1))
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _shuffled(file: Path) -> bytes:
    return file.read_bytes()[-64:]
