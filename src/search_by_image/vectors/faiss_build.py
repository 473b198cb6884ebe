"""Building approximate segments: HNSW with the vectors in memory, or IVF with one-bit codes in memory and the vectors
in a memory-mapped file.

A build may be stopped between blocks. The last rows go in only after the tuning, as its queries.
"""

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import faiss
import numpy as np

from ..errors import StoreError
from .ann import Ann, FaissIndex, Ivf, Kind
from .base import Ids, Metric, Space, Vectors
from .exact import Rows
from .pile import Pile
from .segment import BuiltSegment
from .tuning import Trial, tuned_hnsw, tuned_ivf

VECTORS_FILE: Final = "vectors.npy"
FEWEST_ROWS: Final = 256

_LINKS = 16
_EF_CONSTRUCTION = 120
_LISTS_PER_ROOT = 1.6
_FEWEST_ROWS_PER_LIST = 39
_TRAINING_ROWS_PER_LIST = 64
_TRAINING_ROUNDS = 10
_HELD_OUT = 64
_BLOCK = 4096
_SEED = 20
_logger = logging.getLogger(__name__)


class BuildStoppedError(StoreError):
    """The space is being closed or dropped."""


@dataclass(frozen=True, slots=True)
class Job:
    """`folder` takes the vectors of an IVF segment; `threads` are the cores that the build may use."""

    space: Space
    recall: float
    threads: int
    folder: Path
    stop: threading.Event

    def check(self) -> None:
        if self.stop.is_set():
            raise BuildStoppedError(f"The build of space {self.space.name!r} was stopped.")


def build(kind: Kind, pile: Pile, numbers: Ids, job: Job) -> BuiltSegment:
    """Build a segment of the pile's rows `numbers`, at least `FEWEST_ROWS`."""
    order = _held_out_last(numbers)
    with _faiss_at_work(job):
        recipe = _HnswRecipe(pile, order, job) if kind == "hnsw" else _IvfRecipe(pile, order, job)
        recipe.start()
        return _finished(recipe, pile, order, job, trained=len(order))


def extend(base: BuiltSegment, pile: Pile, numbers: Ids, job: Job) -> BuiltSegment:
    """Copy `base`, whose rows are the pile's first ones, and add the rows `numbers`, at least `FEWEST_ROWS`."""
    order = np.concatenate([np.arange(len(base.rows)), _held_out_last(numbers)])
    with _faiss_at_work(job):
        recipe = _HnswRecipe(pile, order, job) if base.ann.kind == "hnsw" else _IvfRecipe(pile, order, job)
        recipe.index = faiss.clone_index(base.ann.index)
        return _finished(recipe, pile, order, job, trained=base.trained)


def stored_vectors(index: FaissIndex) -> Vectors:
    """Return the vectors that an HNSW index holds, without copying; valid until rows are added."""
    return np.asarray(_Storage(index))


class _Storage:
    """Lets the array own the index whose memory it shows."""

    def __init__(self, index: Any) -> None:
        self.index = index
        flat = faiss.rev_swig_ptr(faiss.downcast_index(index.storage).get_xb(), index.ntotal * index.d)
        self.__array_interface__ = flat.reshape(index.ntotal, index.d).__array_interface__


class _Recipe(Protocol):
    index: FaissIndex

    def start(self) -> None: ...
    def vectors(self, start: int, end: int) -> Vectors: ...
    def stored(self) -> Vectors: ...
    def tuned(self, trial: Trial) -> Ann: ...


class _HnswRecipe:
    index: FaissIndex

    def __init__(self, pile: Pile, order: Ids, job: Job) -> None:
        self._pile = pile
        self._order = order
        self._job = job

    def start(self) -> None:
        self.index = faiss.IndexHNSWFlat(self._job.space.dimension, _LINKS, _faiss_metric(self._job.space.metric))

    def vectors(self, start: int, end: int) -> Vectors:
        return self._pile.vectors(self._order[start:end])
