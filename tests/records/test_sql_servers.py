"""What a server of SQL brings with it: names to the letter, indexes, outages, several processes at once."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain
from uuid import uuid4

import pytest
from sqlalchemy import event, inspect, make_url, text

from records.conftest import EVERY, hash_of, ids_of, put_documents, record
from search_by_image.deadline import limited
from search_by_image.errors import (
    DuplicateIdError,
    InvalidInputError,
    MissingDependencyError,
    StoreError,
    StoreUnavailableError,
)
from search_by_image.filters import Compare, Exists, In, Order
from search_by_image.records.base import Match, SpaceRecord, State
from search_by_image.records.mysql import MySql
from search_by_image.records.parameters import Parameters
from search_by_image.records.schema import images
from search_by_image.records.sql import SqlRecordStore
from search_by_image.records.sql_connections import PAUSES
from sql_servers import PASSWORD, SqlServer

OpenStore = Callable[..., SqlRecordStore]


@pytest.fixture(params=["mariadb", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> SqlServer:
    return request.getfixturevalue(f"{kind}_server")


@pytest.fixture
def url(server: SqlServer) -> Iterator[str]:
    """That of a database which nothing has opened yet."""
    name = f"test_{uuid4().hex}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def open_store(url: str) -> Iterator[OpenStore]:
    """Any number of stores on one database."""
    opened: list[SqlRecordStore] = []

    def make(address: str = url) -> SqlRecordStore:
        opened.append(SqlRecordStore(address))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest) -> Iterator[SqlRecordStore]:
    """In a database that others have used before."""
    opened = request.getfixturevalue(kind)()
    yield opened
    opened.close()


def parallel(count, call, *lists):
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(call, *lists))


# To the letter

NAMES = sorted(["pets", "Pets", "pets ", " pets", "pêts", "pe\u0302ts", "ss", "ß", "动物", "🐈", "🐕", "z", "Ä"])


def test_names_differ_when_a_character_does(store):
    for name in NAMES:
        store.create_collection(name)
        store.create_space(SpaceRecord(f"app_{name}", name, name, 4, "L2", "f"))
    store.put([record(number, collection=name, pipeline=name) for number, name in enumerate(NAMES, 1)])
    assert list(store.collections()) == NAMES
    assert [space.collection for space in store.spaces()] == NAMES
    for number, name in enumerate(NAMES, 1):
        assert ids_of(store.page(Match(collection=name), limit=99)) == [number]
        assert store.ids(f"app_{name}").tolist() == [number]
        assert store.find_hashes(name, [hash_of(n) for n in range(20)]) == {(hash_of(number), name)}


def test_a_name_may_have_300_characters_outside_the_basic_plane(store):
    name = "🐈" * 300
    store.create_collection(name)
    store.put([record(1, collection=name, space=name)])
    assert store.collections() == (name,)
    assert store.ids(name).tolist() == [1]


@pytest.mark.parametrize("field", ["id", "v"])
def test_texts_differ_when_a_character_does(store, field):
    texts = [*NAMES, "p" * 300, "p" * 301, "p" * 300 + " ", "\\", "\\\\", "'", "''", '"', "%", "_", "\x01", "\n", "\\n"]
    put_documents(store, *({field: value} for value in texts))
    for number, value in enumerate(texts, 1):
        assert ids_of(store.page(Match(In(field, (value,))), limit=99)) == [number]


def test_microseconds_are_kept(store):
    store.put([record(1)])
    with store._read() as connection:
        assert connection.scalar(images.select().with_only_columns(images.c.created)).microsecond == 678_000


@pytest.mark.parametrize("key", ["-", "-1", "--", "~", "~-", "~~", "~a", "- a"])
def test_a_key_may_begin_with_anything(store, key):
    document = {key: "yes", "in": {key: {key: ["yes"]}}, f"~{key}": "no", key[1:]: "no", f"-{key}": "no"}
    put_documents(store, document)
    assert store.get([1])[1].document == document
    assert ids_of(store.page(Match(In(key, ("yes",))), limit=9)) == [1]
    assert ids_of(store.page(Match(In(f"in.{key}.{key}", ("yes",))), limit=9)) == [1]


def nested(depth, inside):
    for _ in range(depth):
        inside = {"a": inside}
    return inside


@pytest.mark.parametrize("depth", [28, 29, 30, 31, 32, 62])
def test_what_lies_deep_hides_nothing_above_it(store, depth):
    document = {"deep": nested(depth, [1, "\t", {"-": None}]), "id": "x", "v": [1, 2], "~": 5}
    put_documents(store, {"id": "y"}, document)
    assert store.get([2])[2].document == document
    for field, value in (("id", "x"), ("v", 2), ("~", 5)):
        assert ids_of(store.page(Match(In(field, (value,))), limit=9)) == [2]


def test_a_deep_field_is_found_or_refused(store, kind):
    for depth in range(1, 60):
        store.put([record(depth, nested(depth, ["x"]))])
    for depth in range(1, 60):
        match = Match(In(".".join("a" * depth), ("x",)))
        if kind == "mariadb" and depth > 29:
            with pytest.raises(InvalidInputError, match="29 deep"):
                store.count(match)
        else:
            assert ids_of(store.page(match, limit=9)) == [depth]


def test_what_was_folded_is_no_text(store):
    """An array 29 deep: what MariaDB keeps of the arrays and objects in it are texts."""
    store.put([record(1, nested(28, {"a": [["x"], {}]})), record(2, nested(28, {"a": [["x"], "b"]}))])
    field = ".".join("a" * 29)
    for order, bound in ((Order.GTE, ""), (Order.GT, "a"), (Order.LT, "c")):
        assert ids_of(store.page(Match(Compare(field, order, bound)), limit=9)) == [2]
    assert store.count(Match(Exists(field))) == 2


# Refusals


def test_a_record_without_a_collection_is_refused_and_no_duplicate(store):
    with pytest.raises(StoreError) as caught:
        store.put([record(1), record(2, collection=None, space="s")])
    assert not isinstance(caught.value, DuplicateIdError)
    assert store.count(EVERY) == 0


def test_a_wrong_password_is_an_error_of_ours_that_does_not_tell_it(url):
    wrong = make_url(url).set(password="a wrong secret").render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailableError) as caught:
        SqlRecordStore(wrong)
    assert "secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_an_error_of_ours(url):
    with pytest.raises(StoreError):
        SqlRecordStore(make_url(url).set(database="none").render_as_string(hide_password=False))


@pytest.mark.parametrize(("url", "module", "extra"), [
    ("mysql+pymysql://h/d", "pymysql", "mysql"),
    ("mariadb+pymysql://h/d", "pymysql", "mysql"),
    ("postgresql+psycopg://h/d", "psycopg", "postgres"),
])  # fmt: skip
def test_a_missing_driver_is_told_with_the_line_that_installs_it(monkeypatch, url, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError) as caught:
        SqlRecordStore(url)
    assert f"pip install 'search-by-image[{extra}]'" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["oracle://h/d", "mysql+mysqldb://h/d", "postgresql+asyncpg://h/d", "sqlite+aiosqlite://"]
)
def test_other_databases_and_drivers_are_told_which_there_are(url):
    with pytest.raises(StoreError, match=r"postgresql\+psycopg://"):
        SqlRecordStore(url)


def test_mariadb_has_a_name_of_its_own(mariadb_server):
    url = mariadb_server.create_database("own_name").replace("mysql+", "mariadb+")
    store = SqlRecordStore(url)
    put_documents(store, {"id": 1.0})
    assert store.count(Match(In("id", (1,)))) == 1
    store.close()


def test_the_statement_for_mysql_itself_leaves_the_comparison_to_its_json():
    """No MySQL runs here: only the words are checked."""
    database = MySql(make_url("mysql+pymysql://h/d"))

    def words(*path, values):
        return database.document_equals(path, values, Parameters())

    overlaps = "(json_overlaps(json_extract(images.document, :filter_0), CAST(:filter_1 AS JSON)) = 1)"
    assert words("shop", "id", values=["a", 1]) == words("id", values=[1, "a"]) == overlaps
    assert words("id", values=["a", None, True]).endswith(f"{overlaps})")
    assert "own_id" in words("id", values=["a"])


# Indexes


def plan(store, statement_of):
    """What the server says about the statements that the call makes."""
    plans: list[str] = []

    def explain(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT images.id"):
            with connection.connection.dbapi_connection.cursor() as other:
                other.execute(f"EXPLAIN {statement}", parameters)
                plans.extend(str(row) for row in other.fetchall())

    event.listen(store._engine, "before_cursor_execute", explain)
    statement_of()
    return "\n".join(plans)


@pytest.fixture
def full(open_store, kind):
    store = open_store()
    store.put([record(n, {"id": f"pic-{n}" if n % 300 else [f"pic-{n}"], "s": n % 7}) for n in range(1, 1501)])
    store.settle(range(1, 1500))
    with store._connections.write() as connection:
        connection.execute(text("ANALYZE TABLE images" if kind == "mariadb" else "ANALYZE images"))
    return store


@pytest.mark.parametrize("value", ["pic-300", "pic-4", None])
def test_the_documents_own_id_is_found_by_its_index(full, value):
    assert "images_by_own_id" in plan(full, lambda: full.page(Match(In("id", (value,))), limit=10))
    assert len(full.page(Match(In("id", (value,))), limit=10)) == (value is not None)


def test_hashes_and_collections_are_looked_up_in_their_indexes(full):
    with full._read() as connection:
        names = {index["name"] for index in inspect(connection).get_indexes("images")}
    indexed = ("of_collection", "of_space", "of_second_space", "by_hash", "by_key", "unsettled", "by_own_id")
    assert names == {f"images_{rest}" for rest in indexed}


def test_the_settled_are_listed_too(full):
    assert len(full.in_state(State.READY)["app_images"]) == 1499
    assert full.in_state(State.PENDING)["app_images"].tolist() == [1500]


# Several at once


def test_many_that_open_a_new_database_at_once_all_succeed(open_store):
    stores = parallel(6, lambda _: open_store(), range(6))
    parallel(6, lambda store, number: store.put([record(number)]), stores, range(1, 7))
    assert {store.count(EVERY) for store in stores} == {6}


WRITER = """
import sys
from records.conftest import record
from search_by_image.records.base import Match, SpaceRecord
from search_by_image.records.sql import SqlRecordStore
print("here", flush=True)
input()
store = SqlRecordStore(sys.argv[1])
first = int(sys.argv[2])
for n in range(first, first + 30):
    store.create_collection(f"pets-{n - first}")
    store.create_space(SpaceRecord(f"app-{n - first}", "pets", "p", first, "L2", "f"))
    store.put([record(2 * n), record(2 * n + 1)])
    store.settle([2 * n])
    assert store.count(Match(ids=(2 * n, 2 * n + 1))) == 2
store.close()
"""


def test_two_processes_create_the_tables_and_write_at_once(url, open_store):
    command = [sys.executable, "-c", WRITER, url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"env": environment, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writers = [subprocess.Popen([*command, str(first)], **pipes) for first in (100, 200)]
    for writer in writers:
        assert writer.stdout.readline() == b"here\n"
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    store = open_store()
    assert store.count(EVERY) == 120
    assert len(store.in_state(State.READY)["app_images"]) == 60
    assert len(store.collections()) == len(store.spaces()) == 30


def test_of_two_stores_that_put_the_same_id_one_is_refused(open_store):
    def attempt(store):
        with suppress(DuplicateIdError):
            store.put([record(1)])
            return True

    stores = [open_store(), open_store()]
    assert sorted(map(bool, parallel(2, attempt, stores))) == [False, True]


def test_a_record_that_two_stores_remove_at_once_is_told_to_one(open_store):
    stores = [open_store() for _ in range(4)]
    stores[0].put([record(n, {"even": n % 2 == 0}) for n in range(1, 401)])
    told = parallel(4, lambda store: ids_of(store.begin_removal(Match(In("even", (True,))))), stores)
    assert sorted(chain(*told)) == list(range(2, 401, 2))
    assert stores[0].count(EVERY) == 200


def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(open_store):
    store, both_hold_one = open_store(), threading.Barrier(2)
    store.put([record(1), record(2)])

    def lock(order):
        try:
            with store._connections.write() as connection:
                for id_ in order:
                    connection.execute(images.update().where(images.c.id == id_).values(state="ready"))
                    if id_ == order[0]:
                        both_hold_one.wait(20)
        except StoreUnavailableError:
            return "told"
        return "done"

    assert sorted(parallel(2, lock, [(1, 2), (2, 1)])) == ["done", "told"]


def test_a_change_that_gave_way_to_another_is_done_again(open_store):
    store, both_hold_one = open_store(), threading.Barrier(2)
    store.put([record(1), record(2)])

    def change(order):
        begun = []

        def lock(connection):
            begun.append(order)
            for id_ in order:
                connection.execute(images.update().where(images.c.id == id_).values(state="ready"))
                if id_ == order[0] and len(begun) == 1:
                    both_hold_one.wait(20)

        store._connections.change(lock)
        return len(begun)

    assert sorted(parallel(2, change, [(1, 2), (2, 1)])) == [1, 2]


def test_one_that_gives_way_every_time_is_told(open_store, kind):
    store, begun = open_store(), []
    deadlock = {"mariadb": "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213"}.get(
        kind, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"
    )

    def give_way(connection):
        begun.append(1)
        connection.execute(text(deadlock))

    with pytest.raises(StoreUnavailableError, match="Others change the same records"):
        store._connections.change(give_way)
    assert len(begun) == 1 + len(PAUSES)


def test_a_reader_does_not_see_a_batch_half_done(store):
    with store._connections.write() as connection:
        connection.execute(images.delete())
        store.put([record(1), record(2)])
    assert store.count(EVERY) == 2


# Outages


def eventually(call):
    for _ in range(200):
        with suppress(StoreUnavailableError):
            return call()
        time.sleep(0.05)
    return call()


@contextmanager
def frozen(server: SqlServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextmanager
def stopped(server: SqlServer, how: str) -> Iterator[None]:
    getattr(server, how)()
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_is_gone_is_unavailable_and_has_everything_when_it_is_back(server, open_store, url, how):
    store = open_store()
    store.create_collection("pets")
    store.put([record(1, {"id": "é"}), record(2)])
    with stopped(server, how):
        for call in (store.ping, store.collections, lambda: store.get([1]), lambda: store.settle([1])):
            with pytest.raises(StoreUnavailableError, match="Try again"):
                call()
        with pytest.raises(StoreUnavailableError):
            store.put([record(3)])
        with pytest.raises(StoreUnavailableError):
            SqlRecordStore(url)
    eventually(store.ping)
    store.put([record(4)])
    assert ids_of(store.page(EVERY, limit=9)) == [1, 2, 4]
    assert store.collections() == ("pets",)


def test_a_transaction_that_the_server_left_is_undone_and_unavailable(server, store):
    store.put([record(1)])
    with pytest.raises(StoreUnavailableError), store._connections.write() as connection:
        connection.execute(images.delete())
        with stopped(server, "kill"):
            connection.execute(images.select())
    assert eventually(lambda: store.count(EVERY)) == 1


def test_a_server_that_says_nothing_is_unavailable_after_the_time_limit(server, url, open_store):
    store = open_store(f"{url}?connect_timeout=2&read_timeout=1")
    with frozen(server), pytest.raises(StoreUnavailableError):
        store.ping()
    eventually(store.ping)


def test_a_silent_server_is_waited_for_within_the_limit_of_the_call(server, open_store):
    """By each of more calls than there are connections, kept and new ones."""
    store = open_store()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda number: store.put([record(number)]), range(4)))

    def call(number):
        with limited(1), pytest.raises(StoreUnavailableError):
            store.put([record(number)])

    with frozen(server), ThreadPoolExecutor(20) as threads:
        began = time.monotonic()
        list(threads.map(call, range(100, 120)))
        assert time.monotonic() - began < 30
    eventually(store.ping)
    assert store.get(range(4)).keys() == {0, 1, 2, 3}


def test_callers_do_not_wait_one_after_another_for_a_silent_server(server, url, open_store):
    store = open_store(f"{url}?connect_timeout=2&read_timeout=2")
    with frozen(server):
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreUnavailableError):
                store.ping()
        assert time.monotonic() - began < 60
    eventually(store.ping)


def test_a_call_that_has_used_up_its_limit_asks_no_server(store):
    with limited(0.001), pytest.raises(StoreUnavailableError, match="limits/store_timeout"):
        store.ping()
    store.ping()


def test_the_password_of_the_tests_has_what_a_url_must_quote():
    assert set("@:/%é") <= set(PASSWORD)
