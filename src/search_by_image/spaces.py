"""Which vector space a collection's pictures of a pipeline live in."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from search_by_image.errors import VectorMismatchError
from search_by_image.indexed import IndexedSpaces
from search_by_image.locks import in_turn
from search_by_image.pairs import Pair, key_of
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.variants import mismatch
from search_by_image.vectors.base import Metric


class SpaceBook:
    """The spaces by collection and pipeline, created with the first vector.

    `metric` and `dimension` are for pipelines that declare none of their own; `dimension` None: the first vector's.
    """

    def __init__(
        self,
        records: RecordStore,
        indexed: IndexedSpaces,
        *,
        app_name: str,
        metric: Metric,
        dimension: int | None = None,
    ) -> None:
        self._records = records
        self._indexed = indexed
        self._app_name = app_name
        self._metric = metric
        self._dimension = dimension
        self._lock = threading.Lock()

    def pair(self, collection: str, pipeline: str) -> Pair | None:
        """None when nothing was added yet; another process may have created it."""
        known = self._indexed.pair(collection, pipeline)
        if known is None:
            self._indexed.follow()
            known = self._indexed.pair(collection, pipeline)
        return known

    def serving(self, collection: str, pipeline: str) -> SpaceRecord | None:
        """The one that is searched."""
        pair = self.pair(collection, pipeline)
        return None if pair is None else pair.serving

    def of_model(self, collection: str, pipeline: Pipeline) -> list[SpaceRecord]:
        """Those that hold vectors which this pipeline, or variant of one, made."""
        pair = self.pair(collection, pipeline.name)
        known = () if pair is None else (pair.first, pair.second, pair.serving)
        return [space for space in known if space is not None and space.fingerprint == pipeline.fingerprint]

    def find_or_create(
        self, known: SpaceRecord | None, collection: str, pipeline: Pipeline, dimension: int
    ) -> SpaceRecord:
        """`known`: the space for the vector; None: it is the first one there. Raises `VectorMismatchError`."""
        space = known or self._create(collection, pipeline, dimension)
        if space.dimension != dimension:
            raise VectorMismatchError(
                f"Pipeline {pipeline.name!r} made a vector of {dimension} dimensions; "
                f"collection {collection!r} holds vectors of {space.dimension}."
            )
        return space

    def adopt(self, wanted: SpaceRecord) -> SpaceRecord:
        """The space of that collection and pipeline; where there is none, it is created, under a name of our own."""
        key = key_of(wanted)
        with in_turn(self._lock):
            if known := self.serving(*key):
                return known
            self._records.create_collection(wanted.collection)
            for name in self._names(*key):
                space = self._records.create_space(replace(wanted, name=name, index_name=None, role=None))
                if key_of(space) == key:
                    self._indexed.serve(space)
                    return space
        raise AssertionError("names never end")

    def _create(self, collection: str, pipeline: Pipeline, dimension: int) -> SpaceRecord:
        self._check_dimension(pipeline, dimension)
        metric = pipeline.metric or self._metric
        wanted = SpaceRecord("", collection, pipeline.name, dimension, metric, pipeline.fingerprint)
        return _checked(self.adopt(wanted), pipeline)

    def _check_dimension(self, pipeline: Pipeline, dimension: int) -> None:
        expected = pipeline.dimension or self._dimension
        if expected not in (None, dimension):
            where = "the pipeline declares" if pipeline.dimension else "milvus/dimension says"
            raise VectorMismatchError(
                f"Pipeline {pipeline.name!r} made a vector of {dimension} dimensions; {where} {expected}. "
                "Correct the one or the other."
            )

    def _names(self, collection: str, pipeline: str) -> Iterable[str]:
        """The contract's name for a collection's first pipeline, longer ones for those after it."""
        plain = f"{self._app_name}_{collection}"
        yield plain
        yield f"{plain}_{pipeline}"
        number = 2
        while True:
            yield f"{plain}_{pipeline}_{number}"
            number += 1


def _checked(space: SpaceRecord, pipeline: Pipeline) -> SpaceRecord:
    if space.fingerprint != pipeline.fingerprint:
        raise mismatch(space)
    return space
