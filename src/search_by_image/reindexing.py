"""A space's vectors into a new place in the index, with another metric or as the settings want them indexed now.

The old place serves until the new one is filled and found good; then the record of the space is switched, in one step.
Nobody has to stop meanwhile (`indexed.py`). A run that was stopped before the switch has left a place that no record
names: the next run with the same settings goes on there, any other drops it in the end.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from search_by_image.errors import InvalidInputError, StoreError
from search_by_image.indexed import IndexedSpaces
from search_by_image.reconciling import LATER, differences, fill, places_of
from search_by_image.records.base import RecordStore, SpaceRecord
from search_by_image.self_search import SelfSearch, search_for_themselves
from search_by_image.vectors.base import Metric, VectorIndex

FEW = 1000
ROUNDS = 20
SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Reindexed:
    """`kind`: of the new index; `pictures` and `indexed`: how many each store has; `place`: its name in the index."""

    collection: str
    pipeline: str
    place: str
    metric: str
    kind: str
    pictures: int
    indexed: int
    searched: SelfSearch


class Reindex:
    """`indexed`: that of the library whose searches are to follow."""

    def __init__(self, records: RecordStore, index: VectorIndex, indexed: IndexedSpaces) -> None:
        self._records = records
        self._index = index
        self._indexed = indexed

    def run(
        self,
        space: SpaceRecord,
        metric: Metric | None = None,
        *,
        grace: float = 0.0,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Reindexed:
        """Imports and searches go on meanwhile. `metric` None: as it is.

        `grace`: seconds from the switch until the old place is dropped, because other processes may be searching there.
        `on_progress` is told how many of how many vectors are in the new place.

        Raises `InvalidInputError` for a metric that does not go with the vectors, `StoreError` when the new index is
        not good, or when another process cleared the space or built it anew; the old one then serves on.
        """
        new = self._planned(space, metric or space.indexed.metric)
        self._index.open_space(new.indexed)
        self._catch_up(new, on_progress)
        self._index.maintain()
        searched = self._accepted(new)
        began = time.monotonic()
        self._switch(space, new)
        self._indexed.serve(new)
        done = self._told(new, searched)
        time.sleep(grace and grace + 2 * (time.monotonic() - began))
        self._drop_others(new)
        return done

    def _planned(self, space: SpaceRecord, metric: Metric) -> SpaceRecord:
        check_metric(space, metric)
        return replace(space, index_name=next_place(space, metric, self._index.recipe), metric=metric.value)

    def _catch_up(self, new: SpaceRecord, on_progress: Callable[[int, int], None]) -> None:
        """In rounds, until a round finds only a few that others wrote meanwhile."""
        for _ in range(ROUNDS):
            if self._filled(new, on_progress) <= FEW:
                return

    def _filled(self, new: SpaceRecord, on_progress: Callable[[int, int], None]) -> int:
        missing, surplus = differences(self._records, self._index, new)
        self._index.delete(new.indexed.name, surplus)
        before = len(self._index.ids(new.indexed.name))
        total = before + len(missing)
        on_progress(before, total)
        fill(self._records, self._index, new, missing, lambda done: on_progress(before + done, total))
        return len(missing)

    def _accepted(self, new: SpaceRecord) -> SelfSearch:
        ids = np.random.default_rng(0).permutation(self._records.ids(new.name))[:SAMPLE]
        searched = search_for_themselves(self._records, self._index, new, np.sort(ids))
        if searched.wrong or searched.misses_many:
            self._give_up(new)
            raise StoreError(
                f"The new index of collection {new.collection!r} does not find {searched.unreached} of "
                f"{searched.sampled} vectors by themselves, and has {len(searched.wrong)} wrong; it was dropped, and "
                "the old one serves on. Raise vectors/recall_target or milvus/search_params, and run the command again."
            )
        return searched

    def _switch(self, old: SpaceRecord, new: SpaceRecord) -> None:
        if not self._records.replace_space(old, new):
            self._check_same(new)

    def _check_same(self, new: SpaceRecord) -> None:
        """A second run that wanted the same may have been faster."""
        if self._records.space(new.name) != new:
            self._give_up(new)
            raise StoreError(
                f"Another process cleared collection {new.collection!r}, or built its index anew, meanwhile. What it "
                "did counts; the index of this run was dropped."
            )

    def _give_up(self, new: SpaceRecord) -> None:
        if new.indexed.name not in self._named():
            self._index.drop_space(new.indexed.name)

    def _told(self, new: SpaceRecord, searched: SelfSearch) -> Reindexed:
        return Reindexed(
            collection=new.collection,
            pipeline=new.pipeline,
            place=new.indexed.name,
            metric=new.metric,
            kind=self._index.stats(new.indexed.name).kind,
            pictures=len(self._records.ids(new.name)),
            indexed=len(self._index.ids(new.indexed.name)),
            searched=searched,
        )

    def _drop_others(self, new: SpaceRecord) -> None:
        """The old place, and what earlier runs left."""
        for place in places_of(new, self._index.kept()) - self._named():
            self._index.drop_space(place)

    def _named(self) -> set[str]:
        return {space.indexed.name for space in self._records.spaces()}


def check_metric(space: SpaceRecord, metric: Metric) -> None:
    """Raises `InvalidInputError` for a metric of the other kind of vectors."""
    if metric.is_binary != space.indexed.metric.is_binary:
        allowed = ", ".join(one for one in Metric if one.is_binary != metric.is_binary)
        kind = "real numbers" if metric.is_binary else "bits"
        raise InvalidInputError(
            f"Collection {space.collection!r}, pipeline {space.pipeline!r} has vectors of {kind}, which {metric} does "
            f"not compare. Choose one of: {allowed}."
        )


def next_place(space: SpaceRecord, metric: Metric, recipe: str) -> str:
    """The next place's name; the same for every run that wants the same."""
    found = re.fullmatch(rf".*{LATER}(\d+)-[0-9a-f]{{8}}", space.indexed.name, re.DOTALL)
    number = int(found[1]) + 1 if found else 1
    wanted = hashlib.sha256(f"{space.name} {metric} {recipe}".encode()).hexdigest()[:8]
    return f"{space.name}{LATER}{number}-{wanted}"
