"""The recorded spaces in the vector index: opened, in step with the records, and followed when their place changes.

A space's place in the index is what its record names. Another process may create a space, clear them all, or build one
anew in another place (`reindexing.py`), and nothing tells the others. So whoever writes looks at the record once more
after the index took the write: if it names another place by then, that place is brought in step, and the write with it.
What was written before the place changed is brought there by the process that changes it. Neither waits for the other.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import numpy as np

from search_by_image.errors import StoreUnavailableError, UnknownNameError, VectorMismatchError
from search_by_image.locks import in_turn
from search_by_image.records.base import Record, RecordStore, SpaceRecord, State
from search_by_image.vectors.base import Ids, VectorIndex, as_ids, batches, missing_and_surplus

Result = TypeVar("Result")
REPLAY_BATCH = 2000
ATTEMPTS = 5
LATER = "@"
"""After a space's name, before what tells its later places apart; collections have none in their names."""


class IndexedSpaces:
    """Thread-safe. A space goes by its own name in all calls, wherever the index keeps its vectors."""

    def __init__(self, records: RecordStore, index: VectorIndex) -> None:
        self._records = records
        self._index = index
        self._served: dict[str, SpaceRecord] = {}
        self._by_key: dict[tuple[str, str], SpaceRecord] = {}
        self._coming: dict[str, SpaceRecord] = {}
        self._leaving: tuple[dict[str, SpaceRecord], ...] = ({}, {})
        self._changing = threading.RLock()

    def served(self) -> tuple[SpaceRecord, ...]:
        return tuple(self._served.values())

    def of(self, collection: str, pipeline: str) -> SpaceRecord | None:
        """None when this process knows none of that collection and pipeline."""
        return self._by_key.get((collection, pipeline))

    def open_all(self) -> None:
        """Bring every recorded space in step, also those that are served already."""
        with in_turn(self._changing):
            for space in self._records.spaces():
                self._take_over(space)

    def maintain(self) -> None:
        """Follow, as every process does from time to time; until all have, an old place is written to as well."""
        with in_turn(self._changing):
            self._leaving = ({}, self._leaving[0])
            self.follow()

    def follow(self) -> None:
        """Serve the spaces as they are recorded now, those of other processes too."""
        with in_turn(self._changing):
            recorded = {space.name: space for space in self._records.spaces()}
            for space in recorded.values():
                self.serve(space)
            self._serve_only({name: space for name, space in self._served.items() if name in recorded})

    def serve(self, space: SpaceRecord) -> None:
        """Open the space's place in the index and bring it in step; from then on it is the one that is searched."""
        with in_turn(self._changing):
            if self._served.get(space.name) != space:
                self._take_over(space)

    def clear(self) -> None:
        """Delete everything from both stores."""
        with in_turn(self._changing):
            places = self._places_of(lambda _space: True)
            self._records.clear()
            for place in places:
                self._index.drop_space(place)
            self._leaving = ({}, {})
            self._serve_only({})

    def drop(self, collection: str) -> None:
        """Delete everything of the collection from both stores."""
        with in_turn(self._changing):
            places = self._places_of(lambda space: space.collection == collection)
            self._records.drop_collection(collection)
            for place in places:
                self._index.drop_space(place)
            self._serve_only({name: space for name, space in self._served.items() if space.collection != collection})

    def add(self, name: str, records: Sequence[Record]) -> None:
        """Give recorded vectors and documents to the index.

        Raises `VectorMismatchError` when the space was cleared and filled by another pipeline meanwhile,
        `UnknownNameError` when there is no such space.
        """
        self._apply(name, lambda place: index_records(self._index, place, records), self._recorded_again)

    def delete(self, name: str, ids: Ids) -> None:
        """Take vectors out of the index. A space that is gone has none."""
        self._apply(name, lambda place: self._index.delete(place, ids), lambda _name, _seen: None)

    def reading(self, name: str, read: Callable[[SpaceRecord], Result]) -> Result | None:
        """What `read` makes of the space; None when it is gone. Called again when its place was dropped meanwhile."""
        for _ in range(ATTEMPTS):
            space = self._served.get(name) or self._renewed(name, None)
            if space is None:
                return None
            with suppress(UnknownNameError):
                return read(space)
            if coming := self._coming.get(name):
                with suppress(UnknownNameError):
                    return read(coming)
            self._renewed(name, space)
        raise _restless(name)

    def _apply(
        self,
        name: str,
        write: Callable[[str], object],
        when_gone: Callable[[str, SpaceRecord | None], SpaceRecord | None],
    ) -> None:
        for _ in range(ATTEMPTS):
            seen = self._served.get(name)
            places = self._write(name, write)
            recorded = self._records.space(name) or when_gone(name, seen)
            if recorded is None:
                return
            _check_origin(seen, recorded)
            if recorded.indexed.name in places:
                return
            self._renewed(name, seen)
        raise _restless(name)

    def _write(self, name: str, write: Callable[[str], object]) -> set[str]:
        """The places that took it, which one that was dropped did not."""
        taken = set()
        for place in self._places(name):
            with suppress(UnknownNameError):
                write(place)
                taken.add(place)
        return taken

    def _places(self, name: str) -> set[str]:
        """What is coming first: it may be served in the next moment."""
        known = (self._coming.get(name), self._served.get(name), *(left.get(name) for left in self._leaving))
        return {space.indexed.name for space in known if space is not None}

    def _recorded_again(self, name: str, seen: SpaceRecord | None) -> SpaceRecord:
        """What is imported while another process clears the library comes after the clearing."""
        if seen is None:
            raise UnknownNameError("vector space", name, self._served)
        self._records.create_collection(seen.collection)
        return self._records.create_space(replace(seen, index_name=None))

    def _renewed(self, name: str, seen: SpaceRecord | None) -> SpaceRecord | None:
        """The space as it is recorded now, opened again unless another thread has done so since `seen` was served."""
        with in_turn(self._changing):
            if self._served.get(name) is seen:
                recorded = self._records.space(name)
                if recorded is None:
                    self._serve_only({known: space for known, space in self._served.items() if known != name})
                else:
                    self._take_over(recorded)
            return self._served.get(name)

    def _take_over(self, space: SpaceRecord) -> None:
        """Writes go to the old and the new place while that is brought in step; then searches follow."""
        try:
            self._index.open_space(space.indexed)
            self._coming[space.name] = space
            reconcile(self._records, self._index, space)
            self._leave(self._served.get(space.name, space), space)
            self._serve_only({**self._served, space.name: space})
        except UnknownNameError as error:
            raise _restless(space.name) from error
        finally:
            self._coming.pop(space.name, None)

    def _leave(self, old: SpaceRecord, new: SpaceRecord) -> None:
        if old.indexed.name != new.indexed.name:
            self._leaving[0][old.name] = old

    def _places_of(self, wanted: Callable[[SpaceRecord], bool]) -> set[str]:
        kept = self._index.kept()
        spaces = {*self.served(), *self._records.spaces()}
        return {place for space in spaces if wanted(space) for place in places_of(space, kept)}

    def _serve_only(self, spaces: dict[str, SpaceRecord]) -> None:
        self._served = spaces
        self._by_key = {(space.collection, space.pipeline): space for space in spaces.values()}


def places_of(space: SpaceRecord, kept: Iterable[str]) -> set[str]:
    """Where the index has, had, or is about to have the space's vectors; `kept`: all places that the index keeps."""
    return {space.name, space.indexed.name, *(place for place in kept if place.startswith(space.name + LATER))}


def index_records(index: VectorIndex, place: str, records: Sequence[Record]) -> None:
    """Give the vectors and documents of one space's records to its place in the index."""
    if records:
        ids, documents = as_ids(record.id for record in records), [record.document for record in records]
        index.upsert(place, ids, np.stack([record.vector for record in records]), documents)


def differences(records: RecordStore, index: VectorIndex, space: SpaceRecord) -> tuple[Ids, Ids]:
    """The ids that the index lacks, and those it should not have.

    The index is asked first: what another process adds meanwhile is never surplus. What is staged may be published
    before anybody looks again, so the index is to hold it.
    """
    indexed = index.ids(space.indexed.name)
    return missing_and_surplus(_to_be_indexed(records, space), indexed)


def reconcile(records: RecordStore, index: VectorIndex, space: SpaceRecord) -> None:
    """Make the index hold what is recorded of the space. Other processes may write to both meanwhile."""
    missing, surplus = differences(records, index, space)
    index.delete(space.indexed.name, surplus)
    fill(records, index, space, missing)


def fill(
    records: RecordStore,
    index: VectorIndex,
    space: SpaceRecord,
    ids: Ids,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Give the index those of the ids that are recorded, and take back what was removed while they were given.

    `on_progress` is told how many of them were looked at.
    """
    place = space.indexed.name
    for number, part in enumerate(batches(ids, REPLAY_BATCH)):
        index_records(index, place, records.read(space.name, part))
        on_progress(number * REPLAY_BATCH + len(part))
    if len(ids):
        index.delete(place, np.setdiff1d(ids, _to_be_indexed(records, space)))


def _to_be_indexed(records: RecordStore, space: SpaceRecord) -> Ids:
    """Staged ones are read first: what is published meanwhile is then in both."""
    staged = records.in_state(State.STAGED).get(space.name, as_ids(()))
    return np.union1d(staged, records.ids(space.name))


def _check_origin(seen: SpaceRecord | None, recorded: SpaceRecord) -> None:
    if seen and (seen.dimension, seen.fingerprint) != (recorded.dimension, recorded.fingerprint):
        raise VectorMismatchError(
            f"Collection {recorded.collection!r} was cleared and filled by another version of pipeline "
            f"{recorded.pipeline!r} meanwhile. Let all processes have the same settings."
        )


def _restless(name: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"The vector space {name!r} is being cleared or built anew. Try again.")
