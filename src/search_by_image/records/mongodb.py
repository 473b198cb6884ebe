"""Records in MongoDB through pymongo.

A document is kept as its JSON text, which no rule about names and types can change, and beside it the terms that it
can be found by. `id` repeats `_id`: not every server that speaks MongoDB's protocol takes `_id` into an index with
other fields.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from uuid import uuid4

import numpy as np

from search_by_image.errors import StoreError
from search_by_image.filters import Filter
from search_by_image.outage import Outage
from search_by_image.records.base import Match, Publication, Record, SpaceRecord, State, Stored
from search_by_image.records.ledger import Ledger
from search_by_image.records.mongodb_client import (
    Option,
    Row,
    assured,
    database_name,
    open_client,
    translated,
    watched,
)
from search_by_image.records.mongodb_filters import query_of
from search_by_image.records.mongodb_inserts import insert_all, insert_in_transaction, insert_unless_there
from search_by_image.records.mongodb_keys import (
    NOT_HIDDEN,
    VISIBLE,
    complete_those_that_replace,
    give_up,
    publish,
    slots_of,
)
from search_by_image.records.mongodb_ledger import MongoLedger
from search_by_image.records.mongodb_rows import STORED, record_of, row_of, slot_field, space_of, stored_of
from search_by_image.records.mongodb_seconds import MongoSecondVectors
from search_by_image.records.mongodb_upgrade import upgrade
from search_by_image.records.seconds import SecondVectors
from search_by_image.vectors.base import Ids, Vectors, as_ids, batches

AT_ONCE = 1000
VECTOR_OF = {"second_space": {"second_vector": 1}, "space": {"vector": 1}}
SPACES = VECTOR_OF.keys()
"""In this order: a second vector that becomes the first meanwhile is then in the one or in both."""
INDEXES = (
    ("pipeline", "sha256"),
    ("collection", "state", "id"),
    ("space", "state", "id"),
    ("state", "id"),
    ("terms", "id"),
    ("form", "id"),
)


class MongoRecordStore:
    """A `RecordStore` over one `pymongo.MongoClient`, whose options these are; `host` may be a `mongodb://` URI.

    On a replica set a batch is put in a transaction. A single server has none: a batch that fails is taken out again,
    and what a crash leaves of one is pending, as if it had been put alone.
    """

    def __init__(self, options: Mapping[str, Option], *, database: str = "") -> None:
        self._closed = False
        self._client = open_client(options)
        self._outage = Outage("The record store (MongoDB)")
        try:
            with translated():
                self._open(database or database_name(options))
        except StoreError:
            self.close()
            raise

    def _open(self, name: str) -> None:
        database, self._has_transactions = assured(self._client, name)
        self._images = database["images"]
        self._spaces = database["spaces"]
        self._collections = database["collections"]
        self.ledger: Ledger = MongoLedger(database["ledger"], self._connected)
        self.seconds: SecondVectors = MongoSecondVectors(self._images, self._connected)
        for fields in INDEXES:
            self._images.create_index([(field, 1) for field in fields])
        self._images.create_index([("slot", 1)], unique=True, sparse=True)
        self._images.create_index([("second_space", 1)], sparse=True)
        upgrade(self._images)

    def create_collection(self, name: str) -> bool:
        with self._connected():
            found = self._collections.find_one({"_id": name})
            insert_unless_there(self._collections, {"_id": name})
        return found is None

    def collections(self) -> tuple[str, ...]:
        with self._connected():
            return tuple(row["_id"] for row in self._collections.find().sort("_id", 1))

    def drop_collection(self, name: str) -> None:
        with self._connected():
            self._spaces.delete_many({"collection": name})
            self._collections.delete_one({"_id": name})
            for among in self._parts_of({"collection": name}):
                self._images.delete_many({"_id": among})

    def create_space(self, space: SpaceRecord) -> SpaceRecord:
        with self._connected():
            return space_of(insert_unless_there(self._spaces, {"_id": space.name, **asdict(space)}))

    def spaces(self) -> tuple[SpaceRecord, ...]:
        with self._connected():
            return tuple(space_of(row) for row in self._spaces.find().sort("_id", 1))

    def space(self, name: str) -> SpaceRecord | None:
        with self._connected():
            row = self._spaces.find_one({"_id": name})
        return None if row is None else space_of(row)

    def replace_space(self, old: SpaceRecord, new: SpaceRecord) -> bool:
        """None also matches a field that is not there: spaces of version 0.1 have no `index_name`."""
        with self._connected():
            return self._spaces.update_one({"_id": old.name, **asdict(old)}, {"$set": asdict(new)}).matched_count == 1

    def drop_space(self, space: SpaceRecord) -> bool:
        with self._connected():
            return self._spaces.delete_one({"_id": space.name, **asdict(space)}).deleted_count == 1

    def put(self, records: Sequence[Record]) -> None:
        self._insert([row_of(record) | slot_field(record) | {"state": State.PENDING.value} for record in records])

    def stage(self, records: Sequence[Record]) -> None:
        self._insert([row_of(record) | {"state": State.STAGED.value} for record in records])

    def publish(self, publications: Sequence[Publication]) -> None:
        with self._connected():
            for publication in publications:
                publish(self._images, publication)

    def give_up(self, ids: Iterable[int]) -> None:
        with self._connected():
            for id_ in ids:
                give_up(self._images, id_)

    def find_keys(self, collection: str, keys: Sequence[str]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = slots_of(collection, keys[start : start + AT_ONCE])
            found.update((str(stored.key), stored) for stored in self._fetch({"slot": part, "state": VISIBLE}))
        return found

    def _insert(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        batch = uuid4().hex
        rows = [row | {"batch": batch} for row in rows]
        insert = insert_in_transaction if self._has_transactions else insert_all
        with self._connected():
            insert(self._images, rows)

    def settle(self, ids: Iterable[int]) -> None:
        with self._connected():
            for among in _parts(ids):
                pending = {"_id": among, "state": State.PENDING.value}
                self._images.update_many(pending, {"$set": {"state": State.READY.value}})

    def get(self, ids: Iterable[int]) -> dict[int, Stored]:
        with self._connected():
            rows = [row for among in _parts(ids) for row in self._images.find({"_id": among, "state": VISIBLE}, STORED)]
        return {row["_id"]: stored_of(row) for row in rows}

    def page(self, match: Match, *, after: int = 0, limit: int, newest_first: bool = False) -> list[Stored]:
        beyond = {"id": {"$lt" if newest_first else "$gt": after}} if after or not newest_first else {}
        return self._fetch(_matching(match) | beyond, limit=limit, order=-1 if newest_first else 1)

    def offset_page(self, match: Match, *, offset: int, limit: int | None) -> list[Stored]:
        return self._fetch(_matching(match), offset=offset, limit=limit)

    def count(self, match: Match) -> int:
        with self._connected():
            return self._images.count_documents(_matching(match))

    def begin_removal(self, match: Match) -> list[Stored]:
        """Each record is in the answer of one caller: the one whose mark it bears."""
        removal = uuid4().hex
        hidden = {"$set": {"state": State.REMOVING.value, "removal": removal}, "$unset": {"slot": ""}}
        with self._connected():
            for among in self._parts_of(_matching(match)):
                self._images.update_many({"_id": among, "state": NOT_HIDDEN}, hidden)
        return self._fetch({"state": State.REMOVING.value, "removal": removal})

    def finish_removal(self, ids: Iterable[int]) -> None:
        with self._connected():
            for among in _parts(ids):
                complete_those_that_replace(self._images, among)
                self._images.delete_many({"_id": among, "state": State.REMOVING.value})

    def find_hashes(self, pipeline: str, hashes: Sequence[bytes]) -> set[tuple[bytes, str]]:
        found: set[tuple[bytes, str]] = set()
        with self._connected():
            for start in range(0, len(hashes), AT_ONCE):
                part = [sha256.hex() for sha256 in hashes[start : start + AT_ONCE]]
                known = {"pipeline": pipeline, "sha256": {"$in": part}, "state": VISIBLE}
                rows = self._images.find(known, {"sha256": 1, "collection": 1})
                found.update((bytes.fromhex(row["sha256"]), row["collection"]) for row in rows)
        return found

    def ids(
        self, space: str, *, where: Filter | None = None, after: int | None = None, limit: int | None = None
    ) -> Ids:
        if limit == 0:
            return as_ids([])
        query = _matching(Match(where)) | ({} if after is None else {"id": {"$gt": after}})
        with self._connected():
            found = [
                self._images.find(query | {field: space}, {"_id": 0, "id": 1}).sort("id", 1).limit(limit or 0)
                for field in SPACES
            ]
            return np.union1d(*(as_ids(row["id"] for row in rows) for rows in found))[:limit]

    def vectors(self, space: str, ids: Ids) -> tuple[Ids, Vectors]:
        with self._connected():
            rows = [row for field in SPACES for row in self._find(field, space, ids, VECTOR_OF[field])]
        rows = list({row["_id"]: row for row in rows}.values())
        raw = b"".join(row.get("vector") or row["second_vector"] for row in rows)
        matrix = np.frombuffer(raw, "<f4").astype(np.float32, copy=False)
        return as_ids(row["_id"] for row in rows), matrix.reshape(len(rows), -1 if rows else 0)

    def read(self, space: str, ids: Ids) -> list[Record]:
        with self._connected():
            rows = {row["_id"]: row for field in SPACES for row in self._find(field, space, ids)}
        return [record_of(rows[id_], space) for id_ in sorted(rows)]

    def _find(self, field: str, space: str, ids: Ids, wanted: Row | None = None) -> Iterator[Row]:
        for among in _parts(ids):
            yield from self._images.find({"_id": among, field: space, "state": NOT_HIDDEN}, wanted)

    def in_state(self, state: State) -> dict[str, Ids]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        with self._connected():
            rows = self._images.find({"state": state.value}, {"_id": 0, "id": 1} | dict.fromkeys(SPACES, 1))
            for row in rows.sort("id", 1):
                for field in SPACES & row.keys():
                    found[row[field]].append(row["id"])
        return {space: as_ids(ids) for space, ids in found.items()}

    def clear(self) -> None:
        with self._connected():
            self._spaces.delete_many({})
            self._collections.delete_many({})
            for among in self._parts_of({}):
                self._images.delete_many({"_id": among})

    def ping(self) -> None:
        with self._connected():
            self._client.admin.command("ping")

    def close(self) -> None:
        self._closed = True
        self._client.close()

    def _fetch(self, query: Row, *, offset: int = 0, limit: int | None = None, order: int = 1) -> list[Stored]:
        if limit == 0:
            return []
        with self._connected():
            rows = self._images.find(query, STORED).sort("id", order).skip(offset).limit(limit or 0)
            return [stored_of(row) for row in rows]

    def _parts_of(self, query: Row) -> Iterator[Row]:
        """The matching ids in parts that a server is done with long before a time-out."""
        rows = self._images.find(query, {"_id": 1})
        yield from _parts([row["_id"] for row in rows])

    @contextmanager
    def _connected(self) -> Iterator[None]:
        if self._closed:
            raise StoreError("The record store is closed.")
        with translated(), watched(self._outage, self._client):
            yield


def _matching(match: Match) -> Row:
    query: Row = {"state": VISIBLE}
    if match.collection is not None:
        query["collection"] = match.collection
    if match.where is not None:
        query |= query_of(match.where)
    if match.ids is not None:
        query["_id"] = {"$in": list(match.ids)}
    return query


def _parts(ids: Iterable[int]) -> Iterator[Row]:
    return ({"$in": part.tolist()} for part in batches(as_ids(ids), AT_ONCE))
