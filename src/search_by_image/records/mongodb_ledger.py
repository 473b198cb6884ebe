"""The ledger in MongoDB. A body is kept as its JSON text, which no rule about names and types can change."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from pymongo.collection import Collection

from search_by_image.records.ledger import FIRST_VERSION, Body, Entry, as_text
from search_by_image.records.mongodb_client import Row

SEPARATOR = "\n"
AFTER_SEPARATOR = "\v"


class MongoLedger:
    """A `Ledger` in the database of a `MongoRecordStore`, which says how its errors are told in `connected`."""

    def __init__(self, collection: Collection[Row], connected: Callable[[], AbstractContextManager[None]]) -> None:
        self._entries = collection
        self._connected = connected

    def add(self, kind: str, id_: str, body: Body) -> Entry:
        row = {"_id": _key(kind, id_), "kind": kind, "id": id_, "version": FIRST_VERSION, "body": as_text(body)}
        with self._connected():
            self._entries.insert_one(row)
        return Entry(kind, id_, body, FIRST_VERSION)

    def get(self, kind: str, id_: str) -> Entry | None:
        with self._connected():
            row = self._entries.find_one({"_id": _key(kind, id_)})
        return _entry(row) if row else None

    def list(self, kind: str, *, after: str = "", limit: int) -> tuple[Entry, ...]:
        if limit == 0:
            return ()
        with self._connected():
            following = self._entries.find({"_id": {"$gt": _key(kind, after), "$lt": kind + AFTER_SEPARATOR}})
            return tuple(_entry(row) for row in following.sort("_id", 1).limit(limit))

    def replace(self, kind: str, id_: str, body: Body, version: int) -> bool:
        unchanged = {"_id": _key(kind, id_), "version": version}
        changed = {"$set": {"body": as_text(body), "version": version + 1}}
        with self._connected():
            return self._entries.update_one(unchanged, changed).matched_count == 1

    def delete(self, kind: str, id_: str) -> bool:
        with self._connected():
            return self._entries.delete_one({"_id": _key(kind, id_)}).deleted_count == 1


def _key(kind: str, id_: str) -> str:
    return kind + SEPARATOR + id_


def _entry(row: Row) -> Entry:
    return Entry(row["kind"], row["id"], json.loads(row["body"]), row["version"])
