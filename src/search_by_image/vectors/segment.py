"""The two kinds of segments that a space is made of: flat ones that grow, and built ones that only lose rows.

A row is written once and never moves within its segment; to remove it is to clear its `alive` flag. `rows` is an
immutable view: whoever took it searches without a lock while rows are added behind it. Writers hold the space's lock.
"""

from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from search_by_image.vectors.ann import Ann
from search_by_image.vectors.base import Ids, Metric, Vector, Vectors
from search_by_image.vectors.exact import Flags, Found, Rows, lengths, nearest, ranked
from search_by_image.vectors.faiss_index import Bitmap, bitmap

ABSENT: Final = -1
_FIRST_CAPACITY = 1024
_Item = TypeVar("_Item", bound=np.generic)


class Segment(Protocol):
    rows: Rows

    def locate(self, ids: Ids) -> Ids:
        """Return the row number of each id that is alive here, `ABSENT` for the others."""
        ...

    def remove(self, numbers: Ids) -> None: ...

    def nearest(self, metric: Metric, rows: Rows, query: Vector, top_k: int, among: Ids | None) -> Found:
        """Search the view `rows`: its live rows, or those of them that `among` numbers."""
        ...


class FlatSegment:
    """Grows by doubling; searched exactly."""

    def __init__(self, dimension: int) -> None:
        self._ids = np.empty(_FIRST_CAPACITY, np.int64)
        self._vectors = np.empty((_FIRST_CAPACITY, dimension), np.float32)
        self._norms = np.empty(_FIRST_CAPACITY, np.float32)
        self._alive = np.empty(_FIRST_CAPACITY, np.bool_)
        self._numbers: dict[int, int] = {}
        self.rows = self._first(0)

    def locate(self, ids: Ids) -> Ids:
        found = (self._numbers.get(identity, ABSENT) for identity in ids.tolist())
        return np.fromiter(found, np.int64, len(ids))

    def append(self, ids: Ids, vectors: Vectors) -> None:
        start, end = len(self.rows), len(self.rows) + len(ids)
        self._reserve(end)
        self._ids[start:end] = ids
        self._vectors[start:end] = vectors
        self._norms[start:end] = lengths(vectors)
        self._alive[start:end] = True
        self._numbers.update(zip(ids.tolist(), range(start, end), strict=True))
        self.rows = self._first(end)

    def remove(self, numbers: Ids) -> None:
        self._alive = _without(self._alive, numbers)
        for number, identity in zip(numbers.tolist(), self._ids[numbers].tolist(), strict=True):
            if self._numbers.get(identity) == number:
                del self._numbers[identity]
        self.rows = self._first(len(self.rows))

    def nearest(self, metric: Metric, rows: Rows, query: Vector, top_k: int, among: Ids | None) -> Found:
        return nearest(metric, rows, query, top_k, np.flatnonzero(rows.alive) if among is None else among)

    def _reserve(self, count: int) -> None:
        if count > len(self._ids):
            capacity = max(2 * len(self._ids), count)
            self._ids = _moved(self.rows.ids, capacity)
            self._vectors = _moved(self.rows.vectors, capacity)
            self._norms = _moved(self.rows.norms, capacity)
            self._alive = _moved(self.rows.alive, capacity)

    def _first(self, count: int) -> Rows:
        return Rows(self._ids[:count], self._vectors[:count], self._norms[:count], self._alive[:count])


class BuiltSegment:
    """Rows under an approximate index.

    `trained` is the number of rows that the index was made from at once, `recall` the recall it was tuned to,
    `vectors_file` what `rows.vectors` is mapped from, if it is.
    """

    def __init__(self, rows: Rows, ann: Ann, *, trained: int, recall: float, vectors_file: Path | None = None) -> None:
        self.rows = rows
        self.ann = ann
        self.trained = trained
        self.recall = recall
        self.vectors_file = vectors_file
        live = np.flatnonzero(rows.alive)
        self._numbers = live[np.argsort(rows.ids[live])]
        self._sorted = rows.ids[self._numbers]
        self._selected: tuple[Flags, Bitmap] | None = None

    def locate(self, ids: Ids) -> Ids:
        if not len(self._sorted):
            return np.full(len(ids), ABSENT)
        places = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        numbers = self._numbers[places]
        here = (self._sorted[places] == ids) & self.rows.alive[numbers]
        return np.where(here, numbers, ABSENT)

    def remove(self, numbers: Ids) -> None:
        self.rows = Rows(self.rows.ids, self.rows.vectors, self.rows.norms, _without(self.rows.alive, numbers))

    def nearest(self, metric: Metric, rows: Rows, query: Vector, top_k: int, among: Ids | None) -> Found:
        count = rows.live if among is None else len(among)
        effort = self.ann.effort_for(top_k, count) if count > top_k else None
        if effort is not None:
            candidates = self.ann.candidates(query, top_k, effort, self._selection(rows, among))
            if len(candidates) >= top_k:
                return ranked(metric, rows, query, top_k, candidates)
        return nearest(metric, rows, query, top_k, np.flatnonzero(rows.alive) if among is None else among)

    def _selection(self, rows: Rows, among: Ids | None) -> Bitmap | None:
        if among is not None:
            chosen = np.zeros(len(rows), np.bool_)
            chosen[among] = True
            return bitmap(chosen)
        return None if rows.alive.all() else self._living(rows.alive)

    def _living(self, alive: Flags) -> Bitmap:
        known = self._selected
        if known is None or known[0] is not alive:
            known = self._selected = (alive, bitmap(alive))
        return known[1]


def allowed(rows: Rows, numbers: Ids) -> Ids:
    """Of row numbers that `locate` gave at another moment, those that exist and are alive in the view `rows`."""
    numbers = numbers[(numbers >= 0) & (numbers < len(rows))]
    return numbers[rows.alive[numbers]]


def _without(alive: Flags, numbers: Ids) -> Flags:
    alive = alive.copy()
    alive[numbers] = False
    return alive


def _moved(array: npt.NDArray[_Item], capacity: int) -> npt.NDArray[_Item]:
    room = np.empty((capacity, *array.shape[1:]), array.dtype)
    room[: len(array)] = array
    return room
