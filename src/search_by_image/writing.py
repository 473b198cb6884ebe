"""Records and vectors written in step: the one place where a write meets both stores.

Write: 1. the record, pending, on disk; 2. the vector, accepted by the index; 3. later, in the background, ready.
Remove: 1. the record hidden, on disk; 2. the vector out of the index; 3. the record deleted.
Whatever stopped in between is finished by `recovery`.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from search_by_image.errors import DuplicateIdError, SearchByImageError, StoreError
from search_by_image.ids import IdGenerator
from search_by_image.indexed import IndexedSpaces
from search_by_image.pairs import key_of, pairs_of
from search_by_image.pictures import Prepared, by_space
from search_by_image.records.base import Match, Record, RecordStore, SpaceRecord, Stored
from search_by_image.tally import Tally
from search_by_image.vectors.base import Vector, as_ids

ID_ATTEMPTS = 5
VectorFor = Callable[[SpaceRecord, bytes], Vector | None]
"""Of a picture, by the model of the space; None where that is left to `reindex --model`."""


class Writer:
    """Thread-safe."""

    def __init__(self, records: RecordStore, indexed: IndexedSpaces, tally: Tally, vector_for: VectorFor) -> None:
        self.tally = tally
        self._vector_for = vector_for
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
            self.follow(records, self.of_images(records, pictures))
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

    def index(self, records: Sequence[Record]) -> None:
        """In the spaces of both of their vectors."""
        seconds = [by_second for record in records if (by_second := record.by_second()) is not None]
        for space, members in by_space([*records, *seconds]).items():
            self._indexed.add(space, members)

    def follow(self, records: Sequence[Record], vector_of: Callable[[Record, SpaceRecord], Vector | None]) -> None:
        """Give written records the vectors by a model that is switched to since they were prepared.

        Whoever begins a switch, or promotes it, looks for what lacks a vector after that: what is written before then
        is found there, and what is written after it looks here.
        """
        pairs = pairs_of(self._records.spaces())
        known = [(record, pairs[key_of(record)]) for record in records if key_of(record) in pairs]
        late = []
        for record, pair in known:
            space = pair.lacking(record)
            vector = None if space is None else vector_of(record, space)
            if space is not None and vector is not None:
                late.append(replace(record, space=space.name, vector=vector, second=None))
        for name, members in by_space(late).items():
            ids = as_ids(record.id for record in members)
            self._records.seconds.put(name, ids, np.stack([record.vector for record in members]))
            self._indexed.add(name, members)
        self._move([(pair.first.name, record.id) for record, pair in known if record.space != pair.first.name])

    def _move(self, succeeded: Iterable[tuple[str, int]]) -> None:
        """Records whose own space was succeeded while they were prepared."""
        by_successor: defaultdict[str, list[int]] = defaultdict(list)
        for name, id_ in succeeded:
            by_successor[name].append(id_)
        for name, ids in by_successor.items():
            self._records.seconds.make_first(name, as_ids(ids))

    def of_images(
        self, records: Sequence[Record], pictures: Iterable[Prepared]
    ) -> Callable[[Record, SpaceRecord], Vector | None]:
        """For `follow`: vectors from the pictures' bytes, which are in the order of the records."""
        images = {record.id: picture.image for record, picture in zip(records, pictures, strict=True)}
        return lambda record, space: self._vector_for(space, images[record.id])

    def remove(self, match: Match) -> list[Stored]:
        removed = self._records.begin_removal(match)
        self.forget(removed)
        self.tally.add(removed=len(removed))
        return removed

    def forget(self, removed: Sequence[Stored]) -> None:
        """The last two steps of a removal."""
        for space, members in by_space(removed).items():
            ids = as_ids(stored.id for stored in members)
            for name in self._indexed.beside(space):
                self._indexed.delete(name, ids)
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
