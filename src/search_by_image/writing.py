"""Records and vectors written in step: the one place where a write meets both stores.

Write: 1. the record, pending, on disk; 2. the vector, accepted by the index; 3. later, in the background, ready.
Remove: 1. the record hidden, on disk; 2. the vector out of the index; 3. the record deleted.
Whatever stopped in between is finished by `recovery`.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from search_by_image.errors import DuplicateIdError, SearchByImageError, StoreError
from search_by_image.ids import IdGenerator
from search_by_image.indexed import IndexedSpaces
from search_by_image.pictures import Prepared, by_space
from search_by_image.records.base import Match, Record, RecordStore, Stored
from search_by_image.tally import Tally
from search_by_image.vectors.base import as_ids

ID_ATTEMPTS = 5


class Writer:
    """Thread-safe."""

    def __init__(self, records: RecordStore, indexed: IndexedSpaces, tally: Tally) -> None:
        self.tally = tally
        self._records = records
        self._indexed = indexed
        self._ids = IdGenerator()
        self._accepted: list[int] = []
        self._lock = threading.Lock()

    def add(self, pictures: Sequence[Prepared]) -> list[Record]:
        """All or none."""
        now = datetime.now(UTC)
        records = self.numbered([picture.record(0, now) for picture in pictures], self._records.put)
        try:
            self.index(records)
        except SearchByImageError:
            self._records.begin_removal(Match(ids=tuple(record.id for record in records)))
            raise
        with self._lock:
            self._accepted.extend(record.id for record in records)
        self.tally.add(added=len(records))
        return records

    def numbered(self, records: Sequence[Record], write: Callable[[Sequence[Record]], None]) -> list[Record]:
        """The records as they were written, under ids that nobody has."""
        for _ in range(ID_ATTEMPTS):
            ids = self._ids.take(len(records))
            drawn = [replace(record, id=id_) for record, id_ in zip(records, ids, strict=True)]
            try:
                write(drawn)
            except DuplicateIdError:
                continue
            return drawn
        raise StoreError(f"No free id was found in {ID_ATTEMPTS} attempts. Is the clock of this machine right?")

    def index(self, records: Iterable[Record]) -> None:
        for space, members in by_space(records).items():
            self._indexed.add(space, members)

    def remove(self, match: Match) -> list[Stored]:
        removed = self._records.begin_removal(match)
        self.forget(removed)
        self.tally.add(removed=len(removed))
        return removed

    def forget(self, removed: Sequence[Stored]) -> None:
        """The last two steps of a removal."""
        for space, members in by_space(removed).items():
            self._indexed.delete(space, as_ids(stored.id for stored in members))
        self._records.finish_removal(stored.id for stored in removed)

    def settle(self) -> None:
        """The last step of every write that was accepted since the last call."""
        with self._lock:
            ids, self._accepted = self._accepted, []
        if not ids:
            return
        try:
            self._records.settle(ids)
        except SearchByImageError:
            with self._lock:
                self._accepted.extend(ids)
            raise
