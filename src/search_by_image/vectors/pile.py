"""Rows of several segments seen as one numbered sequence, without copying the vectors."""

from collections.abc import Sequence

import numpy as np

from .base import Ids, Vector, Vectors
from .exact import Flags, Rows


class Pile:
    def __init__(self, parts: Sequence[Rows]) -> None:
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])

    @property
    def ids(self) -> Ids:
        return np.concatenate([part.ids for part in self._parts])

    @property
    def norms(self) -> Vector:
        return np.concatenate([part.norms for part in self._parts])

    @property
    def alive(self) -> Flags:
        return np.concatenate([part.alive for part in self._parts])

    def vectors(self, numbers: Ids) -> Vectors:
        taken = np.empty((len(numbers), self._parts[0].vectors.shape[1]), np.float32)
        owners = np.searchsorted(self._starts, numbers, side="right") - 1
        for place, part in enumerate(self._parts):
            here = owners == place
            taken[here] = part.vectors[numbers[here] - self._starts[place]]
        return taken
