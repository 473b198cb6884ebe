"""`model.json`: what a model's folder holds, where it is from, and what the model is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from search_by_image.errors import ModelError
from search_by_image.models.description import ModelDescription

FILE_NAME: Final = "model.json"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class KeptFile:
    """`recorded`: nobody of us had seen the file before; this SHA-256 is that of the first fetch."""

    sha256: str
    size: int
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files`: by name, all that the model is made of. `fetched`: when, in UTC; None: it came with a package."""

    model: ModelDescription
    files: Mapping[str, KeptFile]
    source: str
    fetched: datetime | None
    version: int = VERSION

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Raises `OSError`."""
    (folder / FILE_NAME).write_bytes(_adapter().dump_json(manifest, indent=2) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Raises `ModelError` when it is missing, damaged or of a later version."""
    file = folder / FILE_NAME
    try:
        made = _adapter().validate_json(file.read_bytes())
    except OSError as error:
        raise ModelError(f"{str(file)!r} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise ModelError(f"{str(file)!r} does not describe a model: {told(error)}") from error
    if made.version > VERSION:
        raise ModelError(f"{str(file)!r} is of version {made.version}, this program knows up to {VERSION}. Update it.")
    return made


def told(error: ValidationError) -> str:
    """Every mistake in one line: its place and what is wrong."""
    details = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'/'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in details)


def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
