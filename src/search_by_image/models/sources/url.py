"""Files at http(s) addresses, through the safe fetcher, straight to disk."""

from dataclasses import dataclass
from pathlib import Path

from search_by_image.errors import DownloadError
from search_by_image.fetch import without_secrets
from search_by_image.fetch.kinds import FILE
from search_by_image.models.sources.base import Part, Tools
from search_by_image.models.sources.saving import Take, saving


@dataclass(frozen=True, slots=True)
class Url:
    """Each part's `where` is its address."""

    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        return ", ".join(without_secrets(part.where) for part in self.parts)

    def fetch(self, folder: Path, tools: Tools) -> None:
        for part in self.parts:
            with saving(folder / part.name) as take:
                _save(part.where, take, tools)


def _save(url: str, take: Take, tools: Tools) -> None:
    if tools.fetcher is None:
        raise DownloadError("Nothing was given that fetches from addresses.")
    tools.fetcher.fetch_into(url, lambda chunk, total: tools.told(take(chunk), total), FILE)
