"""Which vector space a collection's pictures of a pipeline live in."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from search_by_image.errors import VectorMismatchError
from search_by_image.locks import in_turn
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import Record, RecordStore, SpaceRecord
from search_by_image.vectors.base import Metric, Space, VectorIndex, as_ids, batches, missing_and_surplus

REPLAY_BATCH = 2000


def index_records(index: VectorIndex, space: str, records: Sequence[Record]) -> None:
    """Give the vectors and documents of one space's records to the index."""
    if records:
        ids, documents = as_ids(record.id for record in records), [record.document for record in records]
        index.upsert(space, ids, np.stack([record.vector for record in records]), documents)


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
        with in_turn(self._lock):
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
        with in_turn(self._lock):
            for space in self._spaces.values():
                self._index.drop_space(space.name)
            self._spaces = {}

    def _create(self, collection: str, pipeline: Pipeline, dimension: int) -> SpaceRecord:
        self._check_dimension(pipeline, dimension)
        metric = pipeline.metric or self._metric
        return self.adopt(SpaceRecord("", collection, pipeline.name, dimension, metric, pipeline.fingerprint))

    def adopt(self, wanted: SpaceRecord) -> SpaceRecord:
        """The space of that collection and pipeline; where there is none, it is created, under a name of our own."""
        key = wanted.collection, wanted.pipeline
        with in_turn(self._lock):
            if key in self._spaces:
                return self._spaces[key]
            self._records.create_collection(wanted.collection)
            for name in self._names(*key):
                space = self._records.create_space(replace(wanted, name=name))
                if (space.collection, space.pipeline) == key:
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

    def _names(self, collection: str, pipeline: str) -> Iterable[str]:
        """The contract's name for a collection's first pipeline, longer ones for those after it."""
        plain = f"{self._app_name}_{collection}"
        yield plain
        yield f"{plain}_{pipeline}"
        number = 2
        while True:
            yield f"{plain}_{pipeline}_{number}"
            number += 1

    def _open(self, space: SpaceRecord) -> None:
        self._index.open_space(Space(space.name, space.dimension, Metric(space.metric)))
        self._reconcile(space.name)
        self._spaces[space.collection, space.pipeline] = space

    def _reconcile(self, name: str) -> None:
        """The index's ids are read first: what another process adds meanwhile is then missing, never surplus."""
        indexed = self._index.ids(name)
        missing, surplus = missing_and_surplus(self._records.ids(name), indexed)
        self._index.delete(name, surplus)
        for part in batches(missing, REPLAY_BATCH):
            index_records(self._index, name, self._records.read(name, part))
