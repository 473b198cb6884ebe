"""Tensors out of a PyTorch checkpoint of the format before 1.6, without PyTorch and without running its pickles.

The file is four pickles (magic number, protocol, system, the tensors by name), one more with the storages' keys, and
then each storage: its element count as little-endian int64 and its elements. Source: `_legacy_save` in PyTorch's
`torch/serialization.py`.
"""

import hashlib
import math
import sys
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from search_by_image.errors import ModelError
from search_by_image.models.torch_pickle import TensorReference, load

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
ZIP_SIGNATURE = b"PK\x03\x04"

Array = npt.NDArray[Any]


def read_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Array]:
    """Every tensor of the checkpoint by its name, read-only. `sha256`: what the whole file must have.

    Raises `ModelError` when the file is missing, is not such a checkpoint or has another SHA-256.
    """
    try:
        content = path.read_bytes()
        _check_sha256(content, sha256)
        _check_format(content)
        return _read(BytesIO(content))
    except (OSError, ValueError) as error:
        raise ModelError(f"{str(path)!r} is not a readable PyTorch weights file: {error}.") from error


def _check_sha256(content: bytes, expected: str | None) -> None:
    found = hashlib.sha256(content).hexdigest() if expected else None
    if found != expected:
        raise ValueError(f"its SHA-256 is {found}, expected is {expected}")


def _check_format(content: bytes) -> None:
    if content.startswith(ZIP_SIGNATURE):
        raise ValueError(
            "it has the format of PyTorch 1.6 and later, and only the one before is read here. Save its tensors as "
            "safetensors: safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'weights.safetensors')"
        )


def _read(file: IO[bytes]) -> dict[str, Array]:
    magic, _protocol, _system = load(file), load(file), load(file)
    if magic != MAGIC_NUMBER:
        raise ValueError("the magic number is wrong")
    references = _references(load(file))
    storages = _read_storages(file, load(file), references)
    return {name: _tensor(reference, storages) for name, reference in references.items()}


def _references(named: object) -> dict[str, TensorReference]:
    found = named if isinstance(named, dict) else {}
    if not found or not all(isinstance(value, TensorReference) for value in found.values()):
        raise ValueError("it has something else than tensors by name")
    return found


def _read_storages(file: IO[bytes], keys: object, references: dict[str, TensorReference]) -> dict[str, Array]:
    dtypes = {reference.storage.key: reference.storage.dtype for reference in references.values()}
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or set(keys) != dtypes.keys():
        raise ValueError("its storages are not those of its tensors")
    return {key: _read_storage(file, dtypes[key]) for key in keys}


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> Array:
    size = int.from_bytes(file.read(8), "little") * dtype.itemsize
    content = file.read(min(size, sys.maxsize))
    if len(content) != size:
        raise ValueError("the file ends within a tensor")
    return np.frombuffer(content, dtype)


def _tensor(reference: TensorReference, storages: dict[str, Array]) -> Array:
    elements = storages[reference.storage.key]
    needed = max(_end(reference), math.prod(reference.shape))
    if reference.storage.dtype != elements.dtype or needed > elements.size:
        raise ValueError("a tensor does not fit its storage")
    strides = tuple(stride * elements.itemsize for stride in reference.strides)
    start = elements[reference.offset :]
    return np.lib.stride_tricks.as_strided(start, reference.shape, strides, writeable=False)


def _end(reference: TensorReference) -> int:
    """One past the last element that the tensor reaches in its storage."""
    if 0 in reference.shape:
        return reference.offset
    last = sum((count - 1) * stride for count, stride in zip(reference.shape, reference.strides, strict=True))
    return reference.offset + last + 1
