"""Rows of several segments seen as one numbered sequence."""

from collections.abc import Sequence

import numpy as np

from search_by_image.vectors.base import Ids, Vector, Vectors
from search_by_image.vectors.exact import Flags, Rows


class Pile:
    """Numbers stay the same while the last part grows."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def ids(self) -> Ids:
        return np.concatenate([part.ids for part in self._parts])

    @property
    def norms(self) -> Vector:
        return np.concatenate([part.norms for part in self._parts])

    @property
    def alive(self) -> Flags:
        return np.concatenate([part.alive for part in self._parts])

    @property
    def dimension(self) -> int:
        return int(self._parts[0].vectors.shape[1])

    def vectors(self, numbers: Ids) -> Vectors:
        taken = np.empty((len(numbers), self.dimension), np.float32)
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        for place, part in enumerate(self._parts):
            here = owners == place
            taken[here] = part.vectors[numbers[here] - self._starts[place]]
        return taken
