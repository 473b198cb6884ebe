"""One space of the embedded index: a main segment once it is large, and a tail of what came since.

Readers and writers hold the lock only to take or replace views. Builds and snapshots run beside them, one at a time,
over the views they took; a row never moves in its segment, so what was removed meanwhile shows in the flags.
"""

import logging
import shutil
import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from search_by_image.errors import InvalidInputError, VectorMismatchError
from search_by_image.vectors.base import Ids, IndexStats, Neighbour, Space, Vector, Vectors, as_ids
from search_by_image.vectors.embedded_settings import EmbeddedSettings
from search_by_image.vectors.exact import Flags, as_rows, merged
from search_by_image.vectors.faiss_build import BuildStoppedError, Job
from search_by_image.vectors.pile import Pile
from search_by_image.vectors.renewal import Renewal, is_due, renewed
from search_by_image.vectors.segment import ABSENT, BuiltSegment, Segment, allowed
from search_by_image.vectors.snapshot import Contents, SnapshotFolder, remove_folder

_logger = logging.getLogger(__name__)


class EmbeddedSpace:
    """Vectors of 0 and 1 are always searched exactly: a million of 64 bits take 60 ms.

    Most of their answers end among equal distances, and of these a graph would keep any, not those of the lowest ids.
    """

    def __init__(self, space: Space, settings: EmbeddedSettings, path: Path) -> None:
        self.space = space
        self._settings = replace(settings, kind="flat") if space.metric.is_binary else settings
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

    def _present(self, ids: Ids) -> Flags:
        present: Flags = np.any([segment.locate(ids) != ABSENT for segment in self._segments()], axis=0)
        return present

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
        if is_due(self._settings, before, pile) and not self._stop.is_set():
            try:
                self._swap(self._renewal(before, pile))
            except BuildStoppedError as stopped:
                _logger.info("%s", stopped)
        return self._main is not before

    def _renewal(self, main: BuiltSegment | None, pile: Pile) -> Renewal:
        folder = self._folder.work_folder()
        kept = False
        try:
            renewal = renewed(self._settings, main, pile, self._job(folder))
            kept = renewal.keeps(folder)
            return renewal
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _swap(self, renewal: Renewal) -> None:
        renewal.follow(self._pile())
        with self._lock:
            pile = self._pile()
            renewal.follow(pile)
            renewal.settle(pile)
            self._main, self._tail = renewal.main, renewal.tail

    def _job(self, folder: Path) -> Job:
        return Job(self.space, self._settings.recall_target, self._settings.build_threads, folder, self._stop)
