"""Second vectors of pictures in MongoDB: two fields of their rows, so that each change is one write."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pymongo import UpdateOne
from pymongo.collection import Collection

from search_by_image.records.mongodb_client import Row
from search_by_image.records.mongodb_keys import NOT_HIDDEN
from search_by_image.records.mongodb_rows import second_fields
from search_by_image.vectors.base import Ids, Vectors, as_ids, batches

AT_ONCE = 500
GONE = {"$unset": {"second_space": "", "second_vector": ""}}


class MongoSecondVectors:
    """Those in the rows of a `MongoRecordStore`, whose calls are made within `connected`."""

    def __init__(self, images: Collection[Row], connected: Callable[[], AbstractContextManager[None]]) -> None:
        self._images = images
        self._connected = connected

    def ids(self, space: str) -> Ids:
        with self._connected():
            return as_ids(sorted(row["_id"] for row in self._images.find({"second_space": space}, {"_id": 1})))

    def put(self, space: str, ids: Ids, vectors: Vectors) -> None:
        self._write(
            [
                UpdateOne(
                    {"_id": id_, "state": NOT_HIDDEN, "space": {"$ne": space}}, {"$set": second_fields(space, vector)}
                )
                for id_, vector in zip(ids.tolist(), vectors, strict=True)
            ]
        )

    def make_first(self, space: str, ids: Ids) -> None:
        """A vector never changes: what was read may be written, where it is the second one still."""
        for part in batches(ids, AT_ONCE):
            with self._connected():
                found = list(self._images.find(_having(space, part), {"second_vector": 1}))
            self._write(
                [
                    UpdateOne(
                        {"_id": row["_id"], "second_space": space},
                        {"$set": {"space": space, "vector": row["second_vector"]}, **GONE},
                    )
                    for row in found
                ]
            )

    def drop(self, space: str, ids: Ids) -> None:
        with self._connected():
            for part in batches(ids, AT_ONCE):
                self._images.update_many(_having(space, part), GONE)

    def _write(self, updates: Sequence[UpdateOne]) -> None:
        with self._connected():
            for start in range(0, len(updates), AT_ONCE):
                self._images.bulk_write(updates[start : start + AT_ONCE], ordered=False)


def _having(space: str, ids: Ids) -> Row:
    return {"_id": {"$in": ids.tolist()}, "second_space": space}
