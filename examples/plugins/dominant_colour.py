"""Search by dominant colour: crop the subject, then describe the colour that covers most of it."""

from collections.abc import MutableMapping
from typing import Any

import numpy as np
from PIL import Image

from search_by_image.plugins import Features, PipelineRouter, processor
from search_by_image.vectors.base import Metric

LINEAR_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@processor(name="SubjectCrop", image_size=128)
def subject_crop(image: Image.Image, context: MutableMapping[str, Any]) -> Image.Image:
    """Crop to what differs from the picture's border; the context learns which share of the picture that is."""
    pixels = np.asarray(image, np.float32)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    rows, columns = np.nonzero(np.abs(pixels - np.median(border, axis=0)).max(2) > 40)
    context["subject_share"] = len(rows) / (image.width * image.height)
    if not len(rows):
        return image
    return image.crop((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


class SubjectOrCentre(PipelineRouter):
    """Without a clear subject, take the picture's centre first."""

    @classmethod
    def router_name(cls) -> str:
        return "SubjectOrCentre"

    @classmethod
    def get_next(
        cls,
        output: Any,
        context: MutableMapping[str, Any],
        pipeline_obj: Any,
        *,
        subject_node: str,
        centre_node: str,
        least_share: float,
    ) -> str:
        return subject_node if context["subject_share"] >= least_share else centre_node


@processor(name="DominantColour", image_size=128, dimension=3, metric=Metric.L2)
def dominant_colour(image: Image.Image, context: MutableMapping[str, Any]) -> Features:
    """The most frequent of eight colours, in OKLab (https://bottosson.github.io/posts/oklab/): 3 dimensions."""
    palette = image.quantize(8, Image.Quantize.MEDIANCUT)
    _, most = max(palette.getcolors() or [(0, 0)])
    colours = np.array(palette.getpalette(), np.float64).reshape(-1, 3) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    oklab = LMS_TO_OKLAB @ np.cbrt(LINEAR_TO_LMS @ linear[most])
    return Features(oklab.astype(np.float32))
