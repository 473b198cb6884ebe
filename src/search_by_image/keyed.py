"""Pictures under the caller's own keys: put, changed and removed, each in one step.

An id never changes its content: a change makes a new record, staged until the index has it, and published in the place
of the old one. So an id is also the version of what its key names (`ETag`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from search_by_image.deadline import one_call
from search_by_image.documents import check_document, check_key, merge_patch
from search_by_image.errors import (
    KeyTakenError,
    NotFoundError,
    PreconditionFailedError,
    SearchByImageError,
)
from search_by_image.ids import LONGEST_ID
from search_by_image.pictures import Prepared
from search_by_image.records.base import Match, Publication, Record, RecordStore, SpaceRecord, Stored
from search_by_image.vectors.base import Vector, as_ids
from search_by_image.writing import Writer

ATTEMPTS = 5
Done = TypeVar("Done")
Guard = Callable[[], AbstractContextManager[None]]
Late = Callable[[Sequence[Record]], Callable[[Record, SpaceRecord], Vector | None]]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be there for a change to happen.

    `absent`: nothing; `present`: something; `version`: the record of this id; none of them: whatever is there.
    """

    absent: bool = False
    present: bool = False
    version: int | None = None

    @property
    def is_any(self) -> bool:
        return self == Expected()

    def check(self, key: str, held: Stored | None) -> None:
        """Raises `PreconditionFailedError`."""
        if self.absent and held is not None:
            raise PreconditionFailedError(f"There is a picture {key!r} already (If-None-Match).")
        if self.present and held is None:
            raise PreconditionFailedError(f"There is no picture {key!r} (If-Match).")
        if self.version is not None and (held is None or held.id != self.version):
            raise PreconditionFailedError(f"The picture {key!r} is not the one expected (If-Match). Read it again.")


@dataclass(frozen=True, slots=True)
class Put:
    """`stored`: what is there now; `created`: nothing was there before."""

    stored: Stored
    created: bool


class KeyedPictures:
    """Thread-safe. `guard` is entered around every write; `document_bytes` limits changed documents.

    `store_timeout`: the seconds that a call waits for its stores, in sum.
    """

    def __init__(
        self,
        records: RecordStore,
        writer: Writer,
        guard: Guard,
        *,
        document_bytes: int,
        store_timeout: float,
    ) -> None:
        self._records = records
        self._writer = writer
        self._guard = guard
        self._document_bytes = document_bytes
        self.store_timeout = store_timeout

    @one_call
    def find(self, collection: str, key: str) -> Stored:
        """A picture that was imported without a key goes by its id. Raises `NotFoundError`."""
        held = self._held(collection, [key]).get(key)
        if held is None:
            raise NotFoundError("picture", key, f"collection {collection!r}")
        return held

    @one_call
    def held(self, collection: str, keys: Iterable[str]) -> dict[str, Stored]:
        """What the keys name, of those that name a picture."""
        return self._held(collection, keys)

    @one_call
    def put(self, key: str, picture: Prepared, expected: Expected | None = None) -> Put:
        """The picture and its document, in place of what had the key.

        Raises `PreconditionFailedError`, and `KeyTakenError` when others change the same picture all the time.
        """
        return self.put_many({key: picture}, expected)[key]

    @one_call
    def put_many(self, pictures: Mapping[str, Prepared], expected: Expected | None = None) -> dict[str, Put]:
        """By key; all of one collection. Where it fails, some may be there and others not: put them again."""
        if not pictures:
            return {}
        (collection,) = {picture.collection for picture in pictures.values()}
        expected = expected or Expected()

        def attempt() -> dict[str, Put]:
            held = self._held(collection, pictures)
            for key in pictures:
                expected.check(check_key(key), held.get(key))
            now = datetime.now(UTC)
            made = {
                key: replace(picture.record(0, held[key].created if key in held else now), key=key)
                for key, picture in pictures.items()
            }
            return self._written(
                made, held, lambda records: self._writer.of_images(records, pictures.values()), not expected.is_any
            )

        put = self._repeated(attempt)
        self._writer.tally.add(added=len(put))
        return put

    @one_call
    def change(self, collection: str, key: str, patch: Mapping[str, Any], expected: Expected | None = None) -> Stored:
        """Change the document by a JSON Merge Patch (RFC 7396); the picture's vector stays.

        Raises `NotFoundError`, `PreconditionFailedError`, `InvalidInputError` for what the document would become.
        """
        expected = expected or Expected()

        def attempt() -> Stored:
            held = self.find(collection, key)
            expected.check(key, held)
            document = check_document(merge_patch(held.document, patch), self._document_bytes)
            whole = self._records.read(held.space, as_ids([held.id]))
            if not whole:
                raise KeyTakenError(f"The picture {key!r} was changed meanwhile.")
            made = replace(whole[0], document=document, key=key)
            return self._written({key: made}, {key: held}, lambda _: partial(self._vector_of, held.id), True)[
                key
            ].stored

        return self._repeated(attempt)

    @one_call
    def remove(self, collection: str, key: str, expected: Expected | None = None) -> Stored:
        """Raises `NotFoundError`, `PreconditionFailedError`."""
        with self._guard():
            held = self.find(collection, key)
            (expected or Expected()).check(key, held)
            if not self._writer.remove(Match(ids=(held.id,))):
                raise NotFoundError("picture", key, f"collection {collection!r}")
        return held

    def _repeated(self, attempt: Callable[[], Done]) -> Done:
        """Once more from the start where another call was faster; what it left may be another case."""
        with self._guard():
            for _ in range(ATTEMPTS - 1):
                with suppress(KeyTakenError):
                    return attempt()
            return attempt()

    def _held(self, collection: str, keys: Iterable[str]) -> dict[str, Stored]:
        wanted = list(keys)
        held = self._records.find_keys(collection, wanted)
        numbers = {int(key): key for key in wanted if key not in held and _is_id(key)}
        for id_, stored in self._records.get(numbers).items() if numbers else ():
            if stored.collection == collection and stored.key is None:
                held[numbers[id_]] = stored
        return held

    def _vector_of(self, id_: int, _record: Record, space: SpaceRecord) -> Vector | None:
        """That of the record whose document is changed: it may have got one by another model meanwhile."""
        _, vectors = self._records.vectors(space.name, as_ids([id_]))
        return vectors[0] if len(vectors) else None

    def _written(
        self, made: Mapping[str, Record], held: dict[str, Stored], late: Late, yielding: bool
    ) -> dict[str, Put]:
        """`yielding`: a call that was faster wins (`KeyTakenError`); else its result is replaced in turn.

        `late`: where the records' vectors are from, for `Writer.follow`.
        """
        records = self._writer.numbered(list(made.values()), self._records.stage)
        staged = dict(zip(made, records, strict=True))
        try:
            self._writer.index(records)
            self._writer.follow(records, late(records))
            replaced = self._published(staged, held, yielding=yielding)
        except SearchByImageError:
            self._give_up(staged.values())
            raise
        self._forget_later(replaced.values())
        return {key: Put(Stored.of(record), key not in replaced) for key, record in staged.items()}

    def _published(self, staged: Mapping[str, Record], held: dict[str, Stored], *, yielding: bool) -> dict[str, Stored]:
        """What was replaced, by key. Who changes the same keys at the same time goes first or after."""
        try:
            self._records.publish([_publication(record, held.get(key)) for key, record in staged.items()])
        except KeyTakenError:
            if yielding:
                raise
        else:
            return held
        replaced = {}
        for key, record in staged.items():
            if before := self._published_at_last(key, record):
                replaced[key] = before
        return replaced

    def _published_at_last(self, key: str, record: Record) -> Stored | None:
        for attempt in range(ATTEMPTS):
            held = self._held(record.collection, [key]).get(key)
            if held is not None and held.id == record.id:
                return None
            try:
                self._records.publish([_publication(record, held)])
            except KeyTakenError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return held
        raise AssertionError("the last attempt returns or raises")

    def _give_up(self, staged: Iterable[Record]) -> None:
        self._records.give_up(record.id for record in staged)

    def _forget_later(self, replaced: Iterable[Stored]) -> None:
        """The change counts already; what the index or the records refuse here is done by the maintenance."""
        try:
            self._writer.forget(list(replaced))
        except SearchByImageError as error:
            _logger.warning("A replaced picture is removed later: %s", error)


def _publication(record: Record, held: Stored | None) -> Publication:
    return Publication(record.id, record.collection, str(record.key), None if held is None else held.id)


def _is_id(key: str) -> bool:
    """As `str` writes our ids."""
    return key.isascii() and key.isdecimal() and key[0] != "0" and len(key) <= LONGEST_ID
