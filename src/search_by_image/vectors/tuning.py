"""Finding how hard an index must look to reach a recall, by asking it for neighbours of rows that it does not hold yet.

It must reach the target with its standard error to spare, and half of the loss that the target allows is kept for what
the sample does not show: later removals and additions.
"""

import logging
import math
from dataclasses import replace
from typing import Final

import numpy as np

from search_by_image.vectors.ann import TUNED_FOR, Ann, Hnsw, Ivf
from search_by_image.vectors.base import Ids, Metric, Vectors
from search_by_image.vectors.exact import Rows, costs, distances, ranked
from search_by_image.vectors.faiss_index import Bitmap, FaissIndex, bitmap

MANY: Final = 100
"""The second `top_k` that is tuned for; between and beyond, the effort grows by a power law."""

_BLOCK = 16_384
_FIRST_EFFORT = 16
_FIRST_PROBES = 2
_FIRST_OVERFETCH = 2
_MOST_OVERFETCH = 256
_DOUBLED = math.log(2.0) / math.log(MANY / TUNED_FOR)
_logger = logging.getLogger(__name__)


class Trial:
    """Queries with their `MANY` true neighbours among the live rows."""

    def __init__(self, metric: Metric, rows: Rows, queries: Vectors) -> None:
        self._metric = metric
        self._rows = rows
        self._queries = queries
        neighbours = zip(_neighbours(metric, rows, queries), queries, strict=True)
        self._truth = np.sort([distances(metric, rows.vectors[near], query) for near, query in neighbours], axis=1)
        self._selected: Bitmap | None = None if rows.alive.all() else bitmap(rows.alive)

    def sure_recall(self, ann: Ann, top_k: int = TUNED_FOR) -> float:
        """The mean recall over the queries less its standard error; 1 where an exact search is taken."""
        effort = ann.effort_for(top_k, self._rows.live)
        if effort is None:
            return 1.0
        recalls = [self._recall(ann, effort, top_k, number) for number in range(len(self._queries))]
        return float(np.mean(recalls) - np.std(recalls) / math.sqrt(len(recalls)))

    def _recall(self, ann: Ann, effort: int, top_k: int, number: int) -> float:
        query = self._queries[number]
        candidates = ann.candidates(query, top_k, effort, self._selected)
        found = ranked(self._metric, self._rows, query, top_k, candidates)
        return float(np.count_nonzero(found.distances <= self._truth[number, top_k - 1])) / top_k


def tuned_hnsw(index: FaissIndex, trial: Trial, target: float, base: Ann | None) -> Hnsw:
    """Double efSearch until the target is reached or an exact search costs no more; from there it is exact.

    `base`: the tuning to start from, when the index grew out of another one.
    """
    wanted = _with_reserve(target)
    ann = replace(base, index=index) if isinstance(base, Hnsw) else Hnsw(index, _FIRST_EFFORT)
    while trial.sure_recall(ann) < wanted:
        ann = replace(ann, effort=2 * ann.effort)
    while trial.sure_recall(ann, MANY) < wanted:
        ann = replace(ann, growth=ann.growth + _DOUBLED)
    return ann


def tuned_ivf(index: FaissIndex, trial: Trial, target: float, base: Ann | None) -> Ivf:
    """Choose the over-fetch with all lists probed, then the number of probes; neither goes below those of `base`."""
    wanted = _with_reserve(target)
    first = base if isinstance(base, Ivf) else Ivf(index, _FIRST_PROBES, _FIRST_OVERFETCH, index.lists)
    ann = replace(first, index=index, overfetch=_tuned_overfetch(replace(first, index=index), trial, wanted))
    while trial.sure_recall(ann) < wanted and ann.effort < ann.lists:
        ann = replace(ann, effort=min(2 * ann.effort, ann.lists))
    while trial.sure_recall(ann, MANY) < wanted and ann.effort_for(MANY, len(index)) != ann.lists:
        ann = replace(ann, growth=ann.growth + _DOUBLED)
    reached = trial.sure_recall(ann)
    if reached < target:
        _logger.warning("IVF reaches a recall of %.3f, asked for: %.3f. The kind hnsw reaches more.", reached, target)
    return ann


def _tuned_overfetch(ann: Ivf, trial: Trial, wanted: float) -> int:
    whole = replace(ann, effort=ann.lists)
    for top_k in (TUNED_FOR, MANY):
        while trial.sure_recall(whole, top_k) < _with_reserve(wanted) and whole.overfetch < _MOST_OVERFETCH:
            whole = replace(whole, overfetch=2 * whole.overfetch)
    return whole.overfetch


def _with_reserve(target: float) -> float:
    return (1.0 + target) / 2.0


def _neighbours(metric: Metric, rows: Rows, queries: Vectors) -> Ids:
    best = np.zeros((len(queries), 0), np.int64)
    best_costs = np.zeros((len(queries), 0))
    live = np.flatnonzero(rows.alive)
    for start in range(0, len(live), _BLOCK):
        block = live[start : start + _BLOCK]
        products = (queries @ rows.vectors[block].T).astype(np.float64)
        fresh = costs(metric, rows.norms[block].astype(np.float64), products)
        best_costs = np.hstack([best_costs, fresh])
        best = np.hstack([best, np.broadcast_to(block, fresh.shape)])
        kept = np.argsort(best_costs, axis=1)[:, :MANY]
        best_costs, best = np.take_along_axis(best_costs, kept, 1), np.take_along_axis(best, kept, 1)
    return best
