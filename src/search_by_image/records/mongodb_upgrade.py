"""Rows of an older form get the terms of today, once, when a store is opened."""

import json
import logging

from pymongo import UpdateOne
from pymongo.collection import Collection

from search_by_image.records.mongodb_client import Row
from search_by_image.records.mongodb_terms import FORM, size_of, terms_of

AT_ONCE = 200
LARGEST = 15 * 2**20
OLDER: Row = {"form": {"$in": [None, *range(1, FORM)]}}

_logger = logging.getLogger(__name__)


def upgrade(images: Collection[Row]) -> None:
    """A few rows at a time, so that it goes on where it was stopped, and beside other processes that do the same.

    A row that would outgrow what MongoDB takes keeps its terms: `LARGEST` bytes leave room for the vector.
    """
    while rows := list(images.find(OLDER, {"document": 1, "terms": 1}).limit(AT_ONCE)):
        images.bulk_write([_update(row) for row in rows], ordered=False)


def _update(row: Row) -> UpdateOne:
    terms = terms_of(json.loads(row["document"]))
    if size_of(row["document"], terms) > LARGEST:
        _logger.warning("Record %s is too large for MongoDB to be found by comparisons and $exists", row["_id"])
        terms = row["terms"]
    return UpdateOne({"_id": row["_id"], "document": row["document"]}, {"$set": {"terms": terms, "form": FORM}})
