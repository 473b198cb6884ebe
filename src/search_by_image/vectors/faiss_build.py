"""Building approximate segments: HNSW with the vectors in memory, or IVF with one-bit codes in memory and the vectors
in a memory-mapped file.

A build can be stopped between two blocks. The last rows go in only after the tuning, for which they are the queries.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import faiss
import numpy as np

from ..errors import StoreError
from .ann import Ann, FaissIndex, Hnsw, Ivf, Kind
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
            raise BuildStoppedError(f"The build of an index for space {self.space.name!r} was stopped.")


def build(kind: Kind, pile: Pile, numbers: Ids, job: Job) -> BuiltSegment:
    """Build a segment of the pile's rows `numbers`, at least `FEWEST_ROWS`; the segment orders them anew."""
    order = _held_out_last(numbers)
    with _faiss_at_work(job):
        recipe = _RECIPES[kind](pile, order, job)
        return _finished(recipe, recipe.empty(), pile, order, job, trained=len(order))


def extend(base: BuiltSegment, pile: Pile, numbers: Ids, job: Job) -> BuiltSegment:
    """Copy `base`, whose rows are the pile's first ones, and add the rows `numbers`, at least `FEWEST_ROWS`."""
    order = np.concatenate([np.arange(len(base.rows)), _held_out_last(numbers)])
    with _faiss_at_work(job):
        recipe = _RECIPES[base.ann.kind](pile, order, job)
        return _finished(recipe, faiss.clone_index(base.ann.index), pile, order, job, trained=base.trained)


def stored_vectors(index: FaissIndex) -> Vectors:
    """Return the vectors that an HNSW index holds, without a copy; invalid once rows are added."""
    return np.asarray(_Storage(index))


class _Recipe(Protocol):
    vectors_file: Path | None

    def empty(self) -> FaissIndex: ...

    def vectors(self, start: int, end: int) -> Vectors: ...

    def stored(self, index: FaissIndex) -> Vectors:
        """Return the vectors of the rows in the index."""
        ...

    def tuned(self, index: FaissIndex, trial: Trial) -> Ann: ...


class _HnswRecipe:
    vectors_file: Path | None = None

    def __init__(self, pile: Pile, order: Ids, job: Job) -> None:
        self._pile = pile
        self._order = order
        self._job = job

    def empty(self) -> FaissIndex:
        index = faiss.IndexHNSWFlat(self._job.space.dimension, _LINKS, _faiss_metric(self._job.space.metric))
        index.hnsw.efConstruction = _EF_CONSTRUCTION
        made: FaissIndex = index
        return made

    def vectors(self, start: int, end: int) -> Vectors:
        return self._pile.vectors(self._order[start:end])

    def stored(self, index: FaissIndex) -> Vectors:
        return stored_vectors(index)

    def tuned(self, index: FaissIndex, trial: Trial) -> Hnsw:
        return tuned_hnsw(index, trial, self._job.recall)


class _IvfRecipe:
    def __init__(self, pile: Pile, order: Ids, job: Job) -> None:
        self._job = job
        self.vectors_file: Path | None = job.folder / VECTORS_FILE
        self._vectors = _written(job.folder / VECTORS_FILE, pile, order, job)

    def empty(self) -> FaissIndex:
        space, count = self._job.space, len(self._vectors)
        lists = max(1, min(int(_LISTS_PER_ROOT * math.sqrt(count)), count // _FEWEST_ROWS_PER_LIST))
        index = faiss.index_factory(
            space.dimension, f"RR{space.dimension},IVF{lists},RaBitQ", _faiss_metric(space.metric)
        )
        clustering = faiss.extract_index_ivf(index).cp
        clustering.niter = _TRAINING_ROUNDS
        clustering.min_points_per_centroid = 1
        index.train(self._sample(lists * _TRAINING_ROWS_PER_LIST))
        made: FaissIndex = index
        return made

    def vectors(self, start: int, end: int) -> Vectors:
        return self._vectors[start:end]

    def stored(self, index: FaissIndex) -> Vectors:
        return self._vectors[: index.ntotal]

    def tuned(self, index: FaissIndex, trial: Trial) -> Ivf:
        return tuned_ivf(index, trial, self._job.recall)

    def _sample(self, count: int) -> Vectors:
        rest = len(self._vectors) - _HELD_OUT
        chosen = np.random.default_rng(_SEED).choice(rest, min(count, rest), replace=False)
        return self._vectors[np.sort(chosen)]


_RECIPES: Final = {"hnsw": _HnswRecipe, "ivf": _IvfRecipe}


class _Storage:
    """Lets an array own the index whose memory it shows."""

    def __init__(self, index: Any) -> None:
        self.index = index
        flat = faiss.rev_swig_ptr(faiss.downcast_index(index.storage).get_xb(), index.ntotal * index.d)
        self.__array_interface__ = flat.reshape(index.ntotal, index.d).__array_interface__


def _finished(recipe: _Recipe, index: FaissIndex, pile: Pile, order: Ids, job: Job, *, trained: int) -> BuiltSegment:
    asked = len(order) - _HELD_OUT
    _add(recipe, index, asked, job)
    trial = Trial(job.space.metric, _rows(recipe, index, pile, order), recipe.vectors(asked, len(order)))
    ann = recipe.tuned(index, trial)
    _add(recipe, index, len(order), job)
    rows = _rows(recipe, index, pile, order)
    return BuiltSegment(rows, ann, trained=trained, recall=job.recall, vectors_file=recipe.vectors_file)


def _add(recipe: _Recipe, index: FaissIndex, end: int, job: Job) -> None:
    for start in range(index.ntotal, end, _BLOCK):
        job.check()
        index.add(recipe.vectors(start, min(start + _BLOCK, end)))


def _rows(recipe: _Recipe, index: FaissIndex, pile: Pile, order: Ids) -> Rows:
    present = order[: index.ntotal]
    return Rows(pile.ids[present], recipe.stored(index), pile.norms[present], pile.alive[present])


def _held_out_last(numbers: Ids) -> Ids:
    places = np.random.default_rng(_SEED).choice(len(numbers), _HELD_OUT, replace=False)
    return np.concatenate([np.delete(numbers, places), numbers[places]])


def _written(path: Path, pile: Pile, order: Ids, job: Job) -> Vectors:
    """Write with plain writes (a full disk raises, where writing to a mapping would kill) and map the file to read."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(order), job.space.dimension)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(order), _BLOCK):
            job.check()
            file.write(pile.vectors(order[start : start + _BLOCK]).data)
    return mapped(path)


def mapped(path: Path) -> Vectors:
    vectors: Vectors = np.asarray(np.load(path, mmap_mode="r"))
    return vectors


def _faiss_metric(metric: Metric) -> int:
    chosen: int = faiss.METRIC_L2 if metric is Metric.L2 else faiss.METRIC_INNER_PRODUCT
    return chosen


@contextmanager
def _faiss_at_work(job: Job) -> Iterator[None]:
    """Set the calling thread's share of OpenMP threads (libgomp keeps the number per thread); translate errors."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(job.threads)
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as error:
        raise StoreError(
            f"Could not build an index for space {job.space.name!r}: {error}. Searches stay exact and slower until it "
            f"succeeds; free memory, or disk space under {job.folder}."
        ) from error
    finally:
        faiss.omp_set_num_threads(before)
