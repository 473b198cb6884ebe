"""Files at http(s) addresses, through the safe fetcher, straight to disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from search_by_image.errors import DownloadError
from search_by_image.fetch.kinds import FILE
from search_by_image.models.sources.base import Part, Tools


@dataclass(frozen=True, slots=True)
class Url:
    """Each part's `where` is its address."""

    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return ", ".join(part.where for part in self.parts)

    def fetch(self, folder: Path, tools: Tools) -> None:
        for part in self.parts:
            with (folder / part.name).open("wb") as file:
                _save(part.where, file, tools)


def _save(url: str, file: IO[bytes], tools: Tools) -> None:
    if tools.fetcher is None:
        raise DownloadError("Nothing was given that fetches from addresses.")

    def take(chunk: bytes, total: int) -> None:
        file.write(chunk)
        tools.told(file.tell(), total)

    tools.fetcher.fetch_into(url, take, FILE)
