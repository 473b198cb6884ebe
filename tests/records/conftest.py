"""The record stores that the contract suite runs against: each is an entry of `STORES`."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from search_by_image.records.base import Match, Record, RecordStore
from search_by_image.records.sql import SqlRecordStore

MakeRecords = Callable[[], RecordStore]
EVERY = Match()
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def record(id_, document=None, *, collection="images", pipeline="Thumb", space=None, dimension=4, sha256=None):
    """A record whose vector and hash follow from its id."""
    return Record(
        id=id_,
        collection=collection,
        pipeline=pipeline,
        space=space or f"app_{collection}",
        document={"n": id_} if document is None else document,
        vector=vector_of(id_, dimension),
        sha256=sha256 or hash_of(id_),
        created=CREATED,
    )


def vector_of(id_, dimension=4):
    return np.random.default_rng(id_).standard_normal(dimension).astype(np.float32)


def hash_of(id_):
    return hashlib.sha256(str(id_).encode()).digest()


one_store = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def ids_of(found):
    return [stored.id for stored in found]


def put_documents(records, *documents):
    records.put([record(number, document) for number, document in enumerate(documents, 1)])


def same_json(left, right):
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    return isinstance(left, str) == isinstance(right, str) and left == right


def is_match(document, field, values):
    """The rules of `Match`, in Python."""
    found = document
    for step in field.split("."):
        if not isinstance(found, dict) or step not in found:
            return False
        found = found[step]
    elements = found if isinstance(found, list) else [found]
    scalar = [element for element in elements if not isinstance(element, dict | list)]
    return any(same_json(element, value) for element in scalar for value in values)


def sqlite(folder: Path, number: int) -> RecordStore:
    return SqlRecordStore(f"sqlite:///{folder}/records-{number}.db")


STORES: dict[str, Callable[[Path, int], RecordStore]] = {"sqlite": sqlite}


@pytest.fixture(params=STORES)
def make_records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeRecords]:
    """Opens as many empty stores as are asked for, and closes them in the end."""
    opened: list[RecordStore] = []

    def make() -> RecordStore:
        opened.append(STORES[request.param](tmp_path, len(opened)))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def records(make_records: MakeRecords) -> RecordStore:
    return make_records()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlRecordStore]:
    opened = open_store(file)
    yield opened
    opened.close()


def open_store(file: Path) -> SqlRecordStore:
    return SqlRecordStore(f"sqlite:///{file}")
