"""Approximate search: how hard to look, and when an exact search costs no more."""

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from search_by_image.vectors.base import Ids, Vector
from search_by_image.vectors.faiss_index import Bitmap, FaissIndex

Kind = Literal["hnsw", "ivf"]

TUNED_FOR: Final = 10
"""The `top_k` that an `effort` is meant for; it grows with the power `growth` of a larger `top_k`."""

_ROWS_PER_STEP = 16
"""An HNSW step measures about half of the 32 links of a node for the first time."""
_CODES_PER_ROW = 32
"""A row is 32 times as long as its one-bit code."""


class Ann(Protocol):
    @property
    def kind(self) -> Kind: ...

    @property
    def index(self) -> FaissIndex: ...

    @property
    def effort(self) -> int: ...

    @property
    def growth(self) -> float: ...

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        """How hard to look for `top_k` when `allowed` rows count; None: an exact search of these costs no more."""
        ...

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        """Return rows likely to be the nearest, in no order, to be measured exactly; `selected` None: all rows."""
        ...


@dataclass(frozen=True, slots=True)
class Hnsw:
    """`effort` is efSearch."""

    index: FaissIndex
    effort: int
    growth: float = 0.0
    kind: Literal["hnsw"] = "hnsw"

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        wanted = max(top_k, _scaled(self, top_k, allowed))
        return wanted if wanted * _ROWS_PER_STEP < allowed else None

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        return self.index.search_hnsw(query, 2 * top_k, effort, selected)


@dataclass(frozen=True, slots=True)
class Ivf:
    """`effort` is nprobe; `overfetch` times `top_k` (at least `TUNED_FOR`) candidates come from the one-bit codes."""

    index: FaissIndex
    effort: int
    overfetch: int
    lists: int
    growth: float = 0.0
    kind: Literal["ivf"] = "ivf"

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        wanted = min(self.lists, _scaled(self, top_k, allowed))
        codes = len(self.index) * wanted / self.lists
        return wanted if codes / _CODES_PER_ROW + self._fetched(top_k) < allowed else None

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        return self.index.search_ivf(query, self._fetched(top_k), effort, selected)

    def _fetched(self, top_k: int) -> int:
        return self.overfetch * max(top_k, TUNED_FOR)


def _scaled(ann: Ann, top_k: int, allowed: int) -> int:
    return math.ceil(ann.effort * math.pow(max(1.0, top_k / TUNED_FOR), ann.growth) * len(ann.index) / allowed)
