"""The nearest pictures that there are: what the index found, held against the records, which alone say what exists."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search_by_image.filters import Filter, matches, names_values
from search_by_image.indexed import IndexedSpaces
from search_by_image.pictures import Hit
from search_by_image.records.base import OWN_ID_FIELD, RecordStore, SpaceRecord, Stored
from search_by_image.vectors.base import Ids, Neighbour, Vector, VectorIndex

GROWTH = 4


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a filtered search looks before it goes another way.

    `some`: neighbours that are looked through at once, at a few milliseconds, before the records are asked at all;
    `few`: matching pictures whose distances are all measured, as fast as a search among all, and in Milvus one
    condition of 80 KB; `widest`: neighbours that are looked through at the most, all that Milvus gives.
    """

    some: int = 1_024
    few: int = 5_000
    widest: int = 16_384


class Finder:
    """Exact in what it filters, whatever the index does: every hit's document is looked at."""

    def __init__(
        self, records: RecordStore, index: VectorIndex, indexed: IndexedSpaces, reach: Reach | None = None
    ) -> None:
        self._records = records
        self._index = index
        self._indexed = indexed
        self._reach = reach or Reach()

    def nearest(self, space: SpaceRecord, vector: Vector, top_k: int, where: Filter | None = None) -> list[Hit] | None:
        """None when the space is gone: another process has cleared it, or ended the switch to another model."""
        return self._indexed.reading(space.name, lambda now: self._nearest(_Wanted(now, vector, top_k, where)))

    def _nearest(self, wanted: "_Wanted") -> list[Hit]:
        return self._nearest_there(wanted) if wanted.where is None else self._nearest_matching(wanted, wanted.where)

    def _nearest_there(self, wanted: "_Wanted", only: Ids | None = None) -> list[Hit]:
        """More are asked for as long as some of those found are being removed."""
        asked = wanted.top_k
        while True:
            neighbours = self._search(wanted, asked, only=only)
            hits = self._hits(wanted, neighbours)
            if len(hits) >= wanted.top_k or len(neighbours) < asked:
                return hits[: wanted.top_k]
            asked += len(neighbours) - len(hits)

    def _nearest_matching(self, wanted: "_Wanted", where: Filter) -> list[Hit]:
        """Where many match, enough are near. Few are all measured, and so are many of which few are near.

        The records find by an index who has one of certain ids of its own: then they are asked at once.
        """
        if not names_values(where, OWN_ID_FIELD):
            hits = self._overfetched(wanted, where, GROWTH * wanted.top_k, self._reach.some)
            if len(hits) == wanted.top_k:
                return hits
        matching = self._matching(wanted, where)
        if len(matching) == self._reach.few:
            hits = self._overfetched(wanted, where, GROWTH * self._reach.some, self._reach.widest)
            if len(hits) == wanted.top_k:
                return hits
        return self._measured(wanted, where, matching)

    def _overfetched(self, wanted: "_Wanted", where: Filter, asked: int, most: int) -> list[Hit]:
        """Those among up to `most` neighbours; what the index leaves out by itself makes more of them match."""
        hits: list[Hit] = []
        for number in _growing(max(asked, wanted.top_k), most):
            neighbours = self._search(wanted, number, where=where)
            hits = self._hits(wanted, neighbours)
            if len(hits) >= wanted.top_k or len(neighbours) < number:
                break
        return hits[: wanted.top_k]

    def _measured(self, wanted: "_Wanted", where: Filter, matching: Ids) -> list[Hit]:
        """The exact answer: all that match, one part of them after another."""
        best = self._nearest_there(wanted, matching)
        while len(matching) == self._reach.few:
            matching = self._matching(wanted, where, after=int(matching[-1]))
            best = _nearest_of([*best, *self._nearest_there(wanted, matching)], wanted.top_k)
        return best

    def _matching(self, wanted: "_Wanted", where: Filter, *, after: int | None = None) -> Ids:
        return self._records.ids(wanted.space.name, where=where, after=after, limit=self._reach.few)

    def _search(
        self, wanted: "_Wanted", asked: int, *, only: Ids | None = None, where: Filter | None = None
    ) -> list[Neighbour]:
        return self._index.search(wanted.space.indexed.name, wanted.vector, asked, only=only, where=where)

    def _hits(self, wanted: "_Wanted", neighbours: list[Neighbour]) -> list[Hit]:
        stored = self._records.get(neighbour.id for neighbour in neighbours)
        found = [neighbour for neighbour in neighbours if wanted.takes(stored.get(neighbour.id))]
        return [Hit.of(neighbour, stored[neighbour.id], wanted.space) for neighbour in found]


@dataclass(frozen=True, slots=True)
class _Wanted:
    space: SpaceRecord
    vector: Vector
    top_k: int
    where: Filter | None

    def takes(self, stored: Stored | None) -> bool:
        return stored is not None and (self.where is None or matches(self.where, stored.document))


def _growing(first: int, last: int) -> Iterator[int]:
    """The last one is `last`, unless the first is larger."""
    yield first
    while first < last:
        first = min(GROWTH * first, last)
        yield first


def _nearest_of(hits: Iterable[Hit], top_k: int) -> list[Hit]:
    return sorted(hits, key=lambda hit: (hit.distance, hit.id))[:top_k]
