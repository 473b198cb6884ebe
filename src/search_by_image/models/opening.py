"""An installed model's files -> one graph: a picture's pixels in, its features out."""

import math
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.errors import ModelError
from search_by_image.models.description import Channels, Layout, ModelDescription, Preprocessing
from search_by_image.models.graph_files import GraphFile, GraphInput
from search_by_image.models.known_graphs import PixelType, known_graphs
from search_by_image.models.weights_files import read_weights

FEATURES: Final = "features"
TOKENS, MAP = 3, 4


def open_model(folder: Path, model: ModelDescription) -> ov.Model:
    """From (1, height, width, 3), RGB, 0..255, to `features`, shape (1, dimension).

    Pixels are u8, but for `tf1`, whose are f32 unless the graph's own input is of integers. Raises `ModelError`.
    """
    graph = _with_vector(folder, model)
    _check_dimension(graph, model)
    return graph


def dimension_of(folder: Path, model: ModelDescription) -> int:
    """What the vectors of such a model have, whatever its description says. Raises `ModelError`."""
    shape = _with_vector(folder, model).output(0).partial_shape
    if shape.is_dynamic:
        raise ModelError(f"The model {model.name!r} gives features of shape {shape}: say their dimension.")
    return math.prod(shape.to_shape())


def _built(file: Path, model: ModelDescription) -> ov.Model:
    if model.preprocessing.resize == "shorter-side":
        raise ModelError(f"The graph {model.graph!r} takes squares. Set resize to central-square or squash.")
    wanted = model.preprocessing
    return known_graphs()[model.graph].build(read_weights(file), wanted.size, pixel_type(wanted))


def _opened(file: Path, model: ModelDescription) -> tuple[ov.Model, Layout]:
    graph = GraphFile(file)
    source, outputs = _input(graph, model.preprocessing), {FEATURES: model.output.tensor or _first_output(graph)}
    return graph.model(source, outputs), graph.layout(source.tensor, source.layout)


def _first_output(graph: GraphFile) -> str:
    names = graph.outputs()
    if not names:
        raise ModelError(f"The outputs of the model file {str(graph.file)!r} have no names. Name a tensor.")
    return names[0]


def _input(graph: GraphFile, wanted: Preprocessing) -> GraphInput:
    low, high = _range(wanted)
    return GraphInput(
        wanted.tensor or graph.only_picture(),
        None if wanted.resize == "shorter-side" else (wanted.size, wanted.size),
        wanted.layout,
        pixel_type(wanted),
        low,
        high,
        wanted.order,
    )


def pixel_type(wanted: Preprocessing) -> PixelType:
    return "f32" if wanted.interpolation == "tf1" else "u8"


def _range(wanted: Preprocessing) -> tuple[float | Channels, float | Channels]:
    """What 0 and 255 become, a channel each."""
    if wanted.mean is None or wanted.std is None:
        return 0.0, 255.0
    (red, green, blue), (of_red, of_green, of_blue) = wanted.mean, wanted.std
    low = (-red / of_red, -green / of_green, -blue / of_blue)
    return low, ((1 - red) / of_red, (1 - green) / of_green, (1 - blue) / of_blue)


def _with_vector(folder: Path, model: ModelDescription) -> ov.Model:
    """The graph, its output pooled, and then one row."""
    file = folder / model.file
    graph, layout = _opened(file, model) if model.graph == "file" else (_built(file, model), "NCHW")
    pooled = _pooled(graph.get_results()[0].input_value(0), model, layout)
    result = op.result(op.reshape(pooled, np.array([1, -1]), special_zero=False))
    result.get_output_tensor(0).set_names({FEATURES})
    return ov.Model([result], graph.get_parameters(), graph.get_friendly_name())


def _pooled(source: ov.Output, model: ModelDescription, layout: Layout) -> ov.Output:
    pooling, rank = model.output.pooling, source.get_partial_shape().rank
    length = rank.get_length() if rank.is_static else 0
    if pooling == "none":
        return source
    if pooling == "cls" and length == TOKENS:
        return op.gather(source, np.int64(0), np.int64(1)).output(0)
    if pooling == "mean" and length in {TOKENS, MAP}:
        return op.reduce_mean(source, np.array(_places(length, layout)), keep_dims=False).output(0)
    raise ModelError(
        f"The output of {model.name!r} has the shape {source.get_partial_shape()}, of which {pooling!r} takes nothing: "
        "cls wants (1, tokens, n), mean that or a map of four dimensions. Set pooling to none, or name another tensor."
    )


def _places(length: int, layout: Layout) -> list[int]:
    if length == TOKENS:
        return [1]
    return [layout.index("H"), layout.index("W")]


def _check_dimension(graph: ov.Model, model: ModelDescription) -> None:
    shape = graph.output(0).partial_shape
    if shape.is_dynamic or list(shape.to_shape()) != [1, model.dimension]:
        raise ModelError(
            f"The model {model.name!r} gives features of shape {shape}, and (1, {model.dimension}) is described. "
            "Correct dimension, tensor or pooling."
        )
