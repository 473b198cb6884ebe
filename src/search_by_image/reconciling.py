"""The index in step with the records: a space's ids that it lacks are given to it, others taken away."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from search_by_image.records.base import Record, RecordStore, SpaceRecord, State
from search_by_image.vectors.base import Ids, VectorIndex, as_ids, batches, missing_and_surplus

REPLAY_BATCH = 2000
LATER = "@"
"""After a space's name, before what tells its later places apart; collections have none in their names."""


def places_of(space: SpaceRecord, kept: Iterable[str]) -> set[str]:
    """Where the index has, had, or is about to have the space's vectors; `kept`: all places that the index keeps."""
    return {space.name, space.indexed.name, *(place for place in kept if place.startswith(space.name + LATER))}


def index_records(index: VectorIndex, place: str, records: Sequence[Record]) -> None:
    """Give the vectors and documents of one space's records to its place in the index."""
    if records:
        ids, documents = as_ids(record.id for record in records), [record.document for record in records]
        index.upsert(place, ids, np.stack([record.vector for record in records]), documents)


def differences(records: RecordStore, index: VectorIndex, space: SpaceRecord) -> tuple[Ids, Ids]:
    """The ids that the index lacks, and those it should not have.

    The index is asked first: what another process adds meanwhile is never surplus. What is staged may be published
    before anybody looks again, so the index is to hold it.
    """
    indexed = index.ids(space.indexed.name)
    return missing_and_surplus(_to_be_indexed(records, space), indexed)


def reconcile(records: RecordStore, index: VectorIndex, space: SpaceRecord, *, most: int | None = None) -> None:
    """Make the index hold what is recorded of the space, or `most` more of it. Other processes may write meanwhile."""
    missing, surplus = differences(records, index, space)
    index.delete(space.indexed.name, surplus)
    fill(records, index, space, missing[:most])


def fill(
    records: RecordStore,
    index: VectorIndex,
    space: SpaceRecord,
    ids: Ids,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Give the index those of the ids that are recorded, and take back what was removed while they were given.

    `on_progress` is told how many of them were looked at.
    """
    place = space.indexed.name
    for number, part in enumerate(batches(ids, REPLAY_BATCH)):
        index_records(index, place, records.read(space.name, part))
        on_progress(number * REPLAY_BATCH + len(part))
    if len(ids):
        index.delete(place, np.setdiff1d(ids, _to_be_indexed(records, space)))


def _to_be_indexed(records: RecordStore, space: SpaceRecord) -> Ids:
    """Staged ones are read first: what is published meanwhile is then in both."""
    staged = records.in_state(State.STAGED).get(space.name, as_ids(()))
    return np.union1d(staged, records.ids(space.name))
