"""Rows of several segments seen as one numbered sequence, and the tail that follows another one."""

from collections.abc import Sequence

import numpy as np

from .base import Ids, Vector, Vectors
from .exact import Flags, Rows
from .segment import FlatSegment

_BLOCK = 4096


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


class SucceedingTail:
    """A tail that begins with some rows of a pile and then takes over what the pile grew by."""

    def __init__(self, pile: Pile, picked: Ids) -> None:
        self.tail = FlatSegment(pile.dimension)
        self._order = np.empty(0, np.int64)
        self._seen = len(pile)
        self._take(pile, picked)

    def follow(self, pile: Pile) -> None:
        self._take(pile, np.arange(self._seen, len(pile)))
        self._seen = len(pile)

    def settle(self, alive: Flags) -> None:
        """Remove what the pile has removed by now."""
        self.tail.remove(np.flatnonzero(~alive[self._order]))

    def _take(self, pile: Pile, numbers: Ids) -> None:
        ids = pile.ids[numbers]
        for start in range(0, len(numbers), _BLOCK):
            block = slice(start, start + _BLOCK)
            self.tail.append(ids[block], pile.vectors(numbers[block]))
        self._order = np.concatenate([self._order, numbers])
