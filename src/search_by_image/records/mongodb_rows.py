"""Records as MongoDB keeps them, and back."""

import json
from datetime import UTC
from typing import Any

import numpy as np

from search_by_image.errors import StoreError
from search_by_image.records.base import Record, SpaceRecord, Stored
from search_by_image.records.mongodb_client import Row, too_large
from search_by_image.records.mongodb_keys import slot_of
from search_by_image.records.mongodb_terms import FORM, size_of, terms_of
from search_by_image.records.seconds import Second
from search_by_image.vectors.base import Vector

LARGEST = 16 * 2**20 - 10_000
STORED = dict.fromkeys(("space", "collection", "pipeline", "created", "sha256", "key", "document"), 1)


def slot_field(record: Record) -> Row:
    return {} if record.key is None else {"slot": slot_of(record.collection, record.key)}


def row_of(record: Record) -> Row:
    vectors = vector_fields(record)
    try:
        document = json.dumps(dict(record.document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        terms = terms_of(record.document)
        size = size_of(document, terms) + sum(map(len, vectors.values()))
    except (TypeError, ValueError) as error:
        raise StoreError("The record store refused a document that is not JSON.") from error
    if size > LARGEST:
        raise too_large()
    return {
        "_id": record.id,
        "id": record.id,
        "space": record.space,
        "collection": record.collection,
        "pipeline": record.pipeline,
        "created": record.created.astimezone(UTC).replace(tzinfo=None),
        "sha256": record.sha256.hex(),
        "key": record.key,
        "document": document,
        "terms": terms,
        "form": FORM,
        **vectors,
    }


def vector_fields(record: Record) -> dict[str, Any]:
    fields: Row = {"vector": vector_bytes(record.vector)}
    return fields | (second_fields(record.second.space, record.second.vector) if record.second else {})


def second_fields(space: str, vector: Vector) -> Row:
    return {"second_space": space, "second_vector": vector_bytes(vector)}


def vector_bytes(vector: Vector) -> bytes:
    return vector.astype("<f4", copy=False).tobytes()


def record_of(row: Row, space: str) -> Record:
    """As it is in the space, which is that of one of its vectors."""
    is_first = row["space"] == space
    return Record(
        id=row["_id"],
        collection=row["collection"],
        pipeline=row["pipeline"],
        space=space,
        document=json.loads(row["document"]),
        vector=_vector(row["vector" if is_first else "second_vector"]),
        sha256=bytes.fromhex(row["sha256"]),
        created=row["created"].replace(tzinfo=UTC),
        key=row.get("key"),
        second=Second(row["second_space"], _vector(row["second_vector"]))
        if is_first and "second_space" in row
        else None,
    )


def stored_of(row: Row) -> Stored:
    return Stored(
        id=row["_id"],
        space=row["space"],
        collection=row["collection"],
        document=json.loads(row["document"]),
        pipeline=row["pipeline"],
        sha256=bytes.fromhex(row["sha256"]),
        created=row["created"].replace(tzinfo=UTC),
        key=row.get("key"),
    )


def space_of(row: Row) -> SpaceRecord:
    return SpaceRecord(**{name: value for name, value in row.items() if name != "_id"})


def _vector(raw: bytes) -> Vector:
    return np.frombuffer(raw, "<f4").astype(np.float32, copy=False)
