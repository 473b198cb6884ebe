"""Which vector space a collection's pictures of a pipeline live in."""

import threading
from collections.abc import Iterable

from search_by_image.errors import VectorMismatchError
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.vectors.base import Metric, Space, VectorIndex, batches, missing_and_surplus

REPLAY_BATCH = 2000


class SpaceBook:
    """The spaces by collection and pipeline: opened at start, created with the first vector.

    `metric` and `dimension` are for pipelines that declare none of their own; `dimension` None: the first vector's.
    """

    def __init__(
        self, records: RecordStore, index: VectorIndex, *, app_name: str, metric: Metric, dimension: int | None = None
    ) -> None:
        self._records = records
        self._index = index
        self._app_name = app_name
        self._metric = metric
        self._dimension = dimension
        self._lock = threading.Lock()
        self._spaces: dict[tuple[str, str], SpaceRecord] = {}

    def open_all(self) -> None:
        """Open every recorded space and bring the index in step with the records."""
        with self._lock:
            for space in self._records.spaces():
                self._open(space)

    def known(self) -> Iterable[SpaceRecord]:
        return tuple(self._spaces.values())

    def find(self, collection: str, pipeline: Pipeline) -> SpaceRecord | None:
        """None when nothing was added yet; raises `VectorMismatchError` when another model made the space's vectors."""
        space = self._spaces.get((collection, pipeline.name))
        if space is not None and space.fingerprint != pipeline.fingerprint:
            raise VectorMismatchError(
                f"The vectors of collection {collection!r} were made by another version of pipeline {pipeline.name!r} "
                "(its model, processors or settings changed) and cannot be compared with new ones. Restore the "
                "pipeline, give the changed one a new name, or import the collection again."
            )
        return space

    def find_or_create(self, collection: str, pipeline: Pipeline, dimension: int) -> SpaceRecord:
        space = self.find(collection, pipeline) or self._create(collection, pipeline, dimension)
        if space.dimension != dimension:
            raise VectorMismatchError(
                f"Pipeline {pipeline.name!r} made a vector of {dimension} dimensions; "
                f"collection {collection!r} holds vectors of {space.dimension}."
            )
        return space

    def forget_all(self) -> None:
        with self._lock:
            for space in self._spaces.values():
                self._index.drop_space(space.name)
            self._spaces = {}

    def _create(self, collection: str, pipeline: Pipeline, dimension: int) -> SpaceRecord:
        self._check_dimension(pipeline, dimension)
        with self._lock:
            if (collection, pipeline.name) in self._spaces:
                return self._spaces[collection, pipeline.name]
            self._records.create_collection(collection)
            metric = pipeline.metric or self._metric
            for name in self._names(collection, pipeline):
                wanted = SpaceRecord(name, collection, pipeline.name, dimension, metric, pipeline.fingerprint)
                space = self._records.create_space(wanted)
                if (space.collection, space.pipeline) == (collection, pipeline.name):
                    self._open(space)
                    return space
        raise AssertionError("names never end")

    def _check_dimension(self, pipeline: Pipeline, dimension: int) -> None:
        expected = pipeline.dimension or self._dimension
        if expected not in (None, dimension):
            where = "the pipeline declares" if pipeline.dimension else "milvus/dimension says"
            raise VectorMismatchError(
                f"Pipeline {pipeline.name!r} made a vector of {dimension} dimensions; {where} {expected}. "
                "Correct the one or the other."
            )

    def _names(self, collection: str, pipeline: Pipeline) -> Iterable[str]:
        """The contract's name for a collection's first pipeline, longer ones for those after it."""
        plain = f"{self._app_name}_{collection}"
        yield plain
        yield f"{plain}_{pipeline.name}"
        number = 2
        while True:
            yield f"{plain}_{pipeline.name}_{number}"
            number += 1

    def _open(self, space: SpaceRecord) -> None:
        self._index.open_space(Space(space.name, space.dimension, Metric(space.metric)))
        self._reconcile(space.name)
        self._spaces[space.collection, space.pipeline] = space

    def _reconcile(self, name: str) -> None:
        missing, surplus = missing_and_surplus(self._records.ids(name), self._index.ids(name))
        self._index.delete(name, surplus)
        for part in batches(missing, REPLAY_BATCH):
            ids, vectors = self._records.vectors(name, part)
            self._index.upsert(name, ids, vectors)
