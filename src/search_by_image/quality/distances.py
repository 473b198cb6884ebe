"""Distances of many vectors from many: as `vectors/exact.py` measures them, in blocks."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from search_by_image.errors import VectorMismatchError
from search_by_image.vectors.base import Metric, Space, Vector, Vectors
from search_by_image.vectors.exact import as_rows

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

TILE = 4096
CELLS = 2**23
"""Distances held at once."""
NOTHING = 1e-12
"""Of the squares' sum: what is less apart is rounding."""
DECIMALS = 12
"""Further ones depend on where a vector stands in its block, and equal vectors must be equally far."""


def rows_of(name: str, metric: Metric, vectors: list[Vector]) -> Vectors:
    """The vectors as the index would keep them, shape (n, dimension). Raises `VectorMismatchError`."""
    sizes = sorted({len(vector) for vector in vectors})
    if len(sizes) > 1:
        raise VectorMismatchError(
            f"{name!r} makes vectors of different dimensions ({', '.join(map(str, sizes))}), which cannot be compared. "
            "Let all of its ways end in the same processor."
        )
    return as_rows(Space(name, sizes[0], metric), np.stack(vectors))


def blocks(count: int, width: int) -> Iterator[slice]:
    """Of so many queries, when each is held against `width` rows."""
    size = max(CELLS // max(width, 1), 1)
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def between(metric: Metric, queries: Vectors, rows: Vectors) -> Doubles:
    """Distances in float64, shape (queries, rows)."""
    asked = queries.astype(np.float64)
    parts = (rows[start : start + TILE].astype(np.float64) for start in range(0, len(rows), TILE))
    found = [_from_products(metric, asked @ part.T, _sizes(asked), _sizes(part)) for part in parts]
    return np.concatenate(found, axis=1).round(DECIMALS)


def of_pairs(metric: Metric, rows: Vectors, left: Places, right: Places) -> Doubles:
    """Distance of `rows[left[i]]` from `rows[right[i]]`, shape (pairs,)."""
    parts = (slice(start, start + TILE) for start in range(0, len(left), TILE))
    found = [np.empty(0), *(_of_pairs(metric, rows[left[part]], rows[right[part]]) for part in parts)]
    return np.concatenate(found).round(DECIMALS)


def _of_pairs(metric: Metric, ones: Vectors, others: Vectors) -> Doubles:
    one, other = ones.astype(np.float64), others.astype(np.float64)
    products = np.einsum("ij,ij->i", one, other)[:, np.newaxis]
    sizes = _sizes(one), _sizes(other)
    return _from_products(metric, products, sizes[0], sizes[1][:, np.newaxis])[:, 0]


def _sizes(rows: Doubles) -> Doubles:
    """Squares of the lengths; of vectors of 0 and 1 that is the number of bits that are 1."""
    sizes: Doubles = np.einsum("ij,ij->i", rows, rows)
    return sizes


def _from_products(metric: Metric, products: Doubles, asked: Doubles, sizes: Doubles) -> Doubles:
    sums = asked[:, np.newaxis] + sizes
    apart = sums - 2.0 * products
    if metric is Metric.L2:
        return np.sqrt(np.where(apart > NOTHING * sums, apart, 0.0))
    if metric is Metric.HAMMING:
        return apart
    if metric is Metric.JACCARD:
        either = apart + products
        return apart / np.where(either > 0, either, 1.0)
    if metric is Metric.IP:
        return 1.0 - products
    scale = np.sqrt(asked[:, np.newaxis] * sizes)
    return np.clip(1.0 - products / np.where(scale > 0, scale, 1.0), 0.0, 2.0)
