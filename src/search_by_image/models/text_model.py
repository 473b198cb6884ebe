"""The text side of a model: words to tokens to a vector in the pictures' space."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov

from search_by_image.errors import MissingDependencyError, ModelError
from search_by_image.models.description import ModelDescription, TextSide
from search_by_image.models.features import vector_of
from search_by_image.models.graph_files import GraphFile
from search_by_image.models.runtime import CompiledModel, RuntimeSettings, Tokens
from search_by_image.vectors.base import Vector

TEXT: Final = "text"
ROLES: Final = ("input_ids", "attention_mask", "token_type_ids")
WANTED_RANK: Final = 2


class TextModel:
    """Thread-safe. Raises `ModelError`, and `MissingDependencyError` without the package tokenizers."""

    def __init__(self, folder: Path, model: ModelDescription, side: TextSide, runtime: RuntimeSettings) -> None:
        self._output = model.output
        self._dimension = model.dimension
        graph = GraphFile(folder / side.file).part({TEXT: side.tensor})
        self._inputs = [
            (_role(one.output(0), side), one.get_element_type().to_dtype()) for one in graph.get_parameters()
        ]
        self._length = _made_single(graph, side)
        self._tokenizer = _tokenizer(folder / side.tokenizer)
        _set_lengths(self._tokenizer, min(self._length or side.length, side.length), self._length)
        self._model = CompiledModel(graph, runtime)

    def embed(self, text: str) -> Vector:
        """Shape (dimension,), float32. What is longer than the model takes is cut off."""
        return vector_of(self._features(text), self._output)

    def check(self) -> None:
        """Raises `ModelError` unless it makes features of the right size."""
        self._features("a cat")

    def _features(self, text: str) -> Vector:
        found: Vector = self._model.infer_all(self._arrays(text))[TEXT].ravel()
        if found.shape != (self._dimension,):
            raise ModelError(
                f"The text side gives vectors of shape {found.shape}, and ({self._dimension},) is described."
            )
        return found

    def _arrays(self, text: str) -> list[Tokens]:
        encoded = self._tokenizer.encode(text)
        found = (encoded.ids, encoded.attention_mask, encoded.type_ids)
        by_role = dict(zip(ROLES, found, strict=True))
        return [self._padded(by_role[role], dtype) for role, dtype in self._inputs]

    def _padded(self, values: list[int], dtype: np.dtype[Any]) -> Tokens:
        """To the length that the graph fixes, where the tokenizer has not: with what is masked, or after the end."""
        made = np.zeros((1, self._length or len(values)), dtype)
        made[0, : len(values)] = values
        return made


def _tokenizer(file: Path) -> Any:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingDependencyError("tokenizers", extra="text", purpose="Searching by text") from error
    try:
        return Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:
        raise ModelError(f"{str(file)!r} is no tokenizer.json that can be read: {error}.") from error


def _set_lengths(tokenizer: Any, longest: int, fixed: int | None) -> None:
    """As its file says, within what the model takes: models without a mask want what they were trained with."""
    cut, padded = tokenizer.truncation or {}, tokenizer.padding or {}
    longest = min(longest, cut.get("max_length", longest))
    tokenizer.enable_truncation(longest, direction=cut.get("direction", "right"))
    length = fixed or min(padded.get("length") or 0, longest)
    tokenizer.no_padding()
    if padded and length:
        tokenizer.enable_padding(**{**padded, "length": length, "pad_to_multiple_of": None})


def _role(source: ov.Output, side: TextSide) -> str:
    role = next((role for role in ROLES if role in source.get_names()), None)
    if role is None:
        names = ", ".join(sorted(source.get_names()))
        raise ModelError(f"The text side {side.file!r} wants {names}; known are {', '.join(ROLES)}.")
    return role


def _made_single(graph: ov.Model, side: TextSide) -> int | None:
    """In place: one text at a time. The length that the graph fixes, None: any."""
    shapes = [parameter.get_partial_shape() for parameter in graph.get_parameters()]
    if any(shape.rank.is_static and shape.rank.get_length() != WANTED_RANK for shape in shapes):
        raise ModelError(f"The text side {side.file!r} takes no rows of tokens: its inputs are of {shapes}.")
    lengths = [shape[1] for shape in shapes if shape.rank.is_static]
    fixed = next((length.get_length() for length in lengths if length.is_static), None)
    try:
        graph.reshape({index: ov.PartialShape([1, fixed or -1]) for index in range(len(graph.inputs))})
    except RuntimeError as error:
        raise ModelError(f"The text side {side.file!r} cannot take one text at a time: {error}") from error
    return fixed
