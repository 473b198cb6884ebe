"""Scores of pairs that belong together and of pairs that do not, and the `match_score` that they suggest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_by_image.quality.distances import Doubles, Places, of_pairs
from search_by_image.vectors.base import Metric, Vectors

BINS = 60
QUANTILES = (0.05, 0.5, 0.95)
STEPS = 10**6
"""Scores are compared at six decimals, rounded down: a suggestion can be written into the settings as it is shown."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """`pairs`: how many there are; `scores`: of as many of them as were measured, sorted."""

    pairs: int
    scores: Doubles

    @property
    def weight(self) -> float:
        """How many pairs each of the measured ones stands for."""
        return self.pairs / len(self.scores) if len(self.scores) else 0.0

    @property
    def quantiles(self) -> tuple[float, ...]:
        """At 5, 50 and 95 %; none without pairs."""
        return tuple(map(float, np.quantile(self.scores, QUANTILES))) if len(self.scores) else ()

    def histogram(self, low: float, high: float) -> list[float]:
        """The shares of the scores in `BINS` equal parts of low..high."""
        counts, _ = np.histogram(self.scores, BINS, (low, high))
        return [float(share) for share in counts / max(len(self.scores), 1)]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The lowest `match_score` at which the wanted precision is reached; None: at no score.

    `precision`: of the pairs that score at least so much, the share that belong together; where the wanted one is
    never reached, the highest there is. `recall`: of the pairs that belong together, the share that score so much.
    """

    wanted: float
    match_score: float | None
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Scores:
    same: Distribution
    different: Distribution

    @property
    def range(self) -> tuple[float, float]:
        ends = [float(one.scores[end]) for one in (self.same, self.different) if len(one.scores) for end in (0, -1)]
        return (min(ends), max(ends)) if ends else (0.0, 1.0)


def scores_of(
    metric: Metric,
    rows: Vectors,
    labels: npt.NDArray[np.int64],
    *,
    different: Sequence[tuple[int, int]] | None = None,
    most: int = 200_000,
    seed: int = 0,
) -> Scores:
    """Scores of the pairs of equal labels, and of those in `different` (None: all of unequal labels).

    Of more than `most` pairs of a kind so many are drawn, each pair with the same chance.
    """
    dice = np.random.default_rng(seed)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], labels[order], side="right")
    alone = np.arange(len(order)) + 1
    same = _drawn(order, alone, ends, most, dice)
    apart = _drawn(order, ends, np.full(len(order), len(order)), most, dice)
    if different is not None:
        apart = _chosen(different, most, dice)
    return Scores(*(_measured(metric, rows, *pairs) for pairs in (same, apart)))


def suggested(scores: Scores, wanted: float) -> Suggestion | None:
    """None where pairs of either kind are missing: then there is nothing to tell apart."""
    same, different = scores.same, scores.different
    if not len(same.scores) or not len(different.scores):
        return None
    steps = np.unique(np.concatenate([same.scores, different.scores]))
    right = same.weight * (len(same.scores) - np.searchsorted(same.scores, steps))
    wrong = different.weight * (len(different.scores) - np.searchsorted(different.scores, steps))
    precision, recall = right / (right + wrong), right / same.pairs
    enough = np.flatnonzero(precision >= wanted)
    if not len(enough):
        best = int(np.argmax(precision))
        return Suggestion(wanted, None, float(precision[best]), float(recall[best]))
    return Suggestion(wanted, float(steps[enough[0]]), float(precision[enough[0]]), float(recall[enough[0]]))


def _drawn(
    order: Places, first: Places, end: Places, most: int, dice: np.random.Generator
) -> tuple[int, Places, Places]:
    """Pairs of each row i of `order` with the rows first[i] to end[i] of it: how many there are, and those drawn."""
    counts = end - first
    before = np.concatenate([[0], np.cumsum(counts)])
    numbers = _numbers(int(before[-1]), most, dice)
    left = np.searchsorted(before, numbers, side="right") - 1
    right = first[left] + numbers - before[left]
    return int(before[-1]), order[left], order[right]


def _chosen(pairs: Sequence[tuple[int, int]], most: int, dice: np.random.Generator) -> tuple[int, Places, Places]:
    given = np.array(pairs, np.int64).reshape(-1, 2)
    left, right = given[_numbers(len(given), most, dice)].T
    return len(given), left, right


def _numbers(total: int, most: int, dice: np.random.Generator) -> Places:
    """All below `total`, or `most` of them, none twice."""
    return np.arange(total) if total <= most else dice.choice(total, most, replace=False, shuffle=False)


def _measured(metric: Metric, rows: Vectors, pairs: int, left: Places, right: Places) -> Distribution:
    far = of_pairs(metric, rows, left, right)
    scores = np.array([metric.score(distance, rows.shape[1]) for distance in far.tolist()], np.float64)
    return Distribution(pairs, np.sort(np.floor(scores * STEPS) / STEPS))
