"""Records as a SQL database keeps them, and back."""

from datetime import UTC
from typing import Any

import numpy as np
from sqlalchemy import Row

from search_by_image.records.base import Record, Stored
from search_by_image.records.schema import images
from search_by_image.records.seconds import Second
from search_by_image.vectors.base import Vector

VECTORS = ("vector", "second_space", "second_vector")
STORED = tuple(column for column in images.c if column.name not in (*VECTORS, "state"))
AnyRow = Row[*tuple[Any, ...]]


def row_of(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "space": record.space,
        "collection": record.collection,
        "pipeline": record.pipeline,
        "created": record.created.astimezone(UTC).replace(tzinfo=None),
        "sha256": record.sha256,
        "key": record.key,
        "document": dict(record.document),
        "vector": vector_bytes(record.vector),
        "second_space": record.second and record.second.space,
        "second_vector": record.second and vector_bytes(record.second.vector),
    }


def vector_bytes(vector: Vector) -> bytes:
    return vector.astype("<f4", copy=False).tobytes()


def record_of(row: AnyRow, space: str) -> Record:
    """As it is in the space, which is that of one of its vectors."""
    is_first = row.space == space
    return Record(
        id=row.id,
        collection=row.collection,
        pipeline=row.pipeline,
        space=space,
        document=row.document,
        vector=_vector(row.vector if is_first else row.second_vector),
        sha256=row.sha256,
        created=row.created.replace(tzinfo=UTC),
        key=row.key,
        second=Second(row.second_space, _vector(row.second_vector)) if is_first and row.second_space else None,
    )


def stored_of(row: AnyRow) -> Stored:
    return Stored(
        id=row.id,
        space=row.space,
        collection=row.collection,
        document=row.document,
        pipeline=row.pipeline,
        sha256=row.sha256,
        created=row.created.replace(tzinfo=UTC),
        key=row.key,
    )


def _vector(raw: bytes) -> Vector:
    return np.frombuffer(raw, "<f4").astype(np.float32, copy=False)
