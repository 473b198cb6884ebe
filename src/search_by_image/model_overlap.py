"""How far two models agree about the pictures of a library: the share of neighbours that they have in common."""

import numpy as np

from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.vectors.base import Ids, Vectors, batches
from search_by_image.vectors.exact import as_rows, distances

QUERIES = 100
AMONG = 2000
TOP = 10
READ_AT_ONCE = 1000


def neighbour_overlap(records: RecordStore, one: SpaceRecord, other: SpaceRecord) -> float | None:
    """The mean share, 0..1, of the 10 nearest pictures that both find, of 100 pictures among 2000 drawn at random.

    None where too few pictures have both vectors.
    """
    both = np.intersect1d(records.ids(one.name), records.ids(other.name))
    chosen = np.sort(np.random.default_rng(0).permutation(both)[:AMONG])
    found = [_rows(records, space, chosen) for space in (one, other)]
    ids = np.intersect1d(found[0][0], found[1][0])
    if len(ids) <= TOP:
        return None
    rows = [vectors[np.isin(held, ids)] for held, vectors in found]
    shared = [_shared(one, rows[0], other, rows[1], query) for query in range(min(QUERIES, len(ids)))]
    return float(np.mean(shared))


def _rows(records: RecordStore, space: SpaceRecord, ids: Ids) -> tuple[Ids, Vectors]:
    """In the order of the ids."""
    parts = [records.vectors(space.name, part) for part in batches(ids, READ_AT_ONCE)]
    if not parts:
        return ids, np.empty((0, space.dimension), np.float32)
    held = np.concatenate([part[0] for part in parts])
    rows = as_rows(space.indexed, np.concatenate([part[1] for part in parts if len(part[0])]))
    order = np.argsort(held)
    return held[order], rows[order]


def _shared(one: SpaceRecord, rows: Vectors, other: SpaceRecord, other_rows: Vectors, query: int) -> float:
    first, second = _nearest(one, rows, query), _nearest(other, other_rows, query)
    return len(first & second) / TOP


def _nearest(space: SpaceRecord, rows: Vectors, query: int) -> set[int]:
    far = distances(space.indexed.metric, rows, rows[query])
    far[query] = np.inf
    return set(np.argsort(far, kind="stable")[:TOP].tolist())
