"""The record stores that the contract suite runs against: each is a fixture named in `STORES`."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from conftest import wants_every_case
from mongodb_server import REAL, MongodbProcess, real_uri
from search_by_image.records.base import Match, Record, RecordStore
from search_by_image.records.sql import SqlRecordStore
from sql_servers import SqlServer

HERE = Path(__file__).parent
MakeRecords = Callable[[], RecordStore]
EVERY = Match()
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def record(
    id_, document=None, *, collection="images", pipeline="Thumb", space=None, dimension=4, sha256=None, key=None
):
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
        key=key,
    )


def vector_of(id_, dimension=4):
    return np.random.default_rng(id_).standard_normal(dimension).astype(np.float32)


def hash_of(id_):
    return hashlib.sha256(str(id_).encode()).digest()


def tries(all_of_them: int) -> int:
    """How many examples a property gets on each store."""
    return all_of_them if wants_every_case() else all_of_them // 3


one_store = settings(
    max_examples=tries(50),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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


@pytest.fixture
def sqlite(tmp_path: Path) -> MakeRecords:
    numbers = count()
    return lambda: SqlRecordStore(f"sqlite:///{tmp_path}/records-{next(numbers)}.db")


@pytest.fixture
def mongodb_stand_in(mongodb_process: MongodbProcess) -> Iterator[MakeRecords]:
    with mongodb_stores(mongodb_process.uri) as make:
        yield make


@pytest.fixture
def mongodb(mongodb_uri: str) -> Iterator[MakeRecords]:
    with mongodb_stores(mongodb_uri) as make:
        yield make


@pytest.fixture
def mongodb_uri() -> str:
    return real_uri() or pytest.skip(f"{REAL} names no real MongoDB")


@contextmanager
def mongodb_stores(uri: str) -> Iterator[MakeRecords]:
    """Each in a database of its own, or in one of that name; all are dropped in the end."""
    from pymongo import MongoClient

    from search_by_image.records.mongodb import MongoRecordStore

    names: list[str] = []

    def make(name: str = "") -> RecordStore:
        names.append(name or f"test_{uuid4().hex}")
        return MongoRecordStore({"host": uri}, database=names[-1])

    yield make
    with MongoClient(uri) as client:
        for name in names:
            client.drop_database(name)


@pytest.fixture(scope="session")
def mariadb_urls(mariadb_server: SqlServer) -> Callable[[int], str]:
    return cache(lambda number: mariadb_server.create_database(f"contract_{number}"))


@pytest.fixture(scope="session")
def postgresql_urls(postgresql_server: SqlServer) -> Callable[[int], str]:
    return cache(lambda number: postgresql_server.create_database(f"contract_{number}"))


@pytest.fixture
def mariadb(mariadb_urls: Callable[[int], str]) -> MakeRecords:
    return emptied(mariadb_urls)


@pytest.fixture
def postgresql(postgresql_urls: Callable[[int], str]) -> MakeRecords:
    return emptied(postgresql_urls)


def emptied(urls: Callable[[int], str]) -> MakeRecords:
    """The first store of every test is in the same database, and so on: creating one takes longer than most tests."""
    numbers = count()

    def make() -> RecordStore:
        store = SqlRecordStore(urls(next(numbers)))
        store.clear()
        return store

    return make


CASES_ON_A_SERVER = 6


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a server half a dozen cases of a test, spread over all; every one if asked."""
    if wants_every_case():
        return
    cases = Counter(on_server(item) for item in items)
    seen: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        test = on_server(item)
        step = -(-cases[test] // CASES_ON_A_SERVER) if test else 1
        (left_out if seen[test] % step else kept).append(item)
        seen[test] += 1
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def on_server(item: pytest.Item) -> str:
    """The test and its server; '' for others."""
    name, _, case = item.nodeid.partition("[")
    store = case.partition("-")[0].rstrip("]")
    return name + store if item.path.parent == HERE and store in STORES[1:] else ""


STORES = ("sqlite", "mariadb", "postgresql", "mongodb_stand_in", "mongodb")


@pytest.fixture(params=STORES)
def make_records(request: pytest.FixtureRequest) -> Iterator[MakeRecords]:
    """Opens as many empty stores as are asked for, and closes them in the end."""
    opened: list[RecordStore] = []
    make_one: MakeRecords = request.getfixturevalue(request.param)

    def make() -> RecordStore:
        opened.append(make_one())
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
