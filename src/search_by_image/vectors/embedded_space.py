"""One space of the embedded index: a main segment once it is large, and a tail of what came since.

Readers and writers hold the lock only to take or replace views. Builds and snapshots run beside them, one at a time,
over the views they took; a row never moves in its segment, so what was removed meanwhile shows in the flags.
"""

import logging
import shutil
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import InvalidInputError, StoreError, VectorMismatchError
from .ann import Kind
from .base import Ids, IndexStats, Neighbour, Space, Vector, Vectors, as_ids
from .embedded_settings import EmbeddedSettings
from .exact import as_rows, merged
from .faiss_build import FEWEST_ROWS, BuildStoppedError, Job, build, extend
from .pile import Pile, SucceedingTail
from .segment import ABSENT, BuiltSegment, Segment, allowed
from .snapshot import Contents, SnapshotFolder, remove_folder

_NO_ROWS: Final = np.empty(0, np.int64)
_logger = logging.getLogger(__name__)


class EmbeddedSpace:
    def __init__(self, space: Space, settings: EmbeddedSettings, path: Path) -> None:
        self.space = space
        self._settings = settings
        self._folder = SnapshotFolder(path, space)
        self._main, self._tail = self._folder.load()
        self._changes = 0
        self._lock = threading.Lock()
        self._housekeeping = threading.Lock()
        self._stop = threading.Event()

    def upsert(self, ids: Ids, vectors: Vectors) -> None:
        rows = as_rows(self.space, vectors)
        if ids.shape != (len(rows),):
            raise VectorMismatchError(f"{len(rows)} vectors need as many ids, given: {ids.shape} (shape).")
        _, firsts = np.unique(ids, return_index=True)
        firsts.sort()
        with self._lock:
            fresh = firsts[~self._present(ids[firsts])]
            self._tail.append(ids[fresh], rows[fresh])
            self._changes += len(fresh)

    def delete(self, ids: Ids) -> None:
        distinct = np.unique(ids)
        with self._lock:
            for segment in self._segments():
                numbers = segment.locate(distinct)
                here = numbers[numbers != ABSENT]
                if len(here):
                    segment.remove(here)
                    self._changes += len(here)

    def search(self, vector: Vector, top_k: int, only: Collection[int] | None) -> list[Neighbour]:
        if top_k < 1:
            raise InvalidInputError(f"top_k is {top_k}; it must be 1 or more.")
        query = as_rows(self.space, np.asarray(vector)[np.newaxis])[0]
        wanted = None if only is None else np.unique(as_ids(only))
        with self._lock:
            views = [(segment, segment.rows) for segment in self._segments()]
        found = []
        for segment, rows in views:
            among = None if wanted is None else allowed(rows, segment.locate(wanted))
            found.append(segment.nearest(self.space.metric, rows, query, top_k, among))
        best = merged(found, top_k)
        return [Neighbour(*pair) for pair in zip(best.ids.tolist(), best.distances.tolist(), strict=True)]

    def ids(self) -> Ids:
        with self._lock:
            views = [segment.rows for segment in self._segments()]
        return np.sort(np.concatenate([rows.ids[rows.alive] for rows in views]))

    def stats(self) -> IndexStats:
        with self._lock:
            main, tail = self._main, self._tail.rows
            views = [segment.rows for segment in self._segments()]
        live = sum(rows.live for rows in views)
        removed = sum(len(rows) for rows in views) - live
        return IndexStats("flat" if main is None else main.ann.kind, live, removed, 0 if main is None else tail.live)

    def maintain(self) -> None:
        with self._housekeeping:
            replaced = False
            try:
                replaced = self._renew()
            finally:
                if (replaced or self._changes >= self._settings.snapshot_every) and not self._stop.is_set():
                    self._save()

    def close(self) -> None:
        """Stop a build under way and write a snapshot of what changed since the last one."""
        self._stop.set()
        with self._housekeeping:
            if self._changes:
                self._save()

    def drop(self) -> None:
        self._stop.set()
        with self._housekeeping:
            remove_folder(self._folder.path)

    def _segments(self) -> tuple[Segment, ...]:
        return (self._tail,) if self._main is None else (self._main, self._tail)

    def _present(self, ids: Ids) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        return np.any([segment.locate(ids) != ABSENT for segment in self._segments()], axis=0)

    def _pile(self) -> Pile:
        return Pile([segment.rows for segment in self._segments()])

    def _save(self) -> None:
        with self._lock:
            changes, main = self._changes, self._main
            contents = Contents(main, None if main is None else main.rows, self._tail.rows)
        self._folder.save(contents)
        with self._lock:
            self._changes -= changes

    def _renew(self) -> bool:
        """Rebuild what is due; say whether the main segment is another one now."""
        before = self._main
        with self._lock:
            pile = self._pile()
        live = int(np.count_nonzero(pile.alive))
        if self._stop.is_set() or not self._is_due(pile, live):
            return False
        try:
            self._replace(pile, self._settings.kind_for(live))
        except BuildStoppedError:
            _logger.info("The build of an index for space %r was stopped.", self.space.name)
        return self._main is not before

    def _is_due(self, pile: Pile, live: int) -> bool:
        settings, main = self._settings, self._main
        if len(pile) - live > settings.rebuild_share * len(pile):
            return True
        if main is None:
            return settings.kind_for(live) is not None
        tail = len(pile) - len(main.rows)
        return tail > settings.tail_limit(len(main.rows)) or settings.is_outdated(main.ann.kind, main.recall, live)

    def _replace(self, pile: Pile, kind: Kind | None) -> None:
        living = np.flatnonzero(pile.alive)
        main = self._main
        if kind is None:
            self._swap(None, _NO_ROWS, SucceedingTail(pile, living))
        elif main is None or not self._is_reusable(main, kind, pile):
            self._build(main=None, kind=kind, pile=pile, numbers=living)
        else:
            self._grow(main, pile, living[living >= len(main.rows)])
