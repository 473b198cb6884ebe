"""Searches by one or several examples, over one or several collections."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from search_by_image.deadline import one_call
from search_by_image.documents import check_field, value_at
from search_by_image.errors import InvalidInputError, StoreUnavailableError, UnknownNameError, VectorMismatchError
from search_by_image.extraction import Extractor
from search_by_image.filters import Filter
from search_by_image.keyed import KeyedPictures
from search_by_image.model_spaces import ModelSpaces
from search_by_image.nearest import Finder
from search_by_image.pictures import Hit
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.regions import Box
from search_by_image.vectors.base import Metric, Space, Vector, as_ids
from search_by_image.vectors.exact import as_rows, distances

DEEPEST = 10_000
"""How many neighbours a search looks at, at most, to fill its groups."""
GROWTH = 4
ATTEMPTS = 5


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


@dataclass(frozen=True, slots=True)
class TextExample:
    """What is searched for, in words, for pipelines whose model has a text side."""

    text: str
    weight: float = 1.0


Example = PictureExample | StoredExample | TextExample


@dataclass(frozen=True, slots=True)
class _Asked:
    """`queries`: what the examples come to, by the fingerprint of the pipeline that made it."""

    examples: tuple[Example, ...]
    pipeline: str
    collections: tuple[str, ...]
    queries: dict[str, Vector] = field(default_factory=dict)


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
        spaces: ModelSpaces,
        extractor: Extractor,
        keyed: KeyedPictures,
        *,
        metric: Metric,
        store_timeout: float,
    ) -> None:
        self._records = records
        self._finder = finder
        self._spaces = spaces.book
        self._embedder = spaces.embedder
        self._extractor = extractor
        self._keyed = keyed
        self._metric = metric
        self.store_timeout = store_timeout

    @one_call
    def search(self, examples: Sequence[Example], pipeline: str, collections: Iterable[str], wanted: Wanted) -> Similar:
        """The nearest to the examples together, from all of the collections, best score first.

        Raises `UnknownNameError` for a collection or pipeline that does not exist, `NotFoundError` for a stored
        example, `NoTextSideError` for a text, `ImageError`, `PipelineError`, `VectorMismatchError`.
        """
        asked = _Asked(tuple(examples), pipeline, tuple(collections))
        hits = self._grouped(lambda depth: self._nearest(asked, depth, wanted.where), wanted)
        good = [hit for hit in hits if hit.score >= wanted.min_score]
        return Similar(good[wanted.offset : wanted.depth], hits[0].score if hits else None)

    @one_call
    def compare(self, one: Example, other: Example, pipeline: str) -> Comparison:
        """How near two pictures are to each other, by the pipeline and its metric.

        By the model that serves where a stored one is, else by that of the default collection.
        """
        stored = [example.collection for example in (one, other) if isinstance(example, StoredExample)]
        serving = self._spaces.serving(stored[0] if stored else self._embedder.default, pipeline)
        steps = self._embedder.steps(pipeline, serving)
        metric = steps.metric or self._metric
        first, second = (self._vector(example, steps) for example in (one, other))
        space = Space("", len(first), metric)
        rows = as_rows(space, np.stack([first, second]))
        distance = float(distances(metric, rows[:1], rows[1])[0])
        return Comparison(metric.score(distance, len(first)), distance, metric)

    def _nearest(self, asked: "_Asked", depth: int, where: Filter | None) -> list[Hit]:
        """Each collection by its own model: while it is switched, they may differ."""
        found = [hit for name in asked.collections for hit in self._nearest_in(name, asked, depth, where)]
        return sorted(found, key=lambda hit: (-hit.score, hit.id))[:depth] if len(asked.collections) > 1 else found

    def _nearest_in(self, collection: str, asked: "_Asked", depth: int, where: Filter | None) -> list[Hit]:
        """From the beginning again where the space is gone by then, as at the end of a switch to another model."""
        for _ in range(ATTEMPTS):
            space = self._spaces.serving(collection, asked.pipeline)
            query = self._query(asked, self._embedder.steps(asked.pipeline, space), space)
            hits = [] if space is None else self._finder.nearest(space, query, depth, where)
            if space is None and collection not in (known := self._records.collections()):
                raise UnknownNameError("collection", collection, known)
            if hits is not None:
                return hits
        raise StoreUnavailableError(f"Collection {collection!r} is being cleared all the time. Try again.")

    def _query(self, asked: "_Asked", steps: Pipeline, space: SpaceRecord | None) -> Vector:
        """Made once for each model."""
        if steps.fingerprint not in asked.queries:
            vectors = [self._vector(example, steps) for example in asked.examples]
            metric = Metric(space.metric) if space else steps.metric or self._metric
            weights = [example.weight for example in asked.examples]
            is_plain = len(vectors) == 1 and weights[0] > 0
            asked.queries[steps.fingerprint] = vectors[0] if is_plain else combined(vectors, weights, metric)
        return asked.queries[steps.fingerprint]

    def _vector(self, example: Example, steps: Pipeline) -> Vector:
        if isinstance(example, StoredExample):
            return self._stored_vector(example, steps)
        if isinstance(example, TextExample):
            return self._extractor.embed_text(example.text, steps)
        image = example.image if example.box is None else self._extractor.part(example.image, example.box)
        return self._extractor.extract_by(image, steps).vector

    def _stored_vector(self, example: StoredExample, steps: Pipeline) -> Vector:
        """By the same model as what is searched: one of the picture's own, where it has two."""
        stored = self._keyed.find(example.collection, example.key)
        if stored.pipeline != steps.name:
            raise VectorMismatchError(
                f"The picture {example.key!r} was imported by pipeline {stored.pipeline!r}. Search with that one, or "
                "by the picture itself."
            )
        for space in self._spaces.of_model(stored.collection, steps):
            _, vectors = self._records.vectors(space.name, as_ids([stored.id]))
            if len(vectors):
                vector: Vector = vectors[0]
                return vector
        if self._keyed.find(example.collection, example.key).id != stored.id:
            return self._stored_vector(example, steps)
        raise VectorMismatchError(
            f"The picture {example.key!r} has no vector of the model that is searched. Search by the picture itself."
        )

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
