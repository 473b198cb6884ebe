"""Checked vectors, exact distances, and the exact search that everything else is measured against.

One matrix-vector product in float32 finds the rows that can be among the nearest, by the worst-case bound of its
rounding error; only those are measured in float64. So the answer is exact, ties included, at the product's speed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_by_image.errors import VectorMismatchError
from search_by_image.vectors.base import Ids, Metric, Space, Vector, Vectors

Flags = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

LONGEST = 1e18
"""Vectors of this length or more are refused: their products would overflow float32."""

_BLOCK = 4096
_GATHER_SHARE = 8
"""Gathering a row costs about eight times as much as streaming over it (measured, 50,000 x 1280)."""
_UNIT_ROUNDOFF = 2.0**-24
_UNDERFLOW = 2.0**-125
_LAST_BIT = 2.0**-50


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a segment as they were at one moment: `norms` are their lengths, `alive` is false once removed."""

    ids: Ids
    vectors: Vectors
    norms: Vector
    alive: Flags

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def live(self) -> int:
        return int(np.count_nonzero(self.alive))


@dataclass(frozen=True, slots=True)
class Found:
    """Ids with their distances, nearest first, equal distances in the order of ids."""

    ids: Ids
    distances: Doubles


def as_rows(space: Space, vectors: npt.ArrayLike) -> Vectors:
    """Return float32 rows of shape (n, dimension), of length 1 where the metric is COSINE (a zero vector stays zero).

    Raises `VectorMismatchError` for another shape, a type that is no number, a value that is not finite, or, where the
    metric is binary, one that is neither 0 nor 1.
    """
    rows = _as_float32(vectors, space)
    if rows.shape[1:] != (space.dimension,):
        given = rows.shape[-1] if rows.ndim else "a single number"
        raise VectorMismatchError(
            f"Space {space.name!r} holds vectors of dimension {space.dimension}, given: {given} (shape {rows.shape}). "
            "Use the pipeline that the collection was made with, or open another space for this one."
        )
    norms = lengths(rows)
    if not np.all(norms < LONGEST):
        raise VectorMismatchError(
            f"A vector for space {space.name!r} holds a NaN, an infinity or a length of {LONGEST:g} or more. Check the "
            "pipeline's last processor: every value must be finite."
        )
    if space.metric.is_binary:
        _check_bits(space, rows)
    return _normalised(rows, norms) if space.metric is Metric.COSINE else rows


def lengths(rows: Vectors) -> Doubles:
    squares: Doubles = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return np.sqrt(squares)


def distances(metric: Metric, rows: Vectors, query: Vector) -> Doubles:
    """Distances in float64; a row's distance does not depend on where it stands, so equal rows are equally far."""
    return _distances(metric, rows.astype(np.float64), query.astype(np.float64))


def nearest(metric: Metric, rows: Rows, query: Vector, top_k: int, among: Ids) -> Found:
    """Search the rows numbered `among` exactly."""
    return ranked(metric, rows, query, top_k, _contenders(metric, rows, query, top_k, among))


def ranked(metric: Metric, rows: Rows, query: Vector, top_k: int, candidates: Ids) -> Found:
    """Measure the candidate rows exactly and keep the `top_k` nearest."""
    blocks = [candidates[block] for block in _blocks(candidates)]
    return merged([Found(rows.ids[block], distances(metric, rows.vectors[block], query)) for block in blocks], top_k)


def merged(parts: list[Found], top_k: int) -> Found:
    ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
    far = np.concatenate([np.empty(0), *(part.distances for part in parts)])
    order = np.lexsort((ids, far))[:top_k]
    return Found(ids[order], far[order])


def _as_float32(vectors: npt.ArrayLike, space: Space) -> Vectors:
    given = np.asarray(vectors)
    if given.dtype.kind not in "fiu":
        raise VectorMismatchError(
            f"Space {space.name!r} takes vectors of real numbers, given: type {given.dtype}. Convert them to float32."
        )
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(given, dtype=np.float32)


def _check_bits(space: Space, rows: Vectors) -> None:
    other = rows[(rows != 0) & (rows != 1)]
    if len(other):
        raise VectorMismatchError(
            f"Space {space.name!r} has the metric {space.metric}, which takes vectors of 0 and 1 alone, given: "
            f"{other[0]:g}. Let the pipeline give an array of 0 and 1, or packed bits as bytes; or use COSINE, L2, IP."
        )


def _normalised(rows: Vectors, norms: Doubles) -> Vectors:
    return (rows / np.where(norms > 0, norms, 1.0)[:, np.newaxis]).astype(np.float32)


def _blocks(rows: npt.NDArray[np.generic]) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, len(rows), _BLOCK))


def _distances(metric: Metric, rows: Doubles, query: Doubles) -> Doubles:
    if metric is Metric.L2:
        apart = rows - query
        squares: Doubles = np.einsum("ij,ij->i", apart, apart)
        return np.sqrt(squares)
    products: Doubles = np.einsum("ij,j->i", rows, query)
    if metric.is_binary:
        return _bit_distances(metric, rows.sum(axis=1), products, float(query.sum()))
    if metric is Metric.IP:
        return 1.0 - products
    scale = np.sqrt(np.einsum("ij,ij->i", rows, rows) * np.einsum("j,j->", query, query))
    cosines = products / np.where(scale > 0, scale, 1.0)
    return np.clip(1.0 - cosines, 0.0, 2.0)


def _bit_distances(metric: Metric, sizes: Doubles, shared: Doubles, size: float) -> Doubles:
    """Distances from the bits that are 1 in each row, in both it and the query, and in the query."""
    differing = sizes + size - 2.0 * shared
    if metric is Metric.HAMMING:
        return differing
    either = differing + shared
    return differing / np.where(either > 0, either, 1.0)


def _contenders(metric: Metric, rows: Rows, query: Vector, top_k: int, among: Ids) -> Ids:
    if len(among) <= top_k:
        return among
    cost, slack = _costs(metric, rows, query, among)
    worst = np.partition(cost + slack, top_k - 1)[top_k - 1]
    contenders: Ids = among[cost - slack <= worst]
    return contenders


def costs(metric: Metric, norms: Doubles, products: Doubles) -> Doubles:
    """Return numbers that order as the distances of one query do, from the rows' lengths and inner products with it."""
    return norms**2 - 2.0 * products if metric is Metric.L2 else -products


def _costs(metric: Metric, rows: Rows, query: Vector, among: Ids) -> tuple[Doubles, Doubles]:
    """Return each row's cost and how far rounding can have moved it, or the distance in float64.

    The bound is Higham's for an inner product of n terms in any order: |error| <= n u |x| |q| / (1 - n u).
    Of 0 and 1, sums are exact in float32.
    """
    terms = (len(query) + 2) * _UNIT_ROUNDOFF
    norms = rows.norms[among].astype(np.float64)
    length = float(np.linalg.norm(query.astype(np.float64)))
    slack = 1.1 * terms * norms * length + len(query) * _UNDERFLOW
    products = _products(rows.vectors, query, among).astype(np.float64)
    if metric.is_binary:
        return _bit_distances(metric, np.rint(norms**2), products, round(length**2)), np.zeros(len(among))
    if metric is Metric.L2:
        slack = 2.0 * slack + 4.0 * _UNIT_ROUNDOFF * norms**2 + len(query) * _LAST_BIT * (norms + length) ** 2
    return costs(metric, norms, products), slack + _LAST_BIT


def _products(vectors: Vectors, query: Vector, among: Ids) -> Vector:
    """One dot product a row: the threads that BLAS starts for `@` would spin on after the search, on others' cores."""
    if len(among) * _GATHER_SHARE < len(vectors):
        return np.concatenate([np.vecdot(vectors[among[block]], query) for block in _blocks(among)])
    products: Vector = np.vecdot(vectors, query)
    return products if len(among) == len(vectors) else products[among]
