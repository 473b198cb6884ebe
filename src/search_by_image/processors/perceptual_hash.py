"""Finding copies: a hash of a picture's coarse structure, which scaling, compression and small edits hardly change."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.vectors.base import Metric

DECIMALS = 6
"""Coefficients are of whole grey levels: what differs by less is rounding, and must give equal bits on any machine."""


class PerceptualHashPara(Para):
    hash_size: int = Field(8, ge=4, le=64, multiple_of=4)
    detail: int = Field(4, ge=1, le=16)


class PerceptualHash(Processor):
    """Perceptual hash (pHash): `hash_size` x `hash_size` bits, row by row, for the metric HAMMING.

    The grey picture is resized to `hash_size` x `detail` pixels a side (Pillow's Lanczos filter); a bit says whether
    one of the lowest frequencies of its discrete cosine transform is above their median. The bits are those of
    `imagehash.phash`, but that a large JPEG is decoded smaller first.
    """

    metric = Metric.HAMMING

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self._para = checked(PerceptualHashPara, para, self.processor_name())
        self._side = self.image_size = self._para.hash_size * self._para.detail
        self.dimension = self._para.hash_size**2
        self._cosines = cosines(self._side, self._para.hash_size)

    @property
    def fingerprint(self) -> str:
        return fingerprint("phash", self._para.model_dump_json(), "v1")

    def process(self, image: Image.Image, _context: Context) -> Features:
        grey = image.convert("L").resize((self._side, self._side), Image.Resampling.LANCZOS)
        lowest = np.round(self._cosines @ np.asarray(grey, np.float64) @ self._cosines.T, DECIMALS)
        return Features((lowest > np.median(lowest)).astype(np.float32).reshape(-1))


def cosines(length: int, count: int) -> npt.NDArray[np.float64]:
    """The first rows of the discrete cosine transform, type II, not normalised: shape (count, length)."""
    places = 2 * np.arange(length) + 1
    waves: npt.NDArray[np.float64] = 2 * np.cos(np.pi * np.outer(np.arange(count), places) / (2 * length))
    return waves
