"""The nearest pictures that there are: what the index found, held against the records, which alone say what exists."""

from search_by_image.filters import Filter, matches
from search_by_image.indexed import IndexedSpaces
from search_by_image.pictures import Hit
from search_by_image.records.base import RecordStore, SpaceRecord, Stored
from search_by_image.vectors.base import Neighbour, Vector, VectorIndex

GROWTH = 4


class Finder:
    """Exact in what it filters, whatever the index does: every hit's document is looked at."""

    def __init__(self, records: RecordStore, index: VectorIndex, indexed: IndexedSpaces) -> None:
        self._records = records
        self._index = index
        self._indexed = indexed

    def nearest(self, space: SpaceRecord, vector: Vector, top_k: int, where: Filter | None = None) -> list[Hit]:
        """Nothing when another process has cleared the space."""
        return self._indexed.reading(space.name, lambda now: self._nearest(now, vector, top_k, where)) or []

    def _nearest(self, space: SpaceRecord, vector: Vector, top_k: int, where: Filter | None) -> list[Hit]:
        """More are asked for as long as some of those found are being removed or do not match."""
        asked = top_k
        while True:
            neighbours = self._index.search(space.indexed.name, vector, asked, where=where)
            hits = self._hits(space, neighbours, where)
            if len(hits) >= top_k or len(neighbours) < asked:
                return hits[:top_k]
            asked = asked + len(neighbours) - len(hits) if where is None else asked * GROWTH

    def _hits(self, space: SpaceRecord, neighbours: list[Neighbour], where: Filter | None) -> list[Hit]:
        stored = self._records.get(neighbour.id for neighbour in neighbours)
        found = [neighbour for neighbour in neighbours if _counts(stored.get(neighbour.id), where)]
        return [Hit.of(neighbour, stored[neighbour.id], space) for neighbour in found]


def _counts(stored: Stored | None, where: Filter | None) -> bool:
    return stored is not None and (where is None or matches(where, stored.document))
