"""Tensors by name, from any kind of weights file that is read here: PyTorch's of before 1.6, and safetensors."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from safetensors import SafetensorError
from safetensors.numpy import load_file

from search_by_image.errors import ModelError
from search_by_image.models.torch_legacy import Array, read_tensors

Tensors = Mapping[str, Array]


def read_weights(file: Path) -> Tensors:
    """Raises `ModelError` when the file is missing, damaged or of another kind."""
    read = READERS.get(file.suffix.lower())
    if read is None:
        raise ModelError(f"The weights file {str(file)!r} is of an unknown kind. Known: {', '.join(READERS)}.")
    return read(file)


def _safetensors(file: Path) -> Tensors:
    try:
        return load_file(file)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{str(file)!r} is not a readable safetensors file: {error}.") from error


READERS: Final[Mapping[str, Callable[[Path], Tensors]]] = MappingProxyType(
    {".pth": read_tensors, ".safetensors": _safetensors}
)
