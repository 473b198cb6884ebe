"""A picture's vectors, each by the very model whose space it is for."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from search_by_image.errors import OverloadedError, SearchByImageError, StoreUnavailableError, VectorMismatchError
from search_by_image.extraction import Extractor
from search_by_image.indexed import IndexedSpaces
from search_by_image.pairs import Pair
from search_by_image.pictures import Prepared
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import SpaceRecord
from search_by_image.records.seconds import Second
from search_by_image.spaces import SpaceBook
from search_by_image.variants import Variants
from search_by_image.vectors.base import Vector

ATTEMPTS = 5
SpaceOf = Callable[[Pair], SpaceRecord]
CollectionOf = Callable[[str], str]
"""From what the pipeline says, or the default, to the collection that counts."""
Admit = Callable[[str], None]
"""Hears the collection that counts, and may refuse it by an error of its own."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture's vector, and the space of the collection that it can be compared in; None: there is none yet."""

    collection: str
    steps: Pipeline
    vector: Vector
    space: SpaceRecord | None


@dataclass(frozen=True, slots=True)
class _Ways:
    space_of: SpaceOf
    target: CollectionOf
    admit: Admit


class Embedder:
    """Thread-safe."""

    def __init__(
        self, extractor: Extractor, indexed: IndexedSpaces, spaces: SpaceBook, variants: Variants, *, default: str
    ) -> None:
        self._extractor = extractor
        self._indexed = indexed
        self._spaces = spaces
        self._variants = variants
        self.default = default

    def placed_for_search(self, image: bytes, pipeline: str, collection: str, admit: Admit) -> Placed:
        """Raises `VectorMismatchError`, and what `Extractor.extract` raises."""
        ways = _Ways(lambda pair: pair.serving, str, admit)
        return self._placed(image, pipeline, collection, ways)

    def prepared(
        self,
        image: bytes,
        document: Mapping[str, Any],
        pipeline: str,
        collection: str,
        *,
        target: CollectionOf,
        admit: Admit,
    ) -> Prepared:
        """A picture for an import, with all the vectors that it needs there; its document has been checked."""
        placed = self._placed(image, pipeline, collection, _Ways(lambda pair: pair.first, target, admit))
        space = self._spaces.find_or_create(placed.space, placed.collection, placed.steps, len(placed.vector))
        pair = self._indexed.pair(placed.collection, pipeline)
        second = None if pair is None else pair.second
        vector = None if second is None else self.vector_for(second, image)
        return Prepared(
            pipeline,
            space.name,
            placed.collection,
            document,
            placed.vector,
            hashlib.sha256(image).digest(),
            None if second is None or vector is None else Second(second.name, vector),
            image,
        )

    def steps(self, pipeline: str, space: SpaceRecord | None) -> Pipeline:
        """What makes vectors for the space; None: as configured. Raises `VectorMismatchError`, `ModelError`."""
        return self._extractor.pipeline(pipeline) if space is None else self._variants.of(space)

    def vector_for(self, space: SpaceRecord, image: bytes) -> Vector | None:
        """None where it is left to `reindex --model`: the space is not searched yet, and its model does not work here.

        Raises what goes wrong when the space is searched already, and `OverloadedError`: an upload cannot be had again.
        """
        is_needed = space.role != "successor"
        if not is_needed and self._variants.is_broken(space):
            return None
        try:
            return self._extractor.extract_by(image, self._variants.of(space)).vector
        except OverloadedError:
            raise
        except SearchByImageError as error:
            if is_needed:
                raise
            logger.debug("a picture gets its vector of the new model later: %s", error)
            return None

    def _placed(self, image: bytes, pipeline: str, collection: str, ways: "_Ways") -> Placed:
        """The pipeline says which collection counts, and that in turn which of its models."""
        steps = self._guessed(pipeline, collection or self.default, ways.space_of)
        for _ in range(ATTEMPTS):
            made = self._extractor.extract_by(image, steps, collection)
            found = ways.target(made.collection or self.default)
            ways.admit(found)
            pair = self._spaces.pair(found, pipeline)
            space = None if pair is None else ways.space_of(pair)
            if (needed := self.steps(pipeline, space)).fingerprint == steps.fingerprint:
                return Placed(found, steps, made.vector, space)
            steps = needed
        raise StoreUnavailableError(f"The models of pipeline {pipeline!r} are being switched. Try again.")

    def _guessed(self, pipeline: str, collection: str, space_of: SpaceOf) -> Pipeline:
        pair = self._indexed.pair(collection, pipeline)
        try:
            return self.steps(pipeline, None if pair is None else space_of(pair))
        except VectorMismatchError:
            return self._extractor.pipeline(pipeline)
