"""Building approximate segments.

HNSW keeps the vectors in memory; IVF keeps one-bit codes there and the vectors in a memory-mapped file.
A build can be stopped between two blocks. The last rows go in only after the tuning, for which they are the queries.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from search_by_image.errors import StoreError
from search_by_image.vectors.ann import Ann, Hnsw, Ivf, Kind
from search_by_image.vectors.base import Ids, Space, Vectors
from search_by_image.vectors.exact import Rows
from search_by_image.vectors.faiss_index import FaissIndex, building_with
from search_by_image.vectors.pile import Pile
from search_by_image.vectors.segment import BuiltSegment
from search_by_image.vectors.tuning import Trial, tuned_hnsw, tuned_ivf

VECTORS_FILE: Final = "vectors.npy"
FEWEST_ROWS: Final = 256

_LISTS_PER_ROOT = 1.6
_FEWEST_ROWS_PER_LIST = 39
_TRAINING_ROWS_PER_LIST = 64
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


def build(kind: Kind, pile: Pile, numbers: Ids, job: Job) -> tuple[BuiltSegment, Ids]:
    """Build a segment of the pile's rows `numbers`, at least `FEWEST_ROWS`; return it with the numbers in its order."""
    stock = _Stock(pile, _held_out_last(numbers), job)
    with _faiss_at_work(job):
        recipe = _recipe(kind, stock)
        return _finished(recipe, recipe.empty(), None, stock), stock.order


def extend(base: BuiltSegment, pile: Pile, numbers: Ids, job: Job) -> tuple[BuiltSegment, Ids]:
    """Add the rows `numbers`, at least `FEWEST_ROWS`, to a copy of `base`, whose rows are the pile's first ones."""
    stock = _Stock(pile, np.concatenate([np.arange(len(base.rows)), _held_out_last(numbers)]), job)
    with _faiss_at_work(job):
        return _finished(_recipe(base.ann.kind, stock), base.ann.index.clone(), base, stock), stock.order


@dataclass(frozen=True, slots=True)
class _Stock:
    """What a segment is built of: the pile's rows, in `order`."""

    pile: Pile
    order: Ids
    job: Job

    def vectors(self, start: int, end: int) -> Vectors:
        return self.pile.vectors(self.order[start:end])

    def rows(self, stored: Vectors) -> Rows:
        """Return the first rows, as many as there are `stored` vectors."""
        present = self.order[: len(stored)]
        return Rows(self.pile.ids[present], stored, self.pile.norms[present], self.pile.alive[present])


class _Recipe(Protocol):
    vectors_file: Path | None

    def empty(self) -> FaissIndex: ...

    def vectors(self, start: int, end: int) -> Vectors: ...

    def stored(self, index: FaissIndex) -> Vectors:
        """Return the vectors of the rows in the index."""
        ...

    def tuned(self, index: FaissIndex, trial: Trial, base: Ann | None) -> Ann: ...


class _HnswRecipe:
    vectors_file: Path | None = None

    def __init__(self, stock: _Stock) -> None:
        self._stock = stock

    def empty(self) -> FaissIndex:
        return FaissIndex.hnsw(self._stock.job.space.dimension, self._stock.job.space.metric)

    def vectors(self, start: int, end: int) -> Vectors:
        return self._stock.vectors(start, end)

    def stored(self, index: FaissIndex) -> Vectors:
        return index.vectors()

    def tuned(self, index: FaissIndex, trial: Trial, base: Ann | None) -> Hnsw:
        return tuned_hnsw(index, trial, self._stock.job.recall, base)


class _IvfRecipe:
    def __init__(self, stock: _Stock) -> None:
        self._job = stock.job
        self.vectors_file: Path | None = stock.job.folder / VECTORS_FILE
        self._vectors = _written(stock.job.folder / VECTORS_FILE, stock)

    def empty(self) -> FaissIndex:
        space, count = self._job.space, len(self._vectors)
        lists = max(1, min(int(_LISTS_PER_ROOT * math.sqrt(count)), count // _FEWEST_ROWS_PER_LIST))
        sample = self._sample(lists * _TRAINING_ROWS_PER_LIST)
        return FaissIndex.ivf(space.dimension, space.metric, lists, sample)

    def vectors(self, start: int, end: int) -> Vectors:
        return self._vectors[start:end]

    def stored(self, index: FaissIndex) -> Vectors:
        return self._vectors[: len(index)]

    def tuned(self, index: FaissIndex, trial: Trial, base: Ann | None) -> Ivf:
        return tuned_ivf(index, trial, self._job.recall, base)

    def _sample(self, count: int) -> Vectors:
        rest = len(self._vectors) - _HELD_OUT
        chosen = np.random.default_rng(_SEED).choice(rest, min(count, rest), replace=False)
        return self._vectors[np.sort(chosen)]


def _recipe(kind: Kind, stock: _Stock) -> _Recipe:
    return _HnswRecipe(stock) if kind == "hnsw" else _IvfRecipe(stock)


def _finished(recipe: _Recipe, index: FaissIndex, base: BuiltSegment | None, stock: _Stock) -> BuiltSegment:
    job, order = stock.job, stock.order
    asked = len(order) - _HELD_OUT
    _add(recipe, index, asked, job)
    trial = Trial(job.space.metric, stock.rows(recipe.stored(index)), recipe.vectors(asked, len(order)))
    ann = recipe.tuned(index, trial, None if base is None else base.ann)
    _add(recipe, index, len(order), job)
    trained = len(order) if base is None else base.trained
    rows = stock.rows(recipe.stored(index))
    return BuiltSegment(rows, ann, trained=trained, recall=job.recall, vectors_file=recipe.vectors_file)


def _add(recipe: _Recipe, index: FaissIndex, end: int, job: Job) -> None:
    for start in range(len(index), end, _BLOCK):
        job.check()
        index.add(recipe.vectors(start, min(start + _BLOCK, end)))


def _held_out_last(numbers: Ids) -> Ids:
    places = np.random.default_rng(_SEED).choice(len(numbers), _HELD_OUT, replace=False)
    return np.concatenate([np.delete(numbers, places), numbers[places]])


def _written(path: Path, stock: _Stock) -> Vectors:
    """Write with plain writes (a full disk raises, where writing to a mapping would kill) and map the file to read."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(stock.order), stock.job.space.dimension)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(stock.order), _BLOCK):
            stock.job.check()
            file.write(stock.vectors(start, start + _BLOCK).data)
    return mapped(path)


def mapped(path: Path) -> Vectors:
    vectors: Vectors = np.asarray(np.load(path, mmap_mode="r"))
    return vectors


@contextmanager
def _faiss_at_work(job: Job) -> Iterator[None]:
    try:
        with building_with(job.threads):
            yield
    except (RuntimeError, MemoryError, OSError) as error:
        raise StoreError(
            f"Could not build an index for space {job.space.name!r}: {error}. Searches stay exact and slower until it "
            f"succeeds; free memory, or disk space under {job.folder}."
        ) from error
