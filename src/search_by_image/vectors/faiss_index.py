"""The only file that touches faiss: what we use of it, typed. (Its own stubs lack half of it.)

A single query runs on the thread that asks; faiss lets go of the interpreter's lock, so searches run beside each other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt

from search_by_image.vectors.base import Ids, Metric, Vector, Vectors
from search_by_image.vectors.exact import Flags

Bitmap = npt.NDArray[np.uint8]
_faiss: Any = faiss

_LINKS = 16
_EF_CONSTRUCTION = 120
_TRAINING_ROUNDS = 10


class FaissIndex:
    """An HNSW index with its vectors, or an IVF index of one-bit codes (RaBitQ) behind a random rotation.

    Not to be searched while rows are added.
    """

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def hnsw(cls, dimension: int, metric: Metric) -> Self:
        index = _faiss.IndexHNSWFlat(dimension, _LINKS, _metric(metric))
        index.hnsw.efConstruction = _EF_CONSTRUCTION
        return cls(index)

    @classmethod
    def ivf(cls, dimension: int, metric: Metric, lists: int, sample: Vectors) -> Self:
        """Return an empty index trained on the sample, which has at least as many rows as there are lists."""
        index = _faiss.index_factory(dimension, f"RR{dimension},IVF{lists},RaBitQ", _metric(metric))
        clustering = _faiss.extract_index_ivf(index).cp
        clustering.niter = _TRAINING_ROUNDS
        clustering.min_points_per_centroid = 1
        index.train(sample)
        return cls(index)

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(_faiss.read_index(str(path)))

    def write(self, write: Callable[[bytes], int]) -> None:
        _faiss.write_index(self._index, _faiss.PyCallbackIOWriter(write))

    def clone(self) -> Self:
        return type(self)(_faiss.clone_index(self._index))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def lists(self) -> int:
        return int(_faiss.extract_index_ivf(self._index).nlist)

    def add(self, vectors: Vectors) -> None:
        self._index.add(vectors)

    def vectors(self) -> Vectors:
        """Return the vectors that an HNSW index holds, without a copy; invalid once rows are added."""
        return np.asarray(_Storage(self._index))

    def search_hnsw(self, query: Vector, count: int, ef_search: int, selected: Bitmap | None) -> Ids:
        return self._search(query, count, _faiss.SearchParametersHNSW(efSearch=ef_search, sel=_selector(selected)))

    def search_ivf(self, query: Vector, count: int, probes: int, selected: Bitmap | None) -> Ids:
        probing = _faiss.SearchParametersIVF(nprobe=probes, sel=_selector(selected))
        return self._search(query, count, _faiss.SearchParametersPreTransform(index_params=probing))

    def _search(self, query: Vector, count: int, parameters: Any) -> Ids:
        _, labels = self._index.search(query[np.newaxis], min(count, len(self)), params=parameters)
        numbers: Ids = labels[0]
        return numbers[numbers >= 0]


class _Storage:
    """Lets an array own the index whose memory it shows."""

    def __init__(self, index: Any) -> None:
        self.index = index
        flat = _faiss.rev_swig_ptr(_faiss.downcast_index(index.storage).get_xb(), index.ntotal * index.d)
        self.__array_interface__ = flat.reshape(index.ntotal, index.d).__array_interface__


def bitmap(selected: Flags) -> Bitmap:
    return np.packbits(selected, bitorder="little")


@contextmanager
def building_with(threads: int) -> Iterator[None]:
    """Set the OpenMP threads of the calling thread alone (libgomp keeps the number per thread)."""
    before = _faiss.omp_get_max_threads()
    _faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        _faiss.omp_set_num_threads(before)


def _metric(metric: Metric) -> int:
    return int(_faiss.METRIC_L2 if metric is Metric.L2 else _faiss.METRIC_INNER_PRODUCT)


def _selector(selected: Bitmap | None) -> Any:
    return None if selected is None else _faiss.IDSelectorBitmap(selected)
