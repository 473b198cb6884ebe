"""What every vector index can do, the metrics, and the score.

An id, its vector and its document never change: a new picture or document gets a new id. An index is therefore a set
of ids, and after a crash it is brought up to date with the record store by two set differences.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from search_by_image.filters import Filter

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Documents = Sequence[Mapping[str, Any]]


class Metric(StrEnum):
    """How the distance of two vectors is measured; smaller is nearer for each.

    L2 is the Euclidean distance (not its square), COSINE is `1 - cos` (1 where a vector is zero), IP is `1 - <a, b>`.
    Of vectors of 0 and 1, HAMMING is the number of bits that differ, JACCARD is `1 - |a and b| / |a or b|` (0 where
    both are all 0).
    """

    L2 = "L2"
    IP = "IP"
    COSINE = "COSINE"
    HAMMING = "HAMMING"
    JACCARD = "JACCARD"

    @property
    def is_binary(self) -> bool:
        """Whether it takes vectors of 0 and 1 alone; these are float32 like all others, one number a bit."""
        return self in {Metric.HAMMING, Metric.JACCARD}

    def score(self, distance: float, dimension: int) -> float:
        """Map a distance between vectors of so many dimensions to 0..1, falling.

        `1 / (1 + d)` for L2, `1 - d / 2`, i.e. (1 + cos) / 2, for COSINE and IP, `1 - d / dimension`, the share of
        equal bits, for HAMMING, `1 - d` for JACCARD.
        """
        if self is Metric.L2:
            return 1.0 / (1.0 + max(distance, 0.0))
        return min(1.0, max(0.0, 1.0 - distance / self._farthest(dimension)))

    def _farthest(self, dimension: int) -> float:
        if self is Metric.HAMMING:
            return dimension
        return 1.0 if self is Metric.JACCARD else 2.0


@dataclass(frozen=True)
class Space:
    """One vector space: the vectors of one collection that came from one pipeline.

    `name` is the index's name (`{app_name}_{collection}`, for a second pipeline `{app_name}_{collection}_{pipeline}`).
    `dimension` is the number of bits where the metric is binary.
    """

    name: str
    dimension: int
    metric: Metric


@dataclass(frozen=True)
class Neighbour:
    id: int
    distance: float


@dataclass(frozen=True)
class IndexStats:
    """`kind`: what answers now (flat, hnsw, ivf, ...); `live`: ids that a search can return."""

    kind: str
    live: int
    removed: int
    tail: int


class VectorIndex(Protocol):
    """All spaces of one back end. Thread-safe. Vectors are float32 of shape (n, dimension), ids int64 of shape (n,).

    Raises `VectorMismatchError` for a wrong dimension, a value that is not finite or, where the metric is binary, not 0
    or 1, `StoreUnavailableError` when a server does not answer, `UnknownNameError` for a space that was not opened, or
    that another process has dropped since: it may be opened again.
    """

    @property
    def recipe(self) -> str:
        """How a new space is indexed; the same text, the same kind of index and parameters."""
        ...

    def open_space(self, space: Space) -> None:
        """Create the space or load what was kept of it; opening again with another dimension or metric raises."""
        ...

    def drop_space(self, name: str) -> None:
        """Forget the space and its files. A name that does not exist is no error."""
        ...

    def spaces(self) -> tuple[Space, ...]:
        """Those that are open."""
        ...

    def kept(self) -> tuple[str, ...]:
        """The names of all spaces that are kept, opened or not, sorted; on a shared server also those of others.

        One that is not open and has never been saved may be left out.
        """
        ...

    def upsert(self, name: str, ids: Ids, vectors: Vectors, documents: Documents | None = None) -> None:
        """Add the vectors; an id that is there already is left as it is (what belongs to an id never changes).

        `documents`: one for each vector; an index may use them to narrow a search with `where`, or not at all.
        """
        ...

    def delete(self, name: str, ids: Ids) -> None:
        """Remove the ids; those that are not there are no error."""
        ...

    def search(
        self,
        name: str,
        vector: Vector,
        top_k: int,
        *,
        only: Collection[int] | None = None,
        where: Filter | None = None,
    ) -> list[Neighbour]:
        """At most `top_k` nearest among `only` (None: all), nearest first, equal distances in the order of ids.

        `where`: the index may leave out ids whose document does not match, never one whose document does; the caller
        looks at the documents of what it gets.

        Raises `InvalidInputError` for a `top_k` below 1.
        """
        ...

    def ids(self, name: str) -> Ids:
        """Every live id, sorted."""
        ...

    def stats(self, name: str) -> IndexStats: ...

    def ping(self) -> None:
        """Return when the index answers."""
        ...

    def maintain(self) -> None:
        """Housekeeping that may take long (snapshot, rebuild); called from a background thread."""
        ...

    def close(self) -> None:
        """Keep what is worth keeping and let go of files. Calls after it raise `StoreError`."""
        ...


def as_vector(raw: Any) -> Vector:
    """Return a new float32 vector, shape (dimension,); of bytes, one 0 or 1 a bit, each byte's highest bit first.

    Raises `TypeError` or `ValueError` for what is no number. A value too large for float32 becomes an infinity.
    """
    numbers = np.unpackbits(np.frombuffer(raw, np.uint8)) if isinstance(raw, bytes | bytearray) else raw
    with np.errstate(over="ignore"):
        return np.array(numbers, dtype=np.float32).reshape(-1)


def missing_and_surplus(recorded: Ids, indexed: Ids) -> tuple[Ids, Ids]:
    """The ids an index lacks and those it should not have, both sorted."""
    return np.setdiff1d(recorded, indexed), np.setdiff1d(indexed, recorded)


def batches(ids: Ids, size: int) -> Iterator[Ids]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def as_ids(ids: Iterable[int]) -> Ids:
    return np.fromiter(ids, dtype=np.int64)
