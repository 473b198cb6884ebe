"""A batch of pictures into the library."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from search_by_image.documents import check_document
from search_by_image.errors import PreconditionFailedError, SearchByImageError
from search_by_image.ids import time_of
from search_by_image.jobs.batches import Batch
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import Item
from search_by_image.jobs.job import Counts, Job, OnDuplicate
from search_by_image.jobs.patience import HaltedError, Patience
from search_by_image.keyed import Expected
from search_by_image.library import Library
from search_by_image.pictures import Prepared
from search_by_image.records.base import Stored


class Outcome(StrEnum):
    CREATED = "created"
    REPLACED = "replaced"
    SKIPPED = "skipped"


Result = Outcome | ItemError


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the first items of a batch: all of them, unless the job is to halt."""

    results: tuple[Result, ...]

    @property
    def errors(self) -> list[ItemError]:
        return [result for result in self.results if isinstance(result, ItemError)]

    @property
    def counts(self) -> Counts:
        failed = self.errors
        by_outcome = {outcome.value: self.results.count(outcome) for outcome in Outcome}
        return Counts(**by_outcome, failed=len(failed))


class Numbered(NamedTuple):
    number: int
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Importer:
    """`computing`: entered by each of the workers while it computes a picture.

    `redone_since`, `redone_until`: items up to this number may have been written by this job before its process
    ended, after that time; those are recognised and count as what they were then.
    """

    library: Library
    job: Job
    workers: Executor
    computing: AbstractContextManager[Any]
    patience: Patience
    redone_since: datetime | None = None
    redone_until: int = 0

    def run(self, batch: Batch) -> Imported:
        """Once more changes nothing. Raises `HaltedError` when nothing was done, for the job is to halt."""
        keys = [item.key for item in batch if isinstance(item, Item)]
        held = self.patience.get(lambda: self.library.keyed.held(self.job.collection, keys))
        futures = [self._begin(item, held) for item in batch]
        made = _finished(futures)
        return Imported(tuple(self._written(batch, made)))

    def _begin(self, item: Item | ItemError, held: Mapping[str, Stored]) -> "Future[Prepared | Result]":
        if isinstance(item, ItemError):
            return _known(item)
        before = held.get(item.key)
        if before is not None and self.job.on_duplicate is OnDuplicate.SKIP:
            return _known(self._outcome_of(item, before))
        return self.workers.submit(self._prepare, item, before)

    def _prepare(self, item: Item, before: Stored | None) -> Prepared | Result:
        self.patience.check()
        try:
            image = self.patience.get(item.load)
            document = check_document(item.document, self.library.options.document_bytes)
            if before is not None and self._is_same(before, image, document):
                return self._outcome_of(item, before)
            with self.computing:
                return self.patience.get(lambda: self._prepared(image, document))
        except SearchByImageError as error:
            return ItemError.of(item.number, item.key, error)

    def _prepared(self, image: bytes, document: Mapping[str, Any]) -> Prepared:
        return self.library.prepare(image, document, self.job.pipeline, self.job.collection, pinned=True)

    def _is_same(self, before: Stored, image: bytes, document: Mapping[str, Any]) -> bool:
        return (
            before.pipeline == self.job.pipeline
            and before.sha256 == hashlib.sha256(image).digest()
            and _canonical(before.document) == _canonical(document)
        )

    def _outcome_of(self, item: Item, before: Stored) -> Outcome:
        """Of a picture that is there as it is wanted: skipped, unless it was this job that wrote it."""
        since = self.redone_since
        if since is None or item.number > self.redone_until or time_of(before.id) < since:
            return Outcome.SKIPPED
        return Outcome.CREATED if before.created >= since else Outcome.REPLACED

    def _written(self, batch: Batch, made: Sequence[Prepared | Result]) -> Iterator[Result]:
        new = {
            item.key: Numbered(item.number, found)
            for item, found in zip(batch, made, strict=False)
            if isinstance(item, Item) and isinstance(found, Prepared)
        }
        outcomes = self._put_all(new)
        for item, found in zip(batch, made, strict=False):
            yield outcomes[item.number] if isinstance(found, Prepared) else found

    def _put_all(self, new: Mapping[str, "Numbered"]) -> dict[int, Result]:
        try:
            outcomes = self._put({key: numbered.prepared for key, numbered in new.items()})
        except SearchByImageError:
            return {numbered.number: self._put_one(key, numbered) for key, numbered in new.items()}
        return {numbered.number: outcomes[key] for key, numbered in new.items()}

    def _put_one(self, key: str, numbered: "Numbered") -> Result:
        try:
            return self._put({key: numbered.prepared})[key]
        except PreconditionFailedError:
            return Outcome.SKIPPED
        except SearchByImageError as error:
            return ItemError.of(numbered.number, key, error)

    def _put(self, pictures: Mapping[str, Prepared]) -> dict[str, Outcome]:
        expected = Expected(absent=self.job.on_duplicate is OnDuplicate.SKIP)
        done = self.patience.get(lambda: self.library.keyed.put_many(pictures, expected))
        return {key: Outcome.CREATED if put.created else Outcome.REPLACED for key, put in done.items()}


def _known(result: Result) -> "Future[Prepared | Result]":
    future: Future[Prepared | Result] = Future()
    future.set_result(result)
    return future


def _finished(futures: list["Future[Prepared | Result]"]) -> list[Prepared | Result]:
    """In order, up to the first that was halted."""
    made: list[Prepared | Result] = []
    for future in futures:
        try:
            made.append(future.result())
        except HaltedError:
            break
    return made


def _canonical(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)
