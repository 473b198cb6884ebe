"""Adding rows to MongoDB so that all are there or none."""

import time
from collections.abc import Sequence
from contextlib import suppress

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from search_by_image.records.mongodb_client import IN_THE_WAY, Row

PAUSE_SECONDS = 0.05


def insert_unless_there(collection: Collection[Row], row: Row) -> Row:
    """Answers with the row that is there in the end, also when no majority has it yet."""
    with suppress(DuplicateKeyError):
        collection.insert_one(row)
    newest = collection.with_options(read_concern=ReadConcern("local"))
    return newest.find_one({"_id": row["_id"]}) or row


def insert_in_transaction(images: Collection[Row], rows: Sequence[Row], *, attempts: int = 6) -> None:
    """For replica sets. Tried again where another transaction is in the way, not in an outage."""
    try:
        with (
            images.database.client.start_session() as session,
            session.start_transaction(write_concern=images.write_concern),
        ):
            images.insert_many(rows, session=session)
    except OperationFailure as error:
        if attempts == 1 or not error.has_error_label(IN_THE_WAY):
            raise
        time.sleep(PAUSE_SECONDS)
        insert_in_transaction(images, rows, attempts=attempts - 1)


def insert_all(images: Collection[Row], rows: Sequence[Row]) -> None:
    """In order, so that nothing follows a row that is refused; then those before it are taken out again."""
    try:
        images.insert_many(rows)
    except ServerSelectionTimeoutError:
        raise
    except PyMongoError:
        with suppress(PyMongoError):
            images.delete_many({"_id": {"$in": [row["_id"] for row in rows]}, "batch": rows[0]["batch"]})
        raise
