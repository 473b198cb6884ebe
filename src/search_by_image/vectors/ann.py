"""Searching the approximate faiss indexes: how hard to look, and when looking at every row is cheaper.

A single query runs on the thread that asks; faiss lets go of the interpreter's lock, so searches run beside each other.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from .base import Ids, Vector, Vectors

Kind = Literal["hnsw", "ivf"]
Bitmap = npt.NDArray[np.uint8]

TUNED_FOR: Final = 10
"""The `top_k` that the efforts are tuned for; more neighbours take more effort."""

_ROWS_PER_STEP = 16
"""An HNSW step measures about half of the 32 links of a node for the first time."""
_CODES_PER_ROW = 32
"""A row is 32 times as long as its one-bit code."""


class FaissIndex(Protocol):
    ntotal: int
    d: int

    def train(self, x: Vectors) -> None: ...
    def add(self, x: Vectors) -> None: ...
    def search(self, x: Vectors, k: int, *, params: object) -> tuple[Vectors, Ids]: ...


class Ann(Protocol):
    @property
    def kind(self) -> Kind: ...

    @property
    def index(self) -> FaissIndex: ...

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        """How hard to look for `top_k` when `allowed` rows count; None: an exact search of these costs no more."""
        ...

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        """Return rows likely to be the nearest, in no order, to be measured exactly; `selected` None: all rows count."""
        ...


@dataclass(frozen=True, slots=True)
class Hnsw:
    """`effort` is efSearch."""

    index: FaissIndex
    effort: int
    kind: Literal["hnsw"] = "hnsw"

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        wanted = math.ceil(self.effort * max(1.0, top_k / TUNED_FOR) * self.index.ntotal / allowed)
        return wanted if wanted * _ROWS_PER_STEP < allowed else None

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        parameters = faiss.SearchParametersHNSW(efSearch=effort, sel=_selector(selected))
        return _found(self.index, query, min(2 * top_k, self.index.ntotal), parameters)


@dataclass(frozen=True, slots=True)
class Ivf:
    """`effort` is nprobe; `overfetch` times `top_k` candidates come from the one-bit codes."""

    index: FaissIndex
    effort: int
    overfetch: int
    lists: int
    kind: Literal["ivf"] = "ivf"

    def effort_for(self, top_k: int, allowed: int) -> int | None:
        growth = math.sqrt(max(1.0, top_k / TUNED_FOR)) * self.index.ntotal / allowed
        wanted = min(self.lists, math.ceil(self.effort * growth))
        codes = self.index.ntotal * wanted / self.lists
        return wanted if codes / _CODES_PER_ROW + self.overfetch * top_k < allowed else None

    def candidates(self, query: Vector, top_k: int, effort: int, selected: Bitmap | None) -> Ids:
        probing = faiss.SearchParametersIVF(nprobe=effort, sel=_selector(selected))
        parameters = faiss.SearchParametersPreTransform(index_params=probing)
        return _found(self.index, query, min(self.overfetch * top_k, self.index.ntotal), parameters)


def list_count(index: FaissIndex) -> int:
    count: int = faiss.extract_index_ivf(index).nlist
    return count


def bitmap(selected: npt.NDArray[np.bool_]) -> Bitmap:
    return np.packbits(selected, bitorder="little")


def _selector(selected: Bitmap | None) -> object:
    return None if selected is None else faiss.IDSelectorBitmap(selected)


def _found(index: FaissIndex, query: Vector, count: int, parameters: object) -> Ids:
    _, labels = index.search(query[np.newaxis], count, params=parameters)
    numbers: Ids = labels[0]
    return numbers[numbers >= 0]
