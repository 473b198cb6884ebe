"""How often each level of red, green and blue occurs: cheap, blind to shapes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from pydantic import Field

from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.resizing import squashed

CHANNELS = 3
LEVELS = 256


class HistogramPara(Para):
    image_size: int = Field(299, ge=1, le=4096)


class HistogramVetor(Processor):
    """RGB histogram: 256 bins of red, then green, then blue, each a share of the pixels (768 dimensions).

    The whole picture is first resized to `image_size` x `image_size` pixels, bilinear and antialiased
    (`resizing.squashed`). Any metric but the binary ones suits; the configuration's (`milvus/metric_type`) is taken.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self._side = self.image_size = checked(HistogramPara, para, self.processor_name()).image_size
        self.dimension = CHANNELS * LEVELS

    @property
    def fingerprint(self) -> str:
        return fingerprint("rgb histogram", f"bilinear {self._side}", "v1")

    def process(self, image: Image.Image, _context: Context) -> Features:
        levels = squashed(image, (self._side, self._side)).reshape(-1, CHANNELS) + LEVELS * np.arange(CHANNELS)
        counts = np.bincount(levels.reshape(-1), minlength=CHANNELS * LEVELS)
        return Features((counts / self._side**2).astype(np.float32))
