"""An installed model's files -> one graph: a picture's pixels in, its features out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.errors import ModelError
from search_by_image.models import efficientnet_lite, inception_v4
from search_by_image.models.description import Channels, ModelDescription, Preprocessing
from search_by_image.models.graph_files import GraphFile, GraphInput
from search_by_image.models.weights_files import Tensors, read_weights

FEATURES: Final = "features"
TOKENS, MAP = 3, 4
Builder = Callable[[Tensors, Preprocessing], ov.Model]


def open_model(folder: Path, model: ModelDescription) -> ov.Model:
    """From (1, height, width, 3), RGB, 0..255, to `features`, shape (1, dimension).

    Pixels are u8, but for `tf1`, whose are f32 unless the graph's own input is of integers. Raises `ModelError`.
    """
    file = folder / model.file
    graph = _with_vector(_built(file, model) if model.graph in BUILDERS else _opened(file, model), model)
    _check_dimension(graph, model)
    return graph


def _built(file: Path, model: ModelDescription) -> ov.Model:
    if model.preprocessing.resize == "shorter-side":
        raise ModelError(f"The graph {model.graph!r} takes squares. Set resize to central-square or squash.")
    return BUILDERS[model.graph](read_weights(file), model.preprocessing)


def _opened(file: Path, model: ModelDescription) -> ov.Model:
    graph = GraphFile(file)
    return graph.model(_input(graph, model.preprocessing), {FEATURES: model.output.tensor or _first_output(graph)})


def _first_output(graph: GraphFile) -> str:
    names = graph.outputs()
    if not names:
        raise ModelError(f"The outputs of the model file {str(graph.file)!r} have no names. Name a tensor.")
    return names[0]


def _input(graph: GraphFile, wanted: Preprocessing) -> GraphInput:
    low, high = _range(wanted)
    return GraphInput(
        wanted.tensor or _only_picture(graph),
        None if wanted.resize == "shorter-side" else (wanted.size, wanted.size),
        wanted.layout,
        pixels_of(wanted),
        low,
        high,
        wanted.order,
    )


def _only_picture(graph: GraphFile) -> str:
    found = graph.pictures()
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise ModelError(f"The model file {str(graph.file)!r} has not one input for a picture but: {names}. Name it.")
    return found[0]


def pixels_of(wanted: Preprocessing) -> Literal["u8", "f32"]:
    return "f32" if wanted.interpolation == "tf1" else "u8"


def _range(wanted: Preprocessing) -> tuple[float | Channels, float | Channels]:
    """What 0 and 255 become, a channel each."""
    if wanted.mean is None or wanted.std is None:
        return 0.0, 255.0
    (red, green, blue), (of_red, of_green, of_blue) = wanted.mean, wanted.std
    low = (-red / of_red, -green / of_green, -blue / of_blue)
    return low, ((1 - red) / of_red, (1 - green) / of_green, (1 - blue) / of_blue)


def _with_vector(graph: ov.Model, model: ModelDescription) -> ov.Model:
    """Its output pooled, and then one row."""
    pooled = _pooled(graph.get_results()[0].input_value(0), model)
    result = op.result(op.reshape(pooled, np.array([1, -1]), special_zero=False))
    result.get_output_tensor(0).set_names({FEATURES})
    return ov.Model([result], graph.get_parameters(), graph.get_friendly_name())


def _pooled(source: ov.Output, model: ModelDescription) -> ov.Output:
    pooling, rank = model.output.pooling, source.get_partial_shape().rank
    length = rank.get_length() if rank.is_static else 0
    if pooling == "none":
        return source
    if pooling == "cls" and length == TOKENS:
        return op.gather(source, np.int64(0), np.int64(1)).output(0)
    if pooling == "mean" and length in {TOKENS, MAP}:
        return op.reduce_mean(source, np.array(_places(length, model)), keep_dims=False).output(0)
    raise ModelError(
        f"The output of {model.name!r} has the shape {source.get_partial_shape()}, of which {pooling!r} takes nothing: "
        "cls wants (1, tokens, n), mean that or a map of four dimensions. Set pooling to none, or name another tensor."
    )


def _places(length: int, model: ModelDescription) -> list[int]:
    if length == TOKENS:
        return [1]
    return [1, 2] if model.preprocessing.layout == "NHWC" else [2, 3]


def _check_dimension(graph: ov.Model, model: ModelDescription) -> None:
    shape = graph.output(0).partial_shape
    if shape.is_dynamic or list(shape.to_shape()) != [1, model.dimension]:
        raise ModelError(
            f"The model {model.name!r} gives features of shape {shape}, and (1, {model.dimension}) is described. "
            "Correct dimension, tensor or pooling."
        )


def _efficientnet(stages: tuple[efficientnet_lite.Stage, ...]) -> Builder:
    def build(tensors: Tensors, wanted: Preprocessing) -> ov.Model:
        if pixels_of(wanted) != "u8":
            raise ModelError("EfficientNet-Lite was not trained with tf1. Set interpolation to bicubic or bilinear.")
        return efficientnet_lite.build(tensors, wanted.size, stages)

    return build


def _inception(tensors: Tensors, wanted: Preprocessing) -> ov.Model:
    return inception_v4.build(tensors, wanted.size, pixels=pixels_of(wanted))


BUILDERS: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        "efficientnet-lite0": _efficientnet(efficientnet_lite.LITE0),
        "efficientnet-lite2": _efficientnet(efficientnet_lite.LITE2),
        "inception-v4": _inception,
    }
)
