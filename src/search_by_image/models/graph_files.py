"""A model file that the user has -> a graph from RGB pixels to the tensors that are wanted, opened by OpenVINO."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from search_by_image.errors import ModelError
from search_by_image.models.description import Channels, Layout, Order

Size = tuple[int, int]
KINDS: Final = {
    ".pb": "TensorFlow frozen graph",
    ".onnx": "ONNX",
    ".xml": "OpenVINO IR",
    ".tflite": "TensorFlow Lite",
    ".meta": "TensorFlow checkpoint",
}
WEIGHTS_ALONE: Final = re.compile(r"\.(ckpt|index|data-\d+-of-\d+)$", re.IGNORECASE)
CHANNELS: Final = 3
WANTED_RANK: Final = 4
WHOLE_RANGE: Final = (0.0, 255.0)
_TYPES: Final = {"u8": "uint8", "f32": "float32"}
_CHOICES: Final = 5


@dataclass(frozen=True, slots=True)
class GraphInput:
    """The one picture that goes in: RGB, 0..255, shape (1, height, width, 3); `size` is (width, height), None for any.

    `low` and `high`: what 0 and 255 become before the graph sees them, for all channels or for each in the graph's
    `order`, unless its own input is of integers.
    """

    tensor: str
    size: Size | None = None
    layout: Layout | None = None
    pixels: Literal["u8", "f32"] = "u8"
    low: float | Channels = 0.0
    high: float | Channels = 255.0
    order: Order = "RGB"


class GraphFile:
    """An opened file. Raises `ModelError` when it is missing, of an unknown kind or damaged."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._model = _read(file)

    def tensors(self) -> tuple[str, ...]:
        """The names of all of the graph's tensors, in the order of computing."""
        return tuple(dict.fromkeys(name for name, _ in _named(self._model)))

    def has(self, tensor: str) -> bool:
        return self._find(tensor) is not None

    def outputs(self) -> tuple[str, ...]:
        """The names of what the graph answers, in its order."""
        return tuple(output.any_name for output in self._model.outputs if output.names)

    def only_picture(self) -> str:
        """The name of the input of four dimensions. Raises `ModelError` when there are several, or none."""
        named = [one for one in self._model.get_parameters() if one.output(0).names]
        ranks = {one.output(0).any_name: one.get_partial_shape().rank for one in named}
        found = [name for name, rank in ranks.items() if rank.is_dynamic or rank.get_length() == WANTED_RANK]
        if len(found) != 1:
            names = ", ".join(found) or "none"
            raise ModelError(f"The model file {self._place} has not one input for a picture but: {names}. Name it.")
        return str(found[0])

    def takes_whole_numbers(self, tensor: str) -> bool:
        return bool(self._parameter(tensor).get_element_type().is_integral())

    def size(self, tensor: str, layout: Layout | None = None) -> Size | None:
        """The width and height that the input fixes, None when it takes others too."""
        height, width = self._height_and_width(self._parameter(tensor), layout)
        return (width.get_length(), height.get_length()) if height.is_static and width.is_static else None

    def layout(self, tensor: str, said: Layout | None = None) -> Layout:
        """What was said, else as its shape and the kind of file tell. Raises `ModelError`."""
        return self._layout(self._parameter(tensor), said)

    def model(self, source: GraphInput, outputs: Mapping[str, str]) -> ov.Model:
        """The part of the graph that is needed from the input to the tensors, each under its new name, as float32.

        `outputs`: new name -> name of the tensor. Raises `ModelError` for a tensor that does not exist, and an input
        that is no picture or of another size.
        """
        found = {new: self._required(tensor) for new, tensor in outputs.items()}
        parameter = self._parameter(source.tensor)
        self._check_only_input(parameter, found)
        layout = self._layout(parameter, source.layout)
        self._check_shape(parameter, layout, source.size)
        cut = ov.Model([ov.opset15.result(output) for output in found.values()], [parameter], self.file.stem).clone()
        try:
            cut.reshape(_shape(layout, source.size))
            return _named_outputs(_with_pixels(cut, source, layout), tuple(found))
        except RuntimeError as error:
            raise ModelError(
                f"The model file {self._place} cannot be used for pictures of {_told(source.size)} pixels: {error}"
            ) from error

    def part(self, outputs: Mapping[str, str]) -> ov.Model:
        """All that is needed for the tensors, from whatever inputs, each tensor under its new name.

        Raises `ModelError` for a tensor that does not exist.
        """
        found = {new: self._required(tensor) for new, tensor in outputs.items()}
        needed = {node.get_friendly_name() for output in found.values() for node in _inputs_of(output.get_node())}
        inputs = [one for one in self._model.get_parameters() if one.get_friendly_name() in needed]
        cut = ov.Model([ov.opset15.result(output) for output in found.values()], inputs, self.file.stem).clone()
        return _named_outputs(cut, tuple(found))

    @property
    def _place(self) -> str:
        return repr(str(self.file))

    def _find(self, tensor: str) -> ov.Output | None:
        """TensorFlow's names end in the number of the output: 'input' stands for 'input:0'."""
        named = dict(reversed(list(_named(self._model))))
        return next((named[name] for name in (tensor, f"{tensor}:0", tensor.removesuffix(":0")) if name in named), None)

    def _required(self, tensor: str) -> ov.Output:
        output = self._find(tensor)
        if output is None:
            alike = _alike(tensor, self.tensors())
            raise ModelError(
                f"The model file {self._place} has no tensor named {tensor!r}. Alike: {', '.join(alike) or 'none'}."
            )
        return output

    def _parameter(self, tensor: str) -> ov.op.Parameter:
        inputs = self._model.get_parameters()
        node = self._required(tensor).get_node() if self._find(tensor) else None
        found = next((one for one in inputs if node and one.get_friendly_name() == node.get_friendly_name()), None)
        if found is None:
            names = ", ".join(one.output(0).any_name for one in inputs)
            raise ModelError(f"The model file {self._place} has no input named {tensor!r}. Its inputs: {names}.")
        rank = found.get_partial_shape().rank
        if rank.is_static and rank.get_length() != WANTED_RANK:
            shape = found.get_partial_shape()
            raise ModelError(f"The input {tensor!r} of {self._place} is of shape {shape}: it takes no picture.")
        return found

    def _check_only_input(self, parameter: ov.op.Parameter, outputs: Mapping[str, ov.Output]) -> None:
        needed = {node.get_friendly_name() for output in outputs.values() for node in _inputs_of(output.get_node())}
        others = sorted(needed - {parameter.get_friendly_name()})
        if others:
            raise ModelError(
                f"The model file {self._place} wants more than a picture: {', '.join(others)}. Freeze it for inference."
            )

    def _layout(self, parameter: ov.op.Parameter, layout: Layout | None) -> Layout:
        if layout is not None or parameter.get_partial_shape().rank.is_dynamic:
            return layout or self._usual_layout
        shape = parameter.get_partial_shape()
        last, second = (shape[place].is_static and shape[place].get_length() == CHANNELS for place in (3, 1))
        if last != second:
            return "NHWC" if last else "NCHW"
        return self._usual_layout

    @property
    def _usual_layout(self) -> Layout:
        return "NCHW" if self.file.suffix.lower() == ".onnx" else "NHWC"

    def _height_and_width(self, parameter: ov.op.Parameter, layout: Layout | None) -> tuple[ov.Dimension, ov.Dimension]:
        shape = parameter.get_partial_shape()
        if shape.rank.is_dynamic:
            return ov.Dimension(), ov.Dimension()
        first = self._layout(parameter, layout).index("H")
        return shape[first], shape[first + 1]

    def _check_shape(self, parameter: ov.op.Parameter, layout: Layout, size: Size | None) -> None:
        taken, wanted = parameter.get_partial_shape(), _shape(layout, size)
        if not taken.compatible(wanted):
            raise ModelError(
                f"The model file {self._place} takes {layout} pictures of shape {taken}, not {wanted}. "
                "Check image_size and layout."
            )


def _read(file: Path) -> ov.Model:
    kind = KINDS.get(file.suffix.lower())
    if WEIGHTS_ALONE.search(file.name):
        raise ModelError(
            f"{str(file)!r} holds a TensorFlow checkpoint's weights and no graph. Give the .meta file that was written "
            "with it, of a graph for inference; where there is none, freeze it to a .pb with TensorFlow 1's "
            "freeze_graph. Inception v4's usual weights: search-by-image models pull inception-v4."
        )
    if kind is None:
        known = ", ".join(f"{suffix} ({name})" for suffix, name in KINDS.items())
        raise ModelError(f"The model file {str(file)!r} is of an unknown kind. Known: {known}.")
    if not file.is_file():
        raise ModelError(f"There is no model file {str(file)!r}.")
    try:
        return ov.Core().read_model(file)
    except RuntimeError as error:
        raise ModelError(f"The model file {str(file)!r} cannot be read as {kind}: {error}") from error


def _named(model: ov.Model) -> Iterator[tuple[str, ov.Output]]:
    for node in model.get_ordered_ops():
        if not isinstance(node, ov.op.Result):
            yield from ((name, output) for output in node.outputs() for name in sorted(output.get_names()))


def _inputs_of(node: ov.Node) -> Iterator[ov.Node]:
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current.get_friendly_name() in seen:
            continue
        seen.add(current.get_friendly_name())
        if isinstance(current, ov.op.Parameter):
            yield current
        waiting.extend(value.get_node() for value in current.input_values())


def _shape(layout: Layout, size: Size | None) -> ov.PartialShape:
    width, height = size or (-1, -1)
    lengths = {"N": 1, "C": CHANNELS, "H": height, "W": width}
    return ov.PartialShape([lengths[letter] for letter in layout])


def _told(size: Size | None) -> str:
    return f"{size[0]} x {size[1]}" if size else "any number of"


def _with_pixels(model: ov.Model, source: GraphInput, layout: Layout) -> ov.Model:
    """Takes (1, height, width, 3) of the wanted type; the scaling becomes part of the graph."""
    stage = PrePostProcessor(model)
    whole_numbers = model.input(0).element_type.is_integral()
    picture = stage.input(0)
    picture.tensor().set_element_type(ov.Type(np.dtype("uint8" if whole_numbers else _TYPES[source.pixels])))
    picture.tensor().set_layout(ov.Layout("NHWC"))
    picture.model().set_layout(ov.Layout(layout))
    if source.order == "BGR":
        picture.preprocess().reverse_channels()
    if not whole_numbers:
        picture.preprocess().convert_element_type(ov.Type.f32)
        if (source.low, source.high) != WHOLE_RANGE:
            shift, scale = _shift_and_scale(source)
            picture.preprocess().mean(shift).scale(scale)
    for index in range(len(model.outputs)):
        stage.output(index).tensor().set_element_type(ov.Type.f32)
    return stage.build()


def _shift_and_scale(source: GraphInput) -> tuple[list[float], list[float]]:
    """A channel each: pixels less the one, divided by the other, go into the graph."""
    low, high = _each(source.low), _each(source.high)
    scales = [(WHOLE_RANGE[1] - WHOLE_RANGE[0]) / (upper - lower) for lower, upper in zip(low, high, strict=True)]
    return [-lower * scale for lower, scale in zip(low, scales, strict=True)], scales


def _each(value: float | Channels) -> Channels:
    return value if isinstance(value, tuple) else (value, value, value)


def _named_outputs(model: ov.Model, names: tuple[str, ...]) -> ov.Model:
    for output, name in zip(model.outputs, names, strict=True):
        output.get_tensor().set_names({name})
    return model


def _alike(tensor: str, names: tuple[str, ...]) -> list[str]:
    last = _last_part(tensor)
    same_end = [name for name in names if _last_part(name) == last]
    near = get_close_matches(tensor, names, n=_CHOICES, cutoff=0.5)
    return list(dict.fromkeys([*same_end, *near]))[:_CHOICES]


def _last_part(tensor: str) -> str:
    return tensor.rpartition("/")[2].partition(":")[0].lower()
