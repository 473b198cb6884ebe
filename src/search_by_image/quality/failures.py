"""The searches that went worst: what a picture was found beside instead of its own kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search_by_image.quality.evaluation import Result
from search_by_image.quality.measures import Searches

MOST_NEIGHBOURS = 5
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Neighbour:
    place: int
    score: float


@dataclass(frozen=True, slots=True)
class Failure:
    """`wrong`: the nearest pictures of other labels, with their scores; `right`: of `shown` nearest, how many are."""

    place: int
    right: int
    shown: int
    wrong: tuple[Neighbour, ...]


def worst(result: Result, labels: Sequence[str], most: int) -> list[Failure]:
    """Searches with the lowest average precision over the ten nearest, of equal ones the surest mistakes first.

    A picture that no other has the label of cannot fail, nor one that has its own label before all others.
    """
    searches, numbers = result.searches, np.unique(np.array(labels), return_inverse=True)[1]
    right = numbers[searches.nearest] == numbers[:, np.newaxis]
    at_each = np.where(right, np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1), 0.0)
    reachable = np.minimum(searches.relevant, right.shape[1])
    precision = at_each.sum(axis=1) / np.maximum(reachable, 1)
    surest = np.where(right, np.inf, searches.distances).min(axis=1)
    order = np.lexsort((surest, precision))
    failed = (reachable > 0) & (precision < 1 - ROUNDING)
    return [_failure(result, searches, labels, place) for place in order[failed[order]][:most].tolist()]


def _failure(result: Result, searches: Searches, labels: Sequence[str], place: int) -> Failure:
    nearest = list(zip(searches.nearest[place].tolist(), searches.distances[place].tolist(), strict=True))
    wrong = [(other, distance) for other, distance in nearest if labels[other] != labels[place]]
    shown = tuple(
        Neighbour(other, result.metric.score(distance, result.dimension)) for other, distance in wrong[:MOST_NEIGHBOURS]
    )
    return Failure(place, len(nearest) - len(wrong), len(nearest), shown)
