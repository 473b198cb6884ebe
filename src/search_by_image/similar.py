"""Searches by one or several examples, over one or several collections."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_by_image.deadline import one_call
from search_by_image.documents import check_field, value_at
from search_by_image.errors import InvalidInputError, UnknownNameError, VectorMismatchError
from search_by_image.extraction import Extractor
from search_by_image.filters import Filter
from search_by_image.keyed import KeyedPictures
from search_by_image.nearest import Finder
from search_by_image.pictures import Hit
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.regions import Box
from search_by_image.spaces import SpaceBook
from search_by_image.vectors.base import Metric, Space, Vector, as_ids
from search_by_image.vectors.exact import as_rows, distances

DEEPEST = 10_000
"""How many neighbours a search looks at, at most, to fill its groups."""
GROWTH = 4


@dataclass(frozen=True, slots=True)
class PictureExample:
    """A picture's bytes, or the part of it in the box. A negative weight: as unlike it as may be."""

    image: bytes
    box: Box | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StoredExample:
    """A picture of the library, by the caller's key or our id."""

    collection: str
    key: str
    weight: float = 1.0


Example = PictureExample | StoredExample


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the nearest: those from `offset` on, at most `limit`, of at least `min_score`, that match `where`.

    `group_by`: a dotted path into documents; of pictures with the same value there only the nearest counts, and one
    without a value counts by itself.
    """

    limit: int = 10
    offset: int = 0
    min_score: float = 0.0
    where: Filter | None = None
    group_by: str | None = None

    def __post_init__(self) -> None:
        if self.limit < 1 or self.offset < 0 or self.limit + self.offset > DEEPEST:
            raise InvalidInputError(
                f"limit {self.limit} and offset {self.offset} are out of range: limit from 1, offset from 0, together "
                f"{DEEPEST} at most."
            )
        if self.group_by is not None:
            check_field(self.group_by)

    @property
    def depth(self) -> int:
        return self.offset + self.limit


@dataclass(frozen=True, slots=True)
class Similar:
    """`best_score`: of the nearest picture, also where it is below the score asked for; None: there is none."""

    hits: list[Hit]
    best_score: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    score: float
    distance: float
    metric: Metric


class SimilarPictures:
    """Thread-safe. `store_timeout`: the seconds that a call waits for its stores, in sum."""

    def __init__(
        self,
        records: RecordStore,
        finder: Finder,
        spaces: SpaceBook,
        extractor: Extractor,
        keyed: KeyedPictures,
        *,
        metric: Metric,
        store_timeout: float,
    ) -> None:
        self._records = records
        self._finder = finder
        self._spaces = spaces
        self._extractor = extractor
        self._keyed = keyed
        self._metric = metric
        self.store_timeout = store_timeout

    @one_call
    def search(self, examples: Sequence[Example], pipeline: str, collections: Iterable[str], wanted: Wanted) -> Similar:
        """The nearest to the examples together, from all of the collections, best score first.

        Raises `UnknownNameError` for a collection or pipeline that does not exist, `NotFoundError` for a stored
        example, `ImageError`, `PipelineError`, `VectorMismatchError`.
        """
        spaces = [space for name in collections if (space := self._space(name, pipeline)) is not None]
        query = self._query(examples, pipeline, Metric(spaces[0].metric) if spaces else self._metric_of(pipeline))
        hits = self._grouped(lambda depth: self._nearest(spaces, query, depth, wanted.where), wanted)
        good = [hit for hit in hits if hit.score >= wanted.min_score]
        return Similar(good[wanted.offset : wanted.depth], hits[0].score if hits else None)

    @one_call
    def compare(self, one: Example, other: Example, pipeline: str) -> Comparison:
        """How near two pictures are to each other, by the pipeline and its metric."""
        metric = self._metric_of(pipeline)
        first, second = (self._vector(example, pipeline) for example in (one, other))
        space = Space("", len(first), metric)
        rows = as_rows(space, np.stack([first, second]))
        distance = float(distances(metric, rows[:1], rows[1])[0])
        return Comparison(metric.score(distance, len(first)), distance, metric)

    def _space(self, collection: str, pipeline: str) -> SpaceRecord | None:
        space = self._spaces.find(collection, self._extractor.pipeline(pipeline))
        if space is None and collection not in (known := self._records.collections()):
            raise UnknownNameError("collection", collection, known)
        return space

    def _metric_of(self, pipeline: str) -> Metric:
        return self._extractor.pipeline(pipeline).metric or self._metric

    def _query(self, examples: Sequence[Example], pipeline: str, metric: Metric) -> Vector:
        vectors = [self._vector(example, pipeline) for example in examples]
        if len(vectors) == 1 and examples[0].weight > 0:
            return vectors[0]
        return combined(vectors, [example.weight for example in examples], metric)

    def _vector(self, example: Example, pipeline: str) -> Vector:
        if isinstance(example, StoredExample):
            return self._stored_vector(example, pipeline)
        image = example.image if example.box is None else self._extractor.part(example.image, example.box)
        return self._extractor.extract(image, pipeline).vector

    def _stored_vector(self, example: StoredExample, pipeline: str) -> Vector:
        stored = self._keyed.find(example.collection, example.key)
        space = self._spaces.find(stored.collection, self._extractor.pipeline(pipeline))
        if space is None or stored.space != space.name:
            raise VectorMismatchError(
                f"The picture {example.key!r} was imported by pipeline {stored.pipeline!r}. Search with that one, or "
                "by the picture itself."
            )
        found = self._records.read(stored.space, as_ids([stored.id]))
        return found[0].vector if found else self._stored_vector(example, pipeline)

    def _nearest(self, spaces: Sequence[SpaceRecord], query: Vector, depth: int, where: Filter | None) -> list[Hit]:
        found = [hit for space in spaces for hit in self._finder.nearest(space, query, depth, where)]
        return sorted(found, key=lambda hit: (-hit.score, hit.id))[:depth] if len(spaces) > 1 else found

    def _grouped(self, nearest: Callable[[int], list[Hit]], wanted: Wanted) -> list[Hit]:
        """Look deeper as long as the nearest belong to too few groups."""
        if wanted.group_by is None:
            return nearest(wanted.depth)
        depth = wanted.depth
        while True:
            hits = nearest(depth)
            groups = best_of_groups(hits, wanted.group_by)
            if len(groups) >= wanted.depth or len(hits) < depth or depth == DEEPEST:
                return groups
            depth = min(GROWTH * depth, DEEPEST)


def combined(vectors: Sequence[Vector], weights: Sequence[float], metric: Metric) -> Vector:
    """One query from several examples, after Rocchio: the sum of their vectors, each times its weight.

    Vectors are brought to length 1 first where only their direction counts (COSINE, IP); for L2 the sum is divided by
    that of the positive weights, so that it stays among them. Raises `InvalidInputError` for vectors of bits, and
    where nothing positive is left.
    """
    if metric.is_binary:
        raise InvalidInputError(f"Vectors of bits ({metric}) cannot be combined. Search with one picture.")
    positive = sum(weight for weight in weights if weight > 0)
    if positive <= 0:
        raise InvalidInputError("No example has a weight above 0. Give one at least.")
    rows = np.stack(vectors).astype(np.float64)
    if metric is not Metric.L2:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, 1)
    query: Vector = (np.asarray(weights) @ rows / positive).astype(np.float32)
    if not query.any():
        raise InvalidInputError("The examples cancel each other out. Change their weights.")
    return query


def best_of_groups(hits: Iterable[Hit], path: str) -> list[Hit]:
    """The first hit of each value at the path."""
    best: dict[str, Hit] = {}
    for hit in hits:
        best.setdefault(_group_of(hit, path), hit)
    return list(best.values())


def _group_of(hit: Hit, path: str) -> str:
    found: Any = value_at(hit.document, path)
    return f"#{hit.id}" if found is None else json.dumps(found, sort_keys=True)
