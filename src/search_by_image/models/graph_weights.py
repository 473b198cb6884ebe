"""The files that belong to a model file: the weights of a graph whose own file has none."""

import hashlib
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import Final

from search_by_image.errors import ModelError

WEIGHTS_BESIDE: Final = {
    ".xml": ("{stem}.bin",),
    ".onnx": ("{name}.data", "{name}_data", "{stem}.data"),
    ".meta": ("{stem}.index", "{stem}.data-*-of-*"),
}


def weights_beside(file: Path) -> Iterator[Path]:
    """The files that hold the weights of a graph whose own file does not."""
    for pattern in WEIGHTS_BESIDE.get(file.suffix.lower(), ()):
        yield from sorted(file.parent.glob(pattern.format(stem=escape(file.stem), name=escape(file.name))))


def file_digest(file: Path) -> str:
    """The SHA-256 of a model file and of the weights beside it. Raises `ModelError`."""
    digest = hashlib.sha256()
    for part in (file, *weights_beside(file)):
        try:
            with part.open("rb") as opened:
                hashlib.file_digest(opened, lambda: digest)
        except OSError as error:
            raise ModelError(f"The model file {str(part)!r} cannot be read: {error}.") from error
    return digest.hexdigest()
