"""Another model for a collection: begun beside the one that serves, promoted, rolled back, and ended.

All of it happens in the record store; services follow it, each in its next round of maintenance. A picture keeps its
id, key and document, and has a vector of both models until the end.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from search_by_image.errors import InvalidInputError, StoreError
from search_by_image.pairs import Key, key_of
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import Match, RecordStore, Role, SpaceRecord
from search_by_image.variant import Variant
from search_by_image.vectors.base import Ids, batches

NEW = "~"
"""After a space's name, before what tells the model apart; collections have none in their names."""
AT_ONCE = 1000
PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Switch:
    """The spaces of one collection and pipeline: the pictures' `own`, and `new`, of the model that is switched to.

    `own` None: a switch that was stopped in its last step.
    """

    own: SpaceRecord | None
    new: SpaceRecord | None

    @property
    def any(self) -> SpaceRecord:
        found = self.own or self.new
        if found is None:
            raise AssertionError("a switch is of a space that is recorded")
        return found

    @property
    def place(self) -> str:
        return f"Collection {self.any.collection!r}, pipeline {self.any.pipeline!r}"


def switches_of(records: RecordStore) -> dict[Key, Switch]:
    """One for each collection and pipeline, whether something is switched there or not."""
    found: dict[Key, Switch] = {}
    for space in records.spaces():
        known = found.get(key_of(space), Switch(None, None))
        found[key_of(space)] = replace(known, own=space) if space.role is None else replace(known, new=space)
    return found


def chosen_switches(records: RecordStore, collection: str, pipeline: str) -> list[Switch]:
    """'' for any. Raises `InvalidInputError` when there are none of that collection and pipeline."""
    every = switches_of(records)
    chosen = [one for key, one in every.items() if collection in ("", key[0]) and pipeline in ("", key[1])]
    if not chosen:
        known = "; ".join(f"{name} ({made_by})" for name, made_by in every) or "none"
        raise InvalidInputError(f"There are no such pictures. Collections, with their pipelines: {known}.")
    return chosen


class ModelSwitch:
    """`grace`: seconds until every process has seen a change of roles, and writes as it says."""

    def __init__(self, records: RecordStore, *, grace: float = 0.0) -> None:
        self._records = records
        self._grace = grace

    def begin(
        self, own: SpaceRecord, pipeline: Pipeline, variant: Variant | None, dimension: int, metric: str
    ) -> SpaceRecord:
        """The space of the new model beside the pictures' own; the one that is there where it was begun before.

        Raises `InvalidInputError` where the vectors are of that model already, or another switch is under way.
        """
        if own.fingerprint == pipeline.fingerprint:
            raise InvalidInputError(f"{Switch(own, None).place} has its vectors from this model already.")
        wanted = SpaceRecord(
            name=f"{own.name.partition(NEW)[0]}{NEW}{pipeline.fingerprint[:16]}",
            collection=own.collection,
            pipeline=own.pipeline,
            dimension=dimension,
            metric=metric,
            fingerprint=pipeline.fingerprint,
            role="successor",
            variant=None if variant is None else variant.model_dump_json(),
        )
        new = self._records.create_space(wanted)
        self._check_alone(new, is_fresh=new == wanted)
        return new

    def missing(self, own: SpaceRecord, new: SpaceRecord) -> Ids:
        """The pictures that have no vector of the new model."""
        return np.setdiff1d(self._records.ids(own.name), self._records.ids(new.name))

    def left_out(self, switch: Switch) -> int:
        """How many pictures `finish` would have to remove: those without a vector of the new model."""
        if switch.own is None or switch.new is None or switch.new.role == "successor":
            return 0
        self._wait_for(switch.own, switch.new)
        return len(self.missing(switch.own, switch.new))

    def promote(self, switch: Switch, *, leave_out: bool = False) -> SpaceRecord:
        """From now on the new model's vectors are searched. `leave_out`: though not every picture has one.

        Raises `InvalidInputError` where there is nothing to be promoted, or a picture has no vector of the new model.
        """
        own, new = _both(switch)
        if new.role == "successor":
            if not leave_out:
                self._wait_for(own, new)
                self._check_complete(switch, own, new)
            new = self._become(new, "serving")
            time.sleep(self._grace)
        return new

    def roll_back(self, switch: Switch) -> SpaceRecord:
        """The old model's vectors are searched again; pictures get both still, so that another promotion may follow."""
        _, new = _both(switch)
        if new.role == "final":
            raise InvalidInputError(f"{switch.place}: the old model's vectors are being deleted. Finish it.")
        return self._become(new, "successor") if new.role == "serving" else new

    def finish(
        self,
        switch: Switch,
        *,
        drop_missing: bool = False,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> int:
        """Keep the new model's vectors alone. What was stopped goes on where it stopped.

        `drop_missing`: remove the pictures that have none; how many these were. Raises `InvalidInputError` where it is
        not promoted, or such pictures are there.
        """
        removed = 0
        new = switch.new
        if new is None or new.role == "successor":
            raise InvalidInputError(f"{switch.place}: no new model serves. Promote it first: search-by-image switch.")
        if switch.own is not None:
            removed += self._complete(switch, switch.own, new, drop_missing)
            new = self._become(new, "final") if new.role == "serving" else new
            time.sleep(self._grace)
            removed += self._complete(switch, switch.own, new, drop_missing)
            self._move(new, on_progress)
            self._forget(switch.own)
        settled = self._become(new, None)
        self._move(settled, on_progress)
        return removed

    def abandon(self, switch: Switch) -> SpaceRecord:
        """Forget the new model's vectors; the old ones are searched already."""
        _, new = _both(switch)
        if new.role != "successor":
            raise InvalidInputError(f"{switch.place}: the new model serves. Roll back first: search-by-image switch.")
        if not self._records.drop_space(new):
            raise _changed(new)
        time.sleep(self._grace)
        for part in batches(self._records.seconds.ids(new.name), AT_ONCE):
            self._records.seconds.drop(new.name, part)
        return new

    def _forget(self, own: SpaceRecord) -> None:
        """As it is recorded now: moving pictures takes long, and other commands may have changed it meanwhile."""
        now = self._records.space(own.name)
        if now is not None and not self._records.drop_space(now):
            raise _changed(own)

    def _check_alone(self, new: SpaceRecord, *, is_fresh: bool) -> None:
        others = [space for space in self._records.spaces() if key_of(space) == key_of(new) and space.role is not None]
        if others == [new]:
            return
        if is_fresh:
            self._records.drop_space(new)
        raise InvalidInputError(
            f"{Switch(new, None).place}: another switch of the model is under way, or not finished. See "
            "search-by-image switch status; then finish it, or roll it back and abandon it."
        )

    def _complete(self, switch: Switch, own: SpaceRecord, new: SpaceRecord, drop_missing: bool) -> int:
        self._wait_for(own, new)
        if not drop_missing:
            self._check_complete(switch, own, new)
            return 0
        missing = tuple(self.missing(own, new).tolist())
        return len(self._records.begin_removal(Match(ids=missing))) if missing else 0

    def _wait_for(self, own: SpaceRecord, new: SpaceRecord) -> None:
        """A picture that is imported right now may get its vector of the new model in a moment."""
        until = time.monotonic() + self._grace
        while len(self.missing(own, new)) and time.monotonic() < until:
            time.sleep(min(PAUSE, self._grace))

    def _check_complete(self, switch: Switch, own: SpaceRecord, new: SpaceRecord) -> None:
        if missing := len(self.missing(own, new)):
            raise InvalidInputError(
                f"{switch.place}: {missing} pictures have no vector of the new model, and would not be found any more. "
                "Run search-by-image reindex --model again, with the same options; what it cannot read, remove "
                "(search-by-image remove), or go on without: --leave-out to promote, --drop-missing to finish."
            )

    def _become(self, space: SpaceRecord, role: Role | None) -> SpaceRecord:
        changed = replace(space, role=role)
        if not self._records.replace_space(space, changed) and self._records.space(space.name) != changed:
            raise _changed(space)
        return changed

    def _move(self, new: SpaceRecord, on_progress: Callable[[int, int], None]) -> None:
        """Until nothing is left that other processes wrote meanwhile."""
        done = 0
        while len(ids := self._records.seconds.ids(new.name)):
            for part in batches(ids, AT_ONCE):
                self._records.seconds.make_first(new.name, part)
                done += len(part)
                on_progress(done, max(done, len(ids)))


def _both(switch: Switch) -> tuple[SpaceRecord, SpaceRecord]:
    if switch.own is None or switch.new is None:
        state = "its last switch is not finished" if switch.own is None else "no switch of the model is under way"
        raise InvalidInputError(f"{switch.place}: {state}. See search-by-image switch status.")
    return switch.own, switch.new


def _changed(space: SpaceRecord) -> StoreError:
    return StoreError(
        f"The space of collection {space.collection!r} was changed by another command. Look, and try again."
    )
