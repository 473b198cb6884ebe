"""A library's records into another pair of stores, with their ids and vectors: no model and no picture is needed.

An id that the target has is compared, one that it lacks is written; so a transfer that stopped goes on where it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from sqlalchemy import make_url

from search_by_image.errors import DuplicateIdError, InvalidInputError, StoreError, VectorMismatchError
from search_by_image.indexed import IndexedSpaces
from search_by_image.pairs import serving_of
from search_by_image.reconciling import differences
from search_by_image.records.base import Record, RecordStore, SpaceRecord, State
from search_by_image.settings import Settings
from search_by_image.spaces import SpaceBook
from search_by_image.vectors.base import (
    Ids,
    Metric,
    Neighbour,
    VectorIndex,
    Vectors,
    as_ids,
    batches,
    missing_and_surplus,
)

BATCH = 256
SAMPLE = 100
TOP = 10
LOWEST_OVERLAP = 0.9
"""Two approximate indexes of the same vectors need not agree on every neighbour."""
EQUAL_DISTANCE = 1e-4
MILLISECOND = 0.001


@dataclass(frozen=True, slots=True)
class Progress:
    """How many pictures of all are in the target."""

    done: int
    total: int


class Source(Protocol):
    """What is transferred; a `RecordStore` is one."""

    def collections(self) -> tuple[str, ...]: ...

    def spaces(self) -> tuple[SpaceRecord, ...]: ...

    def ids(self, space: str) -> Ids: ...

    def read(self, space: str, ids: Ids) -> list[Record]: ...


Search = Callable[[SpaceRecord, Vectors, int], list[list[Neighbour]]]
"""The nearest so many of each vector in the space, as the source finds them."""


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """What became of one space; `space` is its name in the target, `overlap` 0..1, None where there are no pictures.

    `pictures` are the source's, `recorded` and `indexed` the target's after the transfer.
    """

    collection: str
    pipeline: str
    space: str
    pictures: int
    copied: int
    recorded: int
    indexed: int
    overlap: float | None

    def problems(self) -> list[str]:
        place = f"Collection {self.collection!r}, pipeline {self.pipeline!r}"
        found = []
        if not self.pictures == self.recorded == self.indexed:
            found.append(
                f"{place}: the source has {self.pictures} pictures, the target's records {self.recorded}, its vector "
                f"index {self.indexed}. Let nothing write to either, and run the command again."
            )
        if self.overlap is not None and self.overlap < LOWEST_OVERLAP:
            found.append(
                f"{place}: of the nearest {TOP} pictures that the source finds, the target finds "
                f"{self.overlap:.0%}; at least {LOWEST_OVERLAP:.0%} are expected. Raise the target's search parameters "
                "(vectors/recall_target, milvus/search_params), and run the command again."
            )
        return found


@dataclass(frozen=True, slots=True)
class _Move:
    """`there`: the ids that the target has already."""

    source: SpaceRecord
    target: SpaceRecord
    ids: Ids
    there: Ids


class Transfer:
    """The target's spaces are named as its `app_name` wants; nobody else may write to it meanwhile."""

    def __init__(
        self, source: Source, search: Search, records: RecordStore, index: VectorIndex, *, app_name: str
    ) -> None:
        self._source = source
        self._search = search
        self._records = records
        self._index = index
        self._indexed = IndexedSpaces(records, index)
        self._book = SpaceBook(records, self._indexed, app_name=app_name, metric=Metric.COSINE)

    def run(self, on_progress: Callable[[Progress], None] = lambda _: None) -> list[SpaceReport]:
        """Raises `StoreError` for a target that holds other pictures than the source in one of the source's spaces."""
        self._recover()
        for collection in self._source.collections():
            self._records.create_collection(collection)
        moves = [self._planned(space) for space in serving_of(self._source.spaces())]
        self._move_all(moves, on_progress)
        self._index.maintain()
        return [self._verified(move) for move in moves]

    def _recover(self) -> None:
        """What an interrupted run left is finished; afterwards index and records hold the same."""
        self._indexed.open_all()
        for removing in self._records.in_state(State.REMOVING).values():
            self._records.finish_removal(removing)
        for pending in self._records.in_state(State.PENDING).values():
            self._records.settle(pending)

    def _planned(self, source: SpaceRecord) -> _Move:
        target = self._book.adopt(source)
        if replace(target, name=source.name, index_name=source.index_name, role=source.role) != source:
            raise VectorMismatchError(
                f"The target's collection {target.collection!r} has vectors of pipeline {target.pipeline!r} that were "
                f"made in another way ({_traits(target)}, in the source {_traits(source)}). Use an empty target."
            )
        ids, there = self._source.ids(source.name), self._records.ids(target.name)
        _, surplus = missing_and_surplus(ids, there)
        if len(surplus):
            raise StoreError(
                f"The target's collection {target.collection!r} has pictures of its own ({len(surplus)}, such as id "
                f"{surplus[0]}) that the source does not have. Use an empty target, or one that an earlier run filled."
            )
        return _Move(source, target, ids, there)

    def _move_all(self, moves: Sequence[_Move], on_progress: Callable[[Progress], None]) -> None:
        done, total = 0, sum(len(move.ids) for move in moves)
        on_progress(Progress(done, total))
        for move in moves:
            for part in batches(move.ids, BATCH):
                self._move(move, part)
                done += len(part)
                on_progress(Progress(done, total))

    def _move(self, move: _Move, ids: Ids) -> None:
        wanted = [
            replace(record, space=move.target.name, second=None) for record in self._source.read(move.source.name, ids)
        ]
        there = {record.id: record for record in self._records.read(move.target.name, np.intersect1d(ids, move.there))}
        for record in wanted:
            if record.id in there and not _is_same(record, there[record.id]):
                raise _taken(record.id)
        self._add(move.target, [record for record in wanted if record.id not in there])

    def _add(self, space: SpaceRecord, fresh: Sequence[Record]) -> None:
        if not fresh:
            return
        ids = as_ids(record.id for record in fresh)
        try:
            self._records.put(fresh)
        except DuplicateIdError as error:
            taken = self._records.get(ids)
            raise _taken(min(taken, default=int(ids[0]))) from error
        self._indexed.add(space.name, fresh)
        self._records.settle(ids)

    def _verified(self, move: _Move) -> SpaceReport:
        source, target = move.source, move.target
        return SpaceReport(
            collection=target.collection,
            pipeline=target.pipeline,
            space=target.name,
            pictures=len(self._source.ids(source.name)),
            copied=len(np.setdiff1d(move.ids, move.there)),
            recorded=len(self._records.ids(target.name)),
            indexed=len(self._index.ids(target.indexed.name)),
            overlap=self._overlap(move),
        )

    def _overlap(self, move: _Move) -> float | None:
        chosen = np.random.default_rng(0).permutation(move.ids)[:SAMPLE]
        sample = [record.vector for record in self._source.read(move.source.name, chosen)]
        if not sample:
            return None
        expected = self._search(move.source, np.stack(sample), TOP)
        found = [self._index.search(move.target.indexed.name, vector, TOP) for vector in sample]
        return float(np.mean([overlap(one, other) for one, other in zip(expected, found, strict=True)]))


def overlap(expected: Sequence[Neighbour], found: Sequence[Neighbour]) -> float:
    """The share of the expected neighbours that were found; one as far away as the farthest stands for any such."""
    if not expected:
        return 0.0
    ids, farthest = {neighbour.id for neighbour in expected}, expected[-1].distance
    tolerance = EQUAL_DISTANCE * max(1.0, farthest)
    agreed = [one for one in found if one.id in ids or abs(one.distance - farthest) <= tolerance]
    return min(1.0, len(agreed) / len(expected))


def search_of(records: RecordStore, index: VectorIndex) -> Search:
    """How a library finds; its spaces are opened, and nothing is written to either store.

    Raises `StoreError` when the index is behind the records, as after a crash.
    """
    for space in serving_of(records.spaces()):
        index.open_space(space.indexed)
        missing, surplus = differences(records, index, space)
        if len(missing) or len(surplus):
            raise StoreError(
                f"The source's vector index lacks {len(missing)} pictures of collection {space.collection!r} and has "
                f"{len(surplus)} that are removed. Open the library once, which mends that (search-by-image info "
                "--config with its settings), and run the command again."
            )
    return lambda space, vectors, top_k: [index.search(space.indexed.name, vector, top_k) for vector in vectors]


def check_apart(source: Settings, target: Settings) -> None:
    """Raises `InvalidInputError` when both settings name a store that can serve only one of them."""
    if _records_place(source) == _records_place(target):
        raise InvalidInputError(
            "Both settings name the same record store (records/url, mongodb/host). Give the target one of its own; to "
            "change the vector index alone, change the settings and start: it is filled from the records."
        )
    if _index_place(source) == _index_place(target):
        raise InvalidInputError(
            "Both settings name the same vector index. Give the target another vectors/path, or, in the same Milvus, "
            "another search_config/app_name."
        )


def sqlite_file(settings: Settings) -> Path | None:
    """None where the record store is another."""
    url = make_url(settings.records.url)
    if settings.uses_mongodb or url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).resolve()


def _records_place(settings: Settings) -> tuple[object, ...]:
    if settings.mongodb is not None and settings.uses_mongodb:
        return settings.mongodb.host, settings.mongodb.port, settings.mongodb.auth_source
    url = make_url(settings.records.url)
    return url.get_backend_name(), url.host, url.port, sqlite_file(settings) or url.database


def _index_place(settings: Settings) -> tuple[object, ...]:
    milvus = settings.milvus
    if milvus.file is not None:
        return (milvus.file,)
    if settings.uses_milvus:
        return milvus.uri or (milvus.host, milvus.port), milvus.db_name, settings.search_config.app_name
    return (settings.vectors.path.resolve(),)


def _is_same(one: Record, other: Record) -> bool:
    """Times are compared to the millisecond: MongoDB keeps no more."""
    return (
        (one.collection, one.pipeline, one.sha256, one.key, one.document)
        == (other.collection, other.pipeline, other.sha256, other.key, other.document)
        and abs((one.created - other.created).total_seconds()) < MILLISECOND
        and np.array_equal(one.vector, other.vector)
    )


def _taken(id_: int) -> StoreError:
    return StoreError(f"The target holds another picture under the id {id_}. Use an empty target.")


def _traits(space: SpaceRecord) -> str:
    return f"{space.dimension} dimensions, {space.metric}, fingerprint {space.fingerprint}"
