"""How much of a picture each of a few dozen colours covers, its black background left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from search_by_image.errors import ImageError
from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.resizing import squashed
from search_by_image.vectors.base import Vector

Bins = npt.NDArray[np.int32]
LEVELS: Bins = np.arange(256, dtype=np.int32)
"""Pillow gives hue, saturation and value as these; the hue's last is its first again."""


class HsvPara(Para):
    image_size: int = Field(299, ge=1, le=4096)
    h_split_num: int = Field(6, ge=1, le=64)
    s_split_num: int = Field(4, ge=1, le=64)
    v_split_num: int = Field(3, ge=1, le=64)
    remove_line: float = Field(0.01, ge=0, lt=1)


class HSVClusterHistogramVetor(Processor):
    """HSV histogram: the share of each colour among the pixels that are not pure black.

    The whole picture is first resized to `image_size` x `image_size` pixels, as for `HistogramVetor`. The dimension is
    `h_split_num` x `s_split_num` x `v_split_num`, the value varying fastest. A hue belongs to the nearest of
    `h_split_num` hues spread evenly around the circle from red on, so that no border runs through red; saturation and
    value are cut into equal intervals. Greys count as red of no saturation, as everywhere in HSV.

    Bins with a share under `remove_line` become 0 (the fullest one stays whatever the line), and the rest is scaled to
    the sum 1. Any metric but the binary ones suits; the configuration's (`milvus/metric_type`) is taken.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self._para = checked(HsvPara, para, self.processor_name())
        self._side = self.image_size = self._para.image_size
        hues, saturations, values = self._para.h_split_num, self._para.s_split_num, self._para.v_split_num
        self._hues = nearest_hues(hues) * saturations * values
        self._saturations = LEVELS * saturations // len(LEVELS) * values
        self._values = LEVELS * values // len(LEVELS)
        self._colours = self.dimension = hues * saturations * values

    @property
    def fingerprint(self) -> str:
        return fingerprint("hsv histogram", self._para.model_dump_json(), "v1")

    def process(self, image: Image.Image, _context: Context) -> Features:
        """Raises `ImageError` for a picture that is all black."""
        square = Image.fromarray(squashed(image, (self._side, self._side)))
        hue, saturation, value = np.moveaxis(np.asarray(square.convert("HSV")), -1, 0)
        bins = self._hues[hue] + self._saturations[saturation] + self._values[value]
        return Features(self._shares(bins[value > 0]))

    def _shares(self, bins: Bins) -> Vector:
        if not len(bins):
            raise ImageError(
                "The picture is black all over, and HSVClusterHistogramVetor takes pure black for background: nothing "
                "is left to describe. Use another picture, or a pipeline with another processor."
            )
        counts = np.bincount(bins, minlength=self._colours)
        line = min(self._para.remove_line * len(bins), counts.max())
        kept = np.where(counts < line, 0, counts)
        shares: Vector = (kept / kept.sum()).astype(np.float32)
        return shares


def nearest_hues(count: int) -> Bins:
    """For each level of the hue, which of `count` hues around the circle is the nearest."""
    circle = LEVELS[-1]
    hues: Bins = (2 * LEVELS * count + circle) // (2 * circle) % count
    return hues
