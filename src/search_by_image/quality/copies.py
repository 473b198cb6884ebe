"""Whether a picture is found by an edited copy of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_by_image.quality.distances import between, blocks
from search_by_image.vectors.base import Metric, Vectors


@dataclass(frozen=True, slots=True)
class Miss:
    """The picture at the place `of`, edited, found the one at `found` first."""

    of: int
    found: int
    edit: str
    score: float


@dataclass(frozen=True, slots=True)
class Copies:
    """`recall`: for each edit the share of edited pictures whose nearest picture is the one that was edited.

    That is recall@1 (Jégou, Douze, Schmid: Product Quantization for Nearest Neighbor Search, 2011).
    `copies`: how many edited pictures there were. `misses`: surest first.
    """

    copies: int
    recall: dict[str, float]
    misses: tuple[Miss, ...]

    @property
    def recall_of_all(self) -> float:
        return 1 - len(self.misses) / self.copies if self.copies else float("nan")


def searched_by_copies(
    metric: Metric, rows: Vectors, edited: Mapping[str, Vectors], of: Sequence[int], same: npt.NDArray[np.int64]
) -> Copies:
    """`edited`: for each edit a row for each picture in `of`, the places in `rows` of the pictures that were edited.

    `same`: a number for each row, equal for files of equal bytes: any of them is the right one.
    """
    misses: list[Miss] = []
    for edit, queries in edited.items():
        found, scores = _nearest(metric, rows, queries)
        wrong = np.flatnonzero(same[found] != same[np.array(of)])
        misses += [Miss(of[row], int(found[row]), edit, scores[row]) for row in wrong.tolist()]
    counts = {edit: sum(miss.edit == edit for miss in misses) for edit in edited}
    recall = {edit: 1 - counts[edit] / len(of) for edit in edited} if of else {}
    return Copies(len(of) * len(edited), recall, tuple(sorted(misses, key=lambda miss: -miss.score)))


def _nearest(metric: Metric, rows: Vectors, queries: Vectors) -> tuple[npt.NDArray[np.int64], list[float]]:
    """The place of the row that is nearest to each query, and its score."""
    parts = [between(metric, queries[block], rows) for block in blocks(len(queries), len(rows))]
    found = np.concatenate([part.argmin(axis=1) for part in parts])
    far = np.concatenate([part.min(axis=1) for part in parts])
    return found, [metric.score(distance, rows.shape[1]) for distance in far.tolist()]
