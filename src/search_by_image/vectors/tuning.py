"""Finding how hard an index must look to reach a recall, by asking it for neighbours of rows that it does not hold yet.

Recall is measured at `TUNED_FOR` neighbours. Half of the loss that the target allows is kept in reserve for what the
sample does not show: later removals and additions.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from search_by_image.vectors.ann import TUNED_FOR, Ann, Hnsw, Ivf
from search_by_image.vectors.base import Metric, Vectors
from search_by_image.vectors.exact import Doubles, Rows, costs, distances, ranked
from search_by_image.vectors.faiss_index import Bitmap, FaissIndex, bitmap

_BLOCK = 16_384
_FIRST_EFFORT = 16
_MOST_OVERFETCH = 256
_logger = logging.getLogger(__name__)


class Trial:
    """Queries with the distance of their true `TUNED_FOR`-th neighbour among the live rows."""

    def __init__(self, metric: Metric, rows: Rows, queries: Vectors) -> None:
        self._metric = metric
        self._rows = rows
        self._queries = queries
        self._limits = _limits(metric, rows, queries)
        self._selected: Bitmap | None = None if rows.alive.all() else bitmap(rows.alive)

    def recall(self, ann: Ann) -> float:
        effort = ann.effort_for(TUNED_FOR, self._rows.live)
        if effort is None:
            return 1.0
        hits = sum(self._hits(ann, effort, number) for number in range(len(self._queries)))
        return hits / (TUNED_FOR * len(self._queries))

    def _hits(self, ann: Ann, effort: int, number: int) -> int:
        query = self._queries[number]
        candidates = ann.candidates(query, TUNED_FOR, effort, self._selected)
        found = ranked(self._metric, self._rows, query, TUNED_FOR, candidates)
        return int(np.count_nonzero(found.distances <= self._limits[number]))


def tuned_hnsw(index: FaissIndex, trial: Trial, target: float) -> Hnsw:
    """Double efSearch until the target is reached or an exact search costs no more; from there it is exact."""
    ann = Hnsw(index, _FIRST_EFFORT)
    while trial.recall(ann) < _with_reserve(target):
        ann = replace(ann, effort=2 * ann.effort)
    return ann


def tuned_ivf(index: FaissIndex, trial: Trial, target: float) -> Ivf:
    """Choose the over-fetch with all lists probed, then the number of probes."""
    wanted = _with_reserve(target)
    lists = index.lists
    whole = Ivf(index, lists, 2, lists)
    while trial.recall(whole) < _with_reserve(wanted) and whole.overfetch < _MOST_OVERFETCH:
        whole = replace(whole, overfetch=2 * whole.overfetch)
    for effort in _doubling(lists):
        ann = replace(whole, effort=effort)
        if trial.recall(ann) >= wanted:
            return ann
    _logger.warning("An IVF index reaches recall %.3f of the %.3f asked for.", trial.recall(whole), target)
    return whole


def _with_reserve(target: float) -> float:
    return (1.0 + target) / 2.0


def _doubling(most: int) -> Iterator[int]:
    number = 1
    while number < most:
        yield number
        number *= 2
    yield most


def _limits(metric: Metric, rows: Rows, queries: Vectors) -> Doubles:
    best = np.zeros((len(queries), 0), np.int64)
    best_costs = np.zeros((len(queries), 0))
    live = np.flatnonzero(rows.alive)
    for start in range(0, len(live), _BLOCK):
        block = live[start : start + _BLOCK]
        products = (queries @ rows.vectors[block].T).astype(np.float64)
        fresh = costs(metric, rows.norms[block].astype(np.float64), products)
        best_costs = np.hstack([best_costs, fresh])
        best = np.hstack([best, np.broadcast_to(block, fresh.shape)])
        kept = np.argsort(best_costs, axis=1)[:, :TUNED_FOR]
        best_costs, best = np.take_along_axis(best_costs, kept, 1), np.take_along_axis(best, kept, 1)
    pairs = zip(best, queries, strict=True)
    return np.array([distances(metric, rows.vectors[near], query).max() for near, query in pairs])
