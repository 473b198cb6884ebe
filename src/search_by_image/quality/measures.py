"""Retrieval measures, leave one out: every picture is searched for among all the others.

Equal distances are in the order of the pictures, as a search has them in the order of ids.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from search_by_image.quality.distances import Doubles, Places, between, blocks
from search_by_image.vectors.base import Metric, Vectors

SHOWN = 10
Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Searches:
    """What each picture's search gave; arrays of a row a picture.

    `relevant`: how many others have its label; `first`: the place of the first of them, from 1, 0 where there is none;
    `hits`: how many of them are among the k nearest, a column for each k; `average_precision`: NaN where there is none;
    `nearest`: the places of the nearest others, at most ten, and `distances` theirs.
    """

    relevant: Places
    first: Places
    hits: Places
    average_precision: Doubles
    nearest: Places
    distances: Doubles


@dataclass(frozen=True, slots=True)
class Measures:
    """Means over `queries`, the pictures of which at least one other has the label; NaN when there are none.

    `precision[k]`: the share of the k nearest that have the label (Manning, Raghavan, Schütze: Introduction to
    Information Retrieval, 2008, section 8.4); `reachable[k]`: what it would be if all of the label came first.
    `recall[k]`: the share of pictures with at least one of their label among the k nearest (Recall@K of Song et al.,
    Deep Metric Learning via Lifted Structured Feature Embedding, CVPR 2016).
    `mean_average_precision`: the mean of average precision, which is the mean, over the others of the label, of the
    precision at the place of each, the whole ranking long (Manning et al., as above).
    """

    queries: int
    precision: dict[int, float]
    recall: dict[int, float]
    reachable: dict[int, float]
    mean_average_precision: float
    labels: dict[str, "Measures"] = field(default_factory=dict)

    @property
    def precision_of_labels(self) -> dict[int, float]:
        """Means over the labels, each counting the same however many pictures it has."""
        measured = [one for one in self.labels.values() if one.queries]
        return {k: _mean([one.precision[k] for one in measured]) for k in self.precision}


def search_each(
    metric: Metric, rows: Vectors, labels: npt.NDArray[np.int64], ks: Sequence[int], show: Show = lambda *_: None
) -> Searches:
    """Search for every row among the others: all its distances at once, but never those of all rows."""
    count = len(rows)
    parts = []
    for block in blocks(count, count):
        parts.append(_search(metric, rows, labels, ks, block))
        show(block.stop, count)
    return Searches(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def measured(searches: Searches, ks: Sequence[int], labels: npt.NDArray[np.int64], names: Sequence[str]) -> Measures:
    """`names`: of the labels, by their numbers."""
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(1, len(names)))
    by_label = {name: _means(searches, ks, rows) for name, rows in zip(names, np.split(order, ends), strict=True)}
    return replace(_means(searches, ks, order), labels=by_label)


def _search(
    metric: Metric, rows: Vectors, labels: npt.NDArray[np.int64], ks: Sequence[int], block: slice
) -> tuple[Places, Places, Places, Doubles, Places, Doubles]:
    far = between(metric, rows[block], rows)
    own = np.arange(block.start, block.stop)
    far[own - block.start, own] = np.inf
    order = np.argsort(far, axis=1, kind="stable")[:, :-1]
    right = labels[order] == labels[own, np.newaxis]
    found = np.cumsum(right, axis=1)
    relevant = found[:, -1]
    first = np.where(relevant > 0, np.argmax(right, axis=1) + 1, 0)
    hits = np.stack([found[:, min(k, found.shape[1]) - 1] for k in ks], axis=1)
    nearest = order[:, :SHOWN]
    return relevant, first, hits, _average_precision(right, found), nearest, np.take_along_axis(far, nearest, axis=1)


def _average_precision(right: npt.NDArray[np.bool_], found: Places) -> Doubles:
    at_each = np.where(right, found / np.arange(1, right.shape[1] + 1), 0.0)
    relevant = found[:, -1]
    return np.where(relevant > 0, at_each.sum(axis=1) / np.maximum(relevant, 1), np.nan)


def _means(searches: Searches, ks: Sequence[int], among: Places) -> Measures:
    asked = among[searches.relevant[among] > 0]
    hits, relevant, first = searches.hits[asked], searches.relevant[asked], searches.first[asked]
    return Measures(
        queries=len(asked),
        precision={k: _mean(hits[:, column] / k) for column, k in enumerate(ks)},
        recall={k: _mean(first <= k) for k in ks},
        reachable={k: _mean(np.minimum(relevant, k) / k) for k in ks},
        mean_average_precision=_mean(searches.average_precision[asked]),
    )


def _mean(values: npt.ArrayLike) -> float:
    numbers = np.asarray(values, np.float64)
    return float(numbers.mean()) if numbers.size else float("nan")
