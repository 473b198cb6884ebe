"""Which vector space a collection's pictures of a pipeline live in."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from search_by_image.errors import VectorMismatchError
from search_by_image.indexed import IndexedSpaces
from search_by_image.locks import in_turn
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import RecordStore, SpaceRecord
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

    def find(self, collection: str, pipeline: Pipeline) -> SpaceRecord | None:
        """None when nothing was added yet; raises `VectorMismatchError` when another model made the space's vectors."""
        space = self._known(collection, pipeline.name)
        return None if space is None else _checked(space, pipeline)

    def find_or_create(self, collection: str, pipeline: Pipeline, dimension: int) -> SpaceRecord:
        space = self.find(collection, pipeline) or self._create(collection, pipeline, dimension)
        if space.dimension != dimension:
            raise VectorMismatchError(
                f"Pipeline {pipeline.name!r} made a vector of {dimension} dimensions; "
                f"collection {collection!r} holds vectors of {space.dimension}."
            )
        return space

    def adopt(self, wanted: SpaceRecord) -> SpaceRecord:
        """The space of that collection and pipeline; where there is none, it is created, under a name of our own."""
        key = wanted.collection, wanted.pipeline
        with in_turn(self._lock):
            if known := self._known(*key):
                return known
            self._records.create_collection(wanted.collection)
            for name in self._names(*key):
                space = self._records.create_space(replace(wanted, name=name, index_name=None))
                if (space.collection, space.pipeline) == key:
                    self._indexed.serve(space)
                    return space
        raise AssertionError("names never end")

    def _known(self, collection: str, pipeline: str) -> SpaceRecord | None:
        """Another process may have created it."""
        known = self._indexed.of(collection, pipeline)
        if known is None:
            self._indexed.follow()
            known = self._indexed.of(collection, pipeline)
        return known

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
        raise VectorMismatchError(
            f"The vectors of collection {space.collection!r} were made by another version of pipeline "
            f"{pipeline.name!r} (its model, processors or settings changed) and cannot be compared with new ones. "
            "Restore the pipeline, give the changed one a new name, or import the collection again."
        )
    return space
