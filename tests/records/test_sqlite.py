"""What is SQLite's own: durability, processes, files."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from records.conftest import EVERY, open_store, record
from search_by_image.deadline import limited
from search_by_image.errors import StoreError, StoreUnavailableError
from search_by_image.records import sql_connections, sqlite
from search_by_image.records.base import SpaceRecord, State
from search_by_image.records.schema import images
from search_by_image.records.sql import SqlRecordStore

NOBODY = 65534


def pragma(store: SqlRecordStore, name: str) -> object:
    with store._read() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def run(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


# Durability


def test_every_connection_has_a_write_ahead_log_and_syncs_each_commit(store):
    with ExitStack() as several:
        connections = [several.enter_context(store._read()) for _ in range(3)]
        for connection in connections:
            told = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")
            ]
            assert told == ["wal", 2]
    assert pragma(store, "busy_timeout") == 30_000


def test_records_are_there_after_reopening(file):
    first = open_store(file)
    first.create_collection("pets")
    space = first.create_space(SpaceRecord("app_pets", "pets", "Thumb", 4, "COSINE", "f"))
    first.put([record(1, {"id": "é"}), record(2)])
    first.settle([1])
    first.close()
    second = open_store(file)
    assert second.collections() == ("pets",)
    assert second.spaces() == (space,)
    assert second.get([1, 2]).keys() == {1, 2}
    assert second.in_state(State.PENDING)["app_images"].tolist() == [2]
    second.close()


def test_closing_leaves_nothing_but_the_database(store, file):
    store.put([record(1)])
    assert file.with_name("records.db-wal").exists()
    store.close()
    assert [path.name for path in file.parent.iterdir()] == ["records.db"]


KILLED = """
import os, signal, sys
from records.conftest import record
from search_by_image.records.sql import SqlRecordStore
store = SqlRecordStore("sqlite:///" + sys.argv[1])
store.put([record(1), record(2)])
with store._connections.write() as connection:
    connection.exec_driver_sql("DELETE FROM images")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_what_was_put_and_nothing_half_done(file):
    with run(KILLED, file) as child:
        assert child.wait() == -signal.SIGKILL
    survived = open_store(file)
    assert survived.get([1, 2]).keys() == {1, 2}
    survived.close()


# Processes and threads

WRITER = """
import sys
from records.conftest import record
from search_by_image.records.base import Match
from search_by_image.records.sql import SqlRecordStore
print("here", flush=True)
input()
store = SqlRecordStore("sqlite:///" + sys.argv[1])
store.create_collection("pets")
first = int(sys.argv[2])
for n in range(first, first + 50):
    store.put([record(2 * n), record(2 * n + 1)])
    assert store.count(Match(ids=(2 * n, 2 * n + 1))) == 2
store.close()
"""


def test_two_processes_create_the_file_and_write_while_a_third_reads(file):
    with ExitStack() as stack:
        writers = [stack.enter_context(run(WRITER, file, first)) for first in (100, 200)]
        for writer in writers:
            assert writer.stdout.readline() == b"here\n"
        for writer in writers:
            writer.stdin.write(b"go\n")
            writer.stdin.flush()
        store = open_store(file)
        while any(writer.poll() is None for writer in writers):
            assert store.count(EVERY) % 2 == 0
            store.create_collection("pets")
        assert [writer.returncode for writer in writers] == [0, 0]
    assert store.count(EVERY) == 200
    assert store.collections() == ("pets",)
    store.close()


def test_many_that_open_a_new_file_at_once_all_succeed(file):
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(open_store, [file] * 8))
    for number, store in enumerate(stores, 1):
        store.put([record(number)])
    assert {store.count(EVERY) for store in stores} == {8}
    for store in stores:
        store.close()


@pytest.fixture
def lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A new file, not yet with a write-ahead log, that another connection has for itself."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.001)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other
    other.close()


def test_the_write_ahead_log_is_tried_again_when_another_has_the_new_file(lock, file, monkeypatch):
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            lock.execute("COMMIT")

    monkeypatch.setattr(sqlite, "time", SimpleNamespace(sleep=sleep))
    store = open_store(file)
    assert len(slept) == 4
    assert pragma(store, "journal_mode") == "wal"
    store.close()


def test_a_new_file_that_another_keeps_for_itself_is_unavailable(lock, file):
    with pytest.raises(StoreUnavailableError):
        open_store(file)


def test_readers_go_on_while_another_writes_and_a_second_writer_is_told_to_try_again(file, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.03)
    store = open_store(file)
    store.put([record(1)])
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="Try again"):
        store.put([record(2)])
    assert store.get([1, 2]).keys() == {1}
    other.execute("ROLLBACK")
    other.close()
    store.put([record(2)])
    assert store.get([1, 2]).keys() == {1, 2}
    store.close()


def test_another_writer_is_waited_for_within_the_limit_of_the_call(file):
    store = open_store(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with limited(0.2), pytest.raises(StoreUnavailableError):
        store.put([record(1)])
    assert time.monotonic() - began < sqlite.BUSY_SECONDS / 2
    other.close()
    store.put([record(1)])
    store.close()


def test_a_reader_sees_one_moment(store):
    store.put([record(1)])
    with store._read() as connection:
        count = select(images.c.id)
        assert len(connection.execute(count).all()) == 1
        store.put([record(2)])
        assert len(connection.execute(count).all()) == 1
    assert store.count(EVERY) == 2


def test_more_readers_than_connections_are_told_to_try_again(store, monkeypatch):
    monkeypatch.setattr(sql_connections, "LONGEST_WAIT", 0.02)
    with ExitStack() as stack:
        for _ in range(15):
            stack.enter_context(store._read())
        with pytest.raises(StoreUnavailableError):
            store.ping()
    store.ping()


# Files


def test_missing_folders_are_created(tmp_path):
    deep = tmp_path / "a" / "ü b" / "records.db"
    store = open_store(deep)
    store.put([record(1)])
    store.close()
    assert deep.is_file()


def test_a_database_in_memory_is_one_for_all_threads():
    store = SqlRecordStore("sqlite://")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: store.put([record(n)]), range(1, 21)))
        assert list(threads.map(lambda _: store.count(EVERY), range(4))) == [20] * 4
    store.close()


def test_a_file_uri_is_opened_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SqlRecordStore(f"sqlite:///file:{tmp_path}/records.db?mode=rwc&uri=true")
    store.put([record(1)])
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["records.db"]


@contextmanager
def without_privileges() -> Iterator[Path]:
    """A folder of our own, as a user whom permissions bind."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def refused(kind: type[StoreError], file: Path) -> None:
    with pytest.raises(kind) as caught:
        open_store(file).put([record(1)])
    said = str(caught.value).lower()
    assert not any(word in said for word in (file.parent.name.lower(), "sqlite", "insert", "unable", "errno", ".py"))


def test_a_folder_that_cannot_be_written_to_is_an_error_of_ours():
    with without_privileges() as folder:
        folder.chmod(0o555)
        refused(StoreUnavailableError, folder / "records.db")
        refused(StoreUnavailableError, folder / "new" / "records.db")


def test_a_file_that_cannot_be_written_to_is_an_error_of_ours():
    with without_privileges() as folder:
        open_store(folder / "records.db").close()
        (folder / "records.db").chmod(0o444)
        refused(StoreUnavailableError, folder / "records.db")


def test_a_file_that_is_no_database_is_an_error_of_ours_and_stays_as_it_is(file):
    file.write_bytes(b"a picture, not a database" * 100)
    refused(StoreError, file)
    assert file.read_bytes() == b"a picture, not a database" * 100


def test_a_folder_or_a_folder_in_a_file_is_an_error_of_ours(tmp_path, file):
    refused(StoreError, tmp_path)
    file.write_bytes(b"")
    refused(StoreError, file / "records.db")


def test_an_empty_file_becomes_a_database(file):
    file.touch()
    store = open_store(file)
    store.put([record(1)])
    store.close()


def test_a_url_that_is_none_is_an_error_of_ours():
    with pytest.raises(StoreError):
        SqlRecordStore("records.db")
