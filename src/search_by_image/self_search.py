"""Recorded vectors searched for in the index: each must find itself, or what is as near."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.vectors.base import Ids, Vector, VectorIndex, batches
from search_by_image.vectors.exact import as_rows, distances

BATCH = 256
EQUAL_DISTANCE = 1e-4
MOST_UNREACHED = 0.1
"""An approximate index need not find every vector."""


@dataclass(frozen=True, slots=True)
class SelfSearch:
    """How many vectors were searched for; the ids of those that are others in the index; how many it did not find."""

    sampled: int
    wrong: tuple[int, ...]
    unreached: int

    @property
    def misses_many(self) -> bool:
        return self.unreached > MOST_UNREACHED * self.sampled


def search_for_themselves(
    records: RecordStore,
    index: VectorIndex,
    space: SpaceRecord,
    ids: Ids,
    on_progress: Callable[[int], None] = lambda _: None,
) -> SelfSearch:
    """Search the index for recorded vectors: among all the nearest, and each alone, must be as near as it is to itself.

    Ids that either store lacks are left out.
    """
    in_both = np.intersect1d(ids, index.ids(space.indexed.name))
    seen: list[_Seen] = []
    for part in batches(in_both, BATCH):
        found, vectors = records.vectors(space.name, part)
        seen += [_seen(index, space, number, vector) for number, vector in zip(found.tolist(), vectors, strict=True)]
        on_progress(len(seen))
    wrong = np.intersect1d([one.id for one in seen if not one.is_right], records.ids(space.name))
    return SelfSearch(len(seen), tuple(wrong.tolist()), sum(not one.is_reached for one in seen))


@dataclass(frozen=True, slots=True)
class _Seen:
    id: int
    is_right: bool
    is_reached: bool


def _seen(index: VectorIndex, space: SpaceRecord, number: int, vector: Vector) -> _Seen:
    (row,) = as_rows(space.indexed, vector[np.newaxis])
    own = float(distances(space.indexed.metric, row[np.newaxis], row)[0])
    tolerance = EQUAL_DISTANCE * max(1.0, abs(own))
    alone = index.search(space.indexed.name, vector, 1, only=[number])
    nearest = index.search(space.indexed.name, vector, 1)
    return _Seen(
        number,
        is_right=any(abs(neighbour.distance - own) <= tolerance for neighbour in alone),
        is_reached=any(neighbour.distance <= own + tolerance for neighbour in nearest),
    )
