"""Tensors out of a PyTorch checkpoint of the format before 1.6, without PyTorch and without running its pickle.

The file is four pickles (magic number, protocol, system, the tensors by name), one more with the storages' keys, and
then each storage: its element count as little-endian int64 and its elements. Source: `_legacy_save` in PyTorch's
`torch/serialization.py`.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from search_by_image.errors import ModelError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _TensorView:
    """A tensor as the checkpoint describes it: a window on a storage that follows later in the file."""

    storage: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, storages: dict[str, Array]) -> Array:
        strides = tuple(stride * self.dtype.itemsize for stride in self.strides)
        flat = storages[self.storage][self.offset :]
        if self.shape and sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)) >= flat.size:
            raise ValueError("a tensor reaches past the end of its storage")
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, self.shape, strides))


def _tensor_view(storage: tuple[str, np.dtype[Any]], offset: int, shape: Any, strides: Any, *_: Any) -> _TensorView:
    key, dtype = storage
    return _TensorView(key, dtype, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors and ordered dictionaries; any other global in the pickle is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor_view
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[str, np.dtype[Any]]:
        _, dtype, key, *_ = pid
        return str(key), dtype


def read_tensors(path: Path) -> dict[str, Array]:
    """Every tensor of the checkpoint by its name.

    Raises `ModelError` when the file is missing or is not such a checkpoint.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (OSError, pickle.UnpicklingError, ValueError, EOFError, KeyError, IndexError, TypeError) as error:
        raise ModelError(f"{path.name} is not a readable PyTorch weights file: {error}") from error


def _read(file: IO[bytes]) -> dict[str, Array]:
    magic, _protocol, _system, views, keys = (_TensorUnpickler(file).load() for _ in range(5))
    if magic != MAGIC_NUMBER:
        raise ValueError("the magic number is wrong")
    dtypes = {view.storage: view.dtype for view in views.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    return {name: view.read(storages) for name, view in views.items()}


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> Array:
    count = int.from_bytes(file.read(8), "little")
    elements = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    if elements.size != count:
        raise EOFError("the file ends within a tensor")
    return elements
