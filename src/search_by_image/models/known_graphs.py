"""The networks whose graph is written here, so that their weights alone are enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import openvino as ov

from search_by_image.errors import ModelError
from search_by_image.models import efficientnet_lite, inception_v4
from search_by_image.models.efficientnet_lite import Stage
from search_by_image.models.timm_names import under_reference_names
from search_by_image.models.weights_files import Tensors

PixelType = Literal["u8", "f32"]


@dataclass(frozen=True, slots=True)
class KnownGraph:
    """`size`: that it was trained at. `build`: from weights, a size and the type of the pixels to the graph."""

    size: int
    fits: Callable[[Tensors], bool]
    build: Callable[[Tensors, int, PixelType], ov.Model]


def known_graphs() -> Mapping[str, KnownGraph]:
    return {
        "efficientnet-lite0": _efficientnet(224, efficientnet_lite.LITE0),
        "efficientnet-lite2": _efficientnet(260, efficientnet_lite.LITE2),
        "inception-v4": KnownGraph(299, lambda tensors: inception_v4.LAST_TENSOR in tensors, _inception),
    }


def recognised(tensors: Tensors) -> str:
    """The name of the graph that the weights are for. Raises `ModelError`."""
    for name, graph in known_graphs().items():
        if graph.fits(tensors):
            return name
    known = ", ".join(known_graphs())
    raise ModelError(f"The weights are of no network that is known here ({known}). Export it as ONNX and add that.")


def _efficientnet(size: int, stages: tuple[Stage, ...]) -> KnownGraph:
    def fits(tensors: Tensors) -> bool:
        return efficientnet_lite.fits(under_reference_names(tensors), stages)

    def build(tensors: Tensors, size: int, pixels: PixelType) -> ov.Model:
        if pixels != "u8":
            raise ModelError("EfficientNet-Lite was not trained with tf1. Set interpolation to bicubic or bilinear.")
        return efficientnet_lite.build(under_reference_names(tensors), size, stages)

    return KnownGraph(size, fits, build)


def _inception(tensors: Tensors, size: int, pixels: PixelType) -> ov.Model:
    return inception_v4.build(tensors, size, pixels=pixels)
