"""What stopped between the two stores is finished: after a crash, an outage, or in a process that is gone."""

from search_by_image.ids import id_at
from search_by_image.indexed import IndexedSpaces
from search_by_image.records.base import RecordStore, State

STUCK_AFTER_MS = 60_000
"""No call works as long on a picture: what is pending longer was left by a process that is gone."""


def finish_what_stopped(
    records: RecordStore, indexed: IndexedSpaces, *, staged_ms_ago: int, pending_ms_ago: int
) -> None:
    """`..._ms_ago`: how old what is staged or pending must be, so that nobody works on it any more."""
    finish_publications(records, older_than_ms=staged_ms_ago)
    finish_removals(records, indexed)
    finish_additions(records, indexed, older_than_ms=pending_ms_ago)


def finish_removals(records: RecordStore, indexed: IndexedSpaces) -> None:
    """A record is deleted when no space has it any more."""
    removing = records.in_state(State.REMOVING)
    for space, ids in removing.items():
        indexed.delete(space, ids)
    for ids in removing.values():
        records.finish_removal(ids)


def finish_publications(records: RecordStore, *, older_than_ms: int) -> None:
    """Staged records that nobody works on any more were never acknowledged."""
    newest = id_at(milliseconds_ago=older_than_ms)
    for staged in records.in_state(State.STAGED).values():
        records.give_up(int(id_) for id_ in staged[staged < newest])


def finish_additions(records: RecordStore, indexed: IndexedSpaces, *, older_than_ms: int) -> None:
    """Pending records that nobody works on any more: given to the index again and settled.

    Those of a space that is not recorded are left alone: nothing says how they were made.
    """
    newest = id_at(milliseconds_ago=older_than_ms)
    known = {space.name for space in indexed.served()}
    pending = {space: ids[ids < newest] for space, ids in records.in_state(State.PENDING).items() if space in known}
    for space, ids in pending.items():
        indexed.add(space, records.read(space, ids))
    for ids in pending.values():
        records.settle(ids)
