"""Records as a SQL database keeps them, and back."""

from datetime import UTC
from typing import Any

import numpy as np
from sqlalchemy import Row

from search_by_image.records.base import Record, Stored
from search_by_image.records.schema import images

STORED = tuple(column for column in images.c if column.name not in ("vector", "state"))
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
        "vector": record.vector.astype("<f4", copy=False).tobytes(),
    }


def record_of(row: AnyRow) -> Record:
    return Record(
        id=row.id,
        collection=row.collection,
        pipeline=row.pipeline,
        space=row.space,
        document=row.document,
        vector=np.frombuffer(row.vector, "<f4").astype(np.float32, copy=False),
        sha256=row.sha256,
        created=row.created.replace(tzinfo=UTC),
        key=row.key,
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
