"""What every record store can do. Its records are the truth; the vector index is derived from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, Self

from search_by_image.errors import KeyTakenError, StoreError
from search_by_image.filters import Filter
from search_by_image.records.ledger import Ledger
from search_by_image.records.seconds import Second, SecondVectors
from search_by_image.vectors.base import Ids, Metric, Space, Vector, Vectors

Document = Mapping[str, Any]
Role = Literal["successor", "serving", "final"]
OWN_ID_FIELD = "id"
"""What documents have there, every record store finds by an index."""


class State(StrEnum):
    """Where a record is on its way into both stores and out of them.

    `PENDING`: recorded, the vector index may lack it; `READY`: in both; `REMOVING`: gone for every reader; `STAGED`:
    not there yet for any reader, because it takes another record's place in one step (`RecordStore.publish`).
    """

    STAGED = "staged"
    PENDING = "pending"
    READY = "ready"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True)
class Record:
    """A picture's document and vector. `sha256` is of the picture's bytes, 32 bytes; `space` names the vector space.

    `key`: the caller's own name for the picture, at most one of each in a collection; None: it has none. `second`: its
    vector in the space that is to succeed its own.
    """

    id: int
    collection: str
    pipeline: str
    space: str
    document: Document
    vector: Vector
    sha256: bytes
    created: datetime
    key: str | None = None
    second: Second | None = None

    def by_second(self) -> "Record | None":
        """As it is in the space of its second vector."""
        second = self.second
        return None if second is None else replace(self, space=second.space, vector=second.vector, second=None)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a reader sees of a record: all of it but the vector."""

    id: int
    space: str
    collection: str
    document: Document
    pipeline: str
    sha256: bytes
    created: datetime
    key: str | None = None

    @classmethod
    def of(cls, record: Record) -> Self:
        return cls(
            id=record.id,
            space=record.space,
            collection=record.collection,
            document=record.document,
            pipeline=record.pipeline,
            sha256=record.sha256,
            created=record.created,
            key=record.key,
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """A staged record that is to be seen under `key` in its collection, in place of the record `replaces`.

    `replaces` None: no record may have the key yet.
    """

    id: int
    collection: str
    key: str
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which records: `where` is about their documents; None: any."""

    where: Filter | None = None
    collection: str | None = None
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class SpaceRecord:
    """A vector space; `fingerprint` tells which model and preprocessing made its vectors.

    `index_name` is what the vector index calls it; None, until it is first built anew: as `name`.

    `role` None: pictures have their first vectors in it. One of another model, which is to succeed that of the same
    collection and pipeline, is its "successor", then "serving" in its place until the old one serves again, or "final"
    when that is to go. `variant`: what of the configured pipeline is another for these vectors, as JSON.
    """

    name: str
    collection: str
    pipeline: str
    dimension: int
    metric: str
    fingerprint: str
    index_name: str | None = None
    role: Role | None = None
    variant: str | None = None

    @property
    def indexed(self) -> Space:
        """Where the index keeps its vectors."""
        return Space(self.index_name or self.name, self.dimension, Metric(self.metric))


def key_taken(wanted: Publication) -> KeyTakenError:
    return KeyTakenError(f"The picture {wanted.key!r} of collection {wanted.collection!r} was changed meanwhile.")


def no_longer_staged() -> StoreError:
    """As after a pause of the whole process: other workers take what is staged for long for what a crash left."""
    return StoreError("The picture took too long to be written and was given up. Send it again.")


class RecordStore(Protocol):
    """Thread-safe. Raises `StoreUnavailableError` when the store does not answer, `StoreError` for a refusal."""

    @property
    def ledger(self) -> Ledger:
        """What the service keeps for itself, in the same database; `clear` leaves it as it is."""
        ...

    @property
    def seconds(self) -> SecondVectors:
        """The vectors of pictures in spaces that are to succeed their own."""
        ...

    def create_collection(self, name: str) -> bool:
        """Whether there was none of that name."""
        ...

    def collections(self) -> tuple[str, ...]: ...

    def drop_collection(self, name: str) -> None:
        """Delete the collection and its spaces, then its records, as `clear` does."""
        ...

    def create_space(self, space: SpaceRecord) -> SpaceRecord:
        """Record the space unless one of its name is there; answers with the one that is there."""
        ...

    def spaces(self) -> tuple[SpaceRecord, ...]: ...

    def space(self, name: str) -> SpaceRecord | None:
        """The one of that name as it is now, whichever process changed it; None when there is none."""
        ...

    def replace_space(self, old: SpaceRecord, new: SpaceRecord) -> bool:
        """Change the space, whose name stays; False, and nothing is changed, when it is not as given any more.

        Of several that start from the same record one alone gets True.
        """
        ...

    def drop_space(self, space: SpaceRecord) -> bool:
        """Forget the space, if it is as given still; pictures stay, whichever vectors they have."""
        ...

    def put(self, records: Sequence[Record]) -> None:
        """Durably add the records as pending, all or none.

        Raises `DuplicateIdError` when an id is taken, or a key in its collection.
        """
        ...

    def stage(self, records: Sequence[Record]) -> None:
        """Like `put`, but no reader sees them before `publish`, and their keys count for nothing until then."""
        ...

    def publish(self, publications: Sequence[Publication]) -> None:
        """Durably, in one step for each: the staged record is ready, under its key, and the one it replaces hidden.

        Raises `KeyTakenError` where another record has the key, or the one to be replaced is gone; on a store with
        transactions nothing is published then. Raises `StoreError` for a record that is not staged any more.
        """
        ...

    def give_up(self, ids: Iterable[int]) -> None:
        """Staged records that nobody publishes any more are to be removed; a publication half done is completed."""
        ...

    def find_keys(self, collection: str, keys: Sequence[str]) -> dict[str, Stored]:
        """The records that have these keys, by key."""
        ...

    def settle(self, ids: Iterable[int]) -> None:
        """Mark pending records as ready."""
        ...

    def get(self, ids: Iterable[int]) -> dict[int, Stored]:
        """Those of the ids that exist and are not being removed."""
        ...

    def page(self, match: Match, *, after: int = 0, limit: int, newest_first: bool = False) -> list[Stored]:
        """The next `limit` matching records with an id above `after`, in the order of their ids.

        `newest_first`: those with an id below `after`, the highest first; 0 begins with the highest of all.
        """
        ...

    def offset_page(self, match: Match, *, offset: int, limit: int | None) -> list[Stored]:
        """Like `page`, counted in rows, for callers that number their pages."""
        ...

    def count(self, match: Match) -> int: ...

    def begin_removal(self, match: Match) -> list[Stored]:
        """Durably hide the matching records from readers and answer with them."""
        ...

    def finish_removal(self, ids: Iterable[int]) -> None:
        """Delete records that are being removed."""
        ...

    def find_hashes(self, pipeline: str, hashes: Sequence[bytes]) -> set[tuple[bytes, str]]:
        """The SHA-256 of the pictures among these that the pipeline has processed, each with its collection."""
        ...

    def ids(
        self, space: str, *, where: Filter | None = None, after: int | None = None, limit: int | None = None
    ) -> Ids:
        """Every id of the space that is not being removed, sorted; or the first `limit` above `after` that match.

        A picture is in the spaces of both of its vectors; so it is for the calls below.
        """
        ...

    def vectors(self, space: str, ids: Ids) -> tuple[Ids, Vectors]:
        """The stored vectors, shape (n, dimension), of those of the ids that are not being removed; staged ones too."""
        ...

    def read(self, space: str, ids: Ids) -> list[Record]:
        """Whole records, in the order of their ids: those of the ids in the space that are not being removed.

        Also those that are staged. Read by the space of its second vector, a record is as if that were its only one.
        """
        ...

    def in_state(self, state: State) -> dict[str, Ids]:
        """The ids of the records in the state, by space, each sorted; one may be in two spaces."""
        ...

    def clear(self) -> None:
        """Delete every space and collection, then every record.

        Whoever puts a record meanwhile, and after that still finds its space, has put one that this deletes.
        """
        ...

    def ping(self) -> None:
        """Return when the store answers."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Calls after it raise `StoreError`."""
        ...
