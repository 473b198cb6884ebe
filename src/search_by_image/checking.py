"""Whether the two stores of a library agree, and how they are mended.

Other processes may write meanwhile: where something differs it is looked at a second time, and counts if it still does.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from search_by_image.ids import id_at
from search_by_image.indexed import IndexedSpaces
from search_by_image.reconciling import differences, fill
from search_by_image.records.base import Match, RecordStore, SpaceRecord, State
from search_by_image.recovery import STUCK_AFTER_MS, finish_what_stopped
from search_by_image.self_search import SelfSearch, search_for_themselves
from search_by_image.vectors.base import Ids, VectorIndex, as_ids

SAMPLE = 1000
Look = Callable[[], tuple[Ids, ...]]


@dataclass(frozen=True, slots=True)
class SpaceCheck:
    """`recorded` and `indexed`: pictures in each store; `pending` and `removing`: those that were left half done.

    `role`: of a model that is switched to (`SpaceRecord`).
    """

    collection: str
    pipeline: str
    space: str
    role: str | None
    recorded: int
    indexed: int
    missing: int
    surplus: int
    pending: int
    removing: int
    searched: SelfSearch

    def problems(self) -> list[str]:
        told = (self._differing(), self._unsettled(), self._wrong(), self._unreached())
        return [f"Collection {self.collection!r}, pipeline {self.pipeline!r}: {text}" for text in told if text]

    def _differing(self) -> str:
        if not self.missing and not self.surplus:
            return ""
        return f"the vector index lacks {self.missing} pictures, and has {self.surplus} that are not recorded."

    def _unsettled(self) -> str:
        if not self.pending and not self.removing:
            return ""
        return f"{self.pending} pictures are half imported, {self.removing} half removed."

    def _wrong(self) -> str:
        searched = self.searched
        if not searched.wrong:
            return ""
        some = ", ".join(map(str, searched.wrong[:3]))
        return f"the index has another vector of {len(searched.wrong)} of {searched.sampled} pictures (ids {some}...)."

    def _unreached(self) -> str:
        searched = self.searched
        if not searched.misses_many:
            return ""
        return (
            f"the index does not find {searched.unreached} of {searched.sampled} vectors by themselves. Raise "
            "vectors/recall_target or milvus/search_params, or build it anew: search-by-image reindex."
        )


@dataclass(frozen=True, slots=True)
class Check:
    """`unnamed`: what the index keeps and no record names. `spaceless`: pictures of spaces that are not recorded."""

    spaces: tuple[SpaceCheck, ...]
    unnamed: tuple[str, ...]
    spaceless: int

    def problems(self) -> list[str]:
        found = [problem for space in self.spaces for problem in space.problems()]
        if self.spaceless:
            found.append(
                f"{self.spaceless} pictures are of a vector space that is not recorded, as after a `clear` that was "
                "interrupted: they are listed and never found. Only removing them helps: search-by-image remove."
            )
        return found


class Checker:
    """`sample`: how many vectors of each space are searched for, None: all. `pause`: seconds before a second look.

    `stuck_after_ms`: what is pending for less may be another process's, which still works on it.
    """

    def __init__(
        self,
        records: RecordStore,
        index: VectorIndex,
        *,
        app_name: str,
        sample: int | None = SAMPLE,
        pause: float = 1.0,
        stuck_after_ms: int = STUCK_AFTER_MS,
    ) -> None:
        self._records = records
        self._index = index
        self._app_name = app_name
        self._sample = sample
        self._pause = pause
        self._stuck_after_ms = stuck_after_ms

    def run(self, on_progress: Callable[[int, int], None] = lambda _done, _total: None) -> Check:
        """Writes to neither store. `on_progress` is told how many of how many vectors were searched for."""
        spaces, kept = self._records.spaces(), self._index.kept()
        chosen = {space.name: self._chosen(space) for space in spaces if space.indexed.name in kept}
        done, total = 0, sum(map(len, chosen.values()))
        found = []
        for space in spaces:
            ids = chosen.get(space.name, as_ids(()))
            show = partial(_show, on_progress, done, total)
            found.append(self._checked(space, ids, show) if space.name in chosen else self._without_index(space))
            done += len(ids)
        return Check(tuple(found), self._unnamed(spaces, kept), self._spaceless(spaces))

    def repair(self, check: Check) -> None:
        """Mend what was found; other processes may go on meanwhile."""
        indexed = IndexedSpaces(self._records, self._index)
        indexed.open_all()
        age = self._stuck_after_ms
        finish_what_stopped(self._records, indexed, staged_ms_ago=age, pending_ms_ago=age)
        wrong = {space.space: as_ids(space.searched.wrong) for space in check.spaces}
        for space in indexed.served():
            ids = wrong.get(space.name, as_ids(()))
            self._index.delete(space.indexed.name, ids)
            fill(self._records, self._index, space, ids)

    def _chosen(self, space: SpaceRecord) -> Ids:
        ids = self._records.ids(space.name)
        return np.sort(np.random.default_rng(0).permutation(ids)[: self._sample])

    def _checked(self, space: SpaceRecord, ids: Ids, on_progress: Callable[[int], None]) -> SpaceCheck:
        self._index.open_space(space.indexed)
        missing, surplus = self._twice(partial(differences, self._records, self._index, space))
        searched = search_for_themselves(self._records, self._index, space, ids, on_progress)
        return self._told(space, len(self._index.ids(space.indexed.name)), len(missing), len(surplus), searched)

    def _without_index(self, space: SpaceRecord) -> SpaceCheck:
        return self._told(space, 0, len(self._records.ids(space.name)), 0, SelfSearch(0, (), 0))

    def _told(self, space: SpaceRecord, indexed: int, missing: int, surplus: int, searched: SelfSearch) -> SpaceCheck:
        pending, removing = self._twice(partial(self._unsettled, space.name))
        return SpaceCheck(
            collection=space.collection,
            pipeline=space.pipeline,
            space=space.name,
            role=space.role,
            recorded=len(self._records.ids(space.name)),
            indexed=indexed,
            missing=missing,
            surplus=surplus,
            pending=len(pending),
            removing=len(removing),
            searched=searched,
        )

    def _twice(self, look: Look) -> tuple[Ids, ...]:
        """What is found now and a moment later."""
        found = look()
        if not any(map(len, found)):
            return found
        time.sleep(self._pause)
        return tuple(np.intersect1d(one, other) for one, other in zip(found, look(), strict=True))

    def _unsettled(self, name: str) -> tuple[Ids, Ids]:
        nothing, newest = as_ids(()), id_at(milliseconds_ago=self._stuck_after_ms)
        states = (State.PENDING, State.STAGED)
        pending = np.concatenate([self._records.in_state(state).get(name, nothing) for state in states])
        return pending[pending < newest], self._records.in_state(State.REMOVING).get(name, nothing)

    def _unnamed(self, spaces: tuple[SpaceRecord, ...], kept: tuple[str, ...]) -> tuple[str, ...]:
        named = {space.indexed.name for space in spaces}
        return tuple(place for place in kept if place.startswith(f"{self._app_name}_") and place not in named)

    def _spaceless(self, spaces: tuple[SpaceRecord, ...]) -> int:
        """To read every record's space would take long: it is done only where the numbers differ."""
        known = {space.name for space in spaces}
        firsts = [space.name for space in spaces if space.role in (None, "final")]
        if self._records.count(Match()) <= sum(len(self._records.ids(name)) for name in firsts):
            return 0
        by_space = [self._records.in_state(state) for state in (State.READY, State.PENDING)]
        there = {id_ for found in by_space for name, ids in found.items() if name in known for id_ in ids.tolist()}
        return len({id_ for found in by_space for ids in found.values() for id_ in ids.tolist()} - there)


def _show(on_progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    on_progress(before + done, total)
