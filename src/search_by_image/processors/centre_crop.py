"""The picture's middle, for the processors that come after."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from PIL import Image
from pydantic import BeforeValidator, Field

from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Host, Processor
from search_by_image.processors.para import Para, checked

RATIO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)\s*")
USUAL_SHARE = 0.8


def _quotient(value: object) -> object:
    parts = RATIO.fullmatch(value) if isinstance(value, str) else None
    return float(parts[1]) / float(parts[2]) if parts and float(parts[2]) else value


class CentreCropPara(Para):
    share: float | None = Field(None, gt=0, le=1)
    aspect: Annotated[float | None, BeforeValidator(_quotient), Field(ge=0.01, le=100)] = None
    image_size: int | None = Field(None, ge=1, le=4096)


class CentreCrop(Processor):
    """Cuts out the middle; the next processor gets that picture.

    `aspect` (width / height, such as 1.5 or 3:2) takes the largest rectangle of that shape, `share` keeps that share of
    each side (default: 0.8, or 1 where there is an `aspect`). At least one pixel stays. `image_size`, the side that the
    processors after it shrink to, lets large JPEG files be decoded smaller and faster; without it they are decoded in
    full.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        made = checked(CentreCropPara, para, self.processor_name())
        self.aspect = made.aspect
        self.share = made.share or (USUAL_SHARE if made.aspect is None else 1.0)
        self.image_size = math.ceil(made.image_size * self._reduction) if made.image_size else None

    @property
    def _reduction(self) -> float:
        """How many times shorter the shorter side can become."""
        aspect = self.aspect or 1.0
        return max(aspect, 1 / aspect) / self.share

    @property
    def fingerprint(self) -> str:
        return fingerprint("centre crop", str(self.share), str(self.aspect), str(self.image_size), "v1")

    def process(self, image: Image.Image, _context: Context) -> Image.Image:
        return image.crop(self.box(*image.size))

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, upper, right, lower, in pixels."""
        aspect = self.aspect or width / height
        wide = _whole(self.share * min(width, height * aspect), width)
        high = _whole(self.share * min(height, width / aspect), height)
        left, upper = (width - wide) // 2, (height - high) // 2
        return left, upper, left + wide, upper + high


def _whole(length: float, most: int) -> int:
    return min(max(round(length), 1), most)
