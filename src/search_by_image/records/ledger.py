"""What the service keeps for itself beside the records: API keys, jobs and such, JSON under a kind and an id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search_by_image.errors import StoreError
from search_by_image.records.json_text import to_json

Body = Mapping[str, Any]
FIRST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """`version` counts up from 1 with each change of the body."""

    kind: str
    id: str
    body: Body
    version: int


class Ledger(Protocol):
    """Thread-safe, and shared by all processes that have the record store open; every write is durable.

    A kind has up to 32 characters, an id up to 200; a body is a JSON object. Emptying the library leaves entries as
    they are. Raises `StoreUnavailableError` when the store does not answer, `StoreError` for a refusal.
    """

    def add(self, kind: str, id_: str, body: Body) -> Entry:
        """Raises `DuplicateIdError` when the kind has an entry of that id."""
        ...

    def get(self, kind: str, id_: str) -> Entry | None: ...

    def list(self, kind: str, *, after: str = "", limit: int) -> tuple[Entry, ...]:
        """The next `limit` entries with an id above `after`, in the order of their ids' characters."""
        ...

    def replace(self, kind: str, id_: str, body: Body, version: int) -> bool:
        """Give the entry a new body, if it still has that version; whether it had."""
        ...

    def delete(self, kind: str, id_: str) -> bool:
        """Whether there was one."""
        ...


def as_text(body: Body) -> str:
    """Raises `StoreError` when the body is not JSON."""
    try:
        return to_json(dict(body))
    except (TypeError, ValueError) as error:
        raise StoreError("An entry's body is not JSON.") from error
