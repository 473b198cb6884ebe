"""The recorded spaces in the vector index: opened, in step with the records, and followed when their place changes.

A space's place in the index is what its record names. Another process may create a space, clear them all, or build one
anew in another place (`reindexing.py`), and nothing tells the others. So whoever writes looks at the record once more
after the index took the write: if it names another place by then, that place is brought in step, and the write with it.
What was written before the place changed is brought there by the process that changes it. Neither waits for the other.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from search_by_image.ended_places import EndedPlaces
from search_by_image.errors import (
    SearchByImageError,
    StoreError,
    StoreUnavailableError,
    UnknownNameError,
    VectorMismatchError,
)
from search_by_image.locks import in_turn
from search_by_image.pairs import Key, Pair, any_may_serve, key_of, pairs_of
from search_by_image.reconciling import REPLAY_BATCH, index_records, places_of, reconcile
from search_by_image.records.base import Record, RecordStore, SpaceRecord
from search_by_image.vectors.base import Ids, VectorIndex

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
ATTEMPTS = 5
FILLED_AT_ONCE = 10 * REPLAY_BATCH
REST = 10
"""How many times as long as it took nothing is filled after that."""


class IndexedSpaces:
    """Thread-safe. A space goes by its own name in all calls, wherever the index keeps its vectors."""

    def __init__(
        self,
        records: RecordStore,
        index: VectorIndex,
        may_serve: Callable[[SpaceRecord], bool] = any_may_serve,
    ) -> None:
        self._records = records
        self._index = index
        self._may_serve = may_serve
        self._served: dict[str, SpaceRecord] = {}
        self._pairs: dict[Key, Pair] = {}
        self._coming: dict[str, SpaceRecord] = {}
        self._closed: dict[str, str] = {}
        self._leaving: tuple[dict[str, SpaceRecord], ...] = ({}, {})
        self._ended = EndedPlaces(index)
        self._next_filling = 0.0
        self._changing = threading.RLock()

    def served(self) -> tuple[SpaceRecord, ...]:
        return tuple(self._served.values())

    def pair(self, collection: str, pipeline: str) -> Pair | None:
        """None when this process knows no space of that collection and pipeline."""
        return self._pairs.get((collection, pipeline))

    def searched(self) -> tuple[SpaceRecord, ...]:
        """The one of each collection and pipeline that searches go to."""
        return tuple(pair.serving for pair in self._pairs.values())

    def beside(self, name: str) -> set[str]:
        """The spaces that pictures of this one may have vectors in, as far as this process knows; itself first."""
        space = self._served.get(name)
        return {name} | {one.name for one in self.served() if space and key_of(one) == key_of(space)}

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
            self._ended.end_round(self._used())
            self._fill_successors()

    def end(self) -> None:
        """Before the index is closed: drop the places of models that were switched from, which no later round would."""
        with in_turn(self._changing):
            if self._ended or any(space.role is not None for space in self.served()):
                self._keep(self._records.spaces())
                self._ended.drop_all(self._used())

    def follow(self) -> None:
        """Serve the spaces as they are recorded now, those of other processes too."""
        with in_turn(self._changing):
            recorded = self._records.spaces()
            for space in recorded:
                self.serve(space)
            self._keep(recorded)

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
        keys = set(map(key_of, records))
        try:
            self._apply(
                name,
                lambda place: index_records(self._index, place, records),
                lambda name, seen: self._recorded_again(name, seen, keys),
            )
        except StoreError as error:
            space = self._served.get(name)
            if space is None or self._is_needed(space):
                raise
            self._leave_closed(space, error)

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
            if recorded.indexed.name in places or name in self._closed:
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

    def _recorded_again(self, name: str, seen: SpaceRecord | None, keys: set[Key]) -> SpaceRecord | None:
        """What is imported while another process clears the library comes after the clearing.

        None for a space that was succeeded, or was to succeed another: then the other one counts.
        """
        if keys & set(map(key_of, self._records.spaces())):
            return None
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
        """A model that is not searched yet, and that the index cannot take, does not stop the one that is."""
        try:
            self._open(space)
            self._closed.pop(space.name, None)
        except SearchByImageError as error:
            if self._is_needed(space):
                raise
            self._leave_closed(space, error)

    def _is_needed(self, space: SpaceRecord) -> bool:
        return space.role in (None, "final") or (space.role == "serving" and space.name in self._served)

    def _leave_closed(self, space: SpaceRecord, error: SearchByImageError) -> None:
        """Each round of maintenance tries it again, and it gets what it lacks by then from the records."""
        with in_turn(self._changing):
            if self._closed.get(space.name) != str(error):
                self._closed[space.name] = str(error)
                logger.warning("The index cannot take the new model of collection %r: %s", space.collection, error)
            self._serve_only({name: known for name, known in self._served.items() if name != space.name})

    def _open(self, space: SpaceRecord) -> None:
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

    def _keep(self, recorded: Sequence[SpaceRecord]) -> None:
        """Serve none but those."""
        names, keys = {space.name for space in recorded}, set(map(key_of, recorded))
        ended = [space for space in self.served() if space.name not in names and key_of(space) in keys]
        self._ended.add(place for space in ended for place in places_of(space, self._index.kept()))
        self._closed = {name: why for name, why in self._closed.items() if name in names}
        self._serve_only({name: space for name, space in self._served.items() if name in names})

    def _used(self) -> set[str]:
        return {space.indexed.name for space in self.served()}

    def _fill_successors(self) -> None:
        """Another process may give pictures their second vectors: the index gets them little by little."""
        began = time.monotonic()
        if began < self._next_filling:
            return
        for space in self.served():
            if space.role is not None:
                self._fill(space)
        self._next_filling = began + (time.monotonic() - began) * REST

    def _fill(self, space: SpaceRecord) -> None:
        try:
            reconcile(self._records, self._index, space, most=FILLED_AT_ONCE)
        except StoreError as error:
            if self._is_needed(space):
                raise
            self._leave_closed(space, error)

    def _serve_only(self, spaces: dict[str, SpaceRecord]) -> None:
        self._served = spaces
        self._pairs = pairs_of(spaces.values(), self._may_serve)


def _check_origin(seen: SpaceRecord | None, recorded: SpaceRecord) -> None:
    if seen and (seen.dimension, seen.fingerprint) != (recorded.dimension, recorded.fingerprint):
        raise VectorMismatchError(
            f"Collection {recorded.collection!r} was cleared and filled by another version of pipeline "
            f"{recorded.pipeline!r} meanwhile. Let all processes have the same settings."
        )


def _restless(name: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"The vector space {name!r} is being cleared or built anew. Try again.")
