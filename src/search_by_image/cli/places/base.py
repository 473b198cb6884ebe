"""What a command can do with a library, wherever it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from search_by_image.cli.conditions import Condition

if TYPE_CHECKING:
    from search_by_image.folder_import import ImportSummary, Progress


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pictures whose document matches `where`, a filter in JSON, None: all; `collection` '': of all."""

    where: Condition | None = None
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """`pipeline` '': the first one, `collection` '': the default; None: as it is configured, `where` None: all.

    `text`: what is searched for in words, None: by the picture alone.
    """

    pipeline: str = ""
    collection: str = ""
    top_k: int | None = None
    min_score: float | None = None
    where: Condition | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture that is there; `ids` is the service's own number of it."""

    ids: int
    collection: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Similar(Listed):
    score: float
    distance: float


@dataclass(frozen=True, slots=True)
class Matches:
    """Nearest first."""

    pipeline: str
    found: list[Similar]


@dataclass(frozen=True, slots=True)
class Folder:
    """What to import; `pipeline` '': the first one configured, `collection` '': as the documents say."""

    path: Path
    pipeline: str
    collection: str
    encoding: str
    report: Path


class Place(Protocol):
    """`where`: said in questions, such as ' at https://pictures.example.com'; '' for the library of the settings."""

    @property
    def where(self) -> str: ...

    def import_folder(self, folder: Folder, on_progress: "Callable[[Progress], None]") -> "ImportSummary": ...

    def search(self, picture: str | None, query: Query) -> Matches:
        """`picture`: a file, or the http(s) URL of one; None: by the query's text alone."""
        ...

    def count(self, wanted: Wanted) -> int: ...

    def page(self, wanted: Wanted, *, number: int, size: int) -> list[Listed]:
        """Oldest first; `number` from 1, `size` 0: all in one."""
        ...

    def remove(self, wanted: Wanted) -> list[Listed]:
        """What was removed."""
        ...

    def clear(self) -> None:
        """Remove all pictures of all collections."""
        ...

    def facts(self) -> dict[str, Any]:
        """What is configured and what is there."""
        ...
