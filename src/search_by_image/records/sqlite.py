"""SQLite's own settings: write-ahead log, every commit on disk, one writer at a time."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    QueuePool,
    Table,
    TableValuedAlias,
    and_,
    case,
    create_engine,
    event,
    exists,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import sqlite

from search_by_image.deadline import shortened
from search_by_image.records.schema import OWN_ID, OWN_ID_FIELD, images

BUSY_SECONDS = 30.0
MEMORY = (None, "", ":memory:")
ONE_CONNECTION = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
DUPLICATE_KEY = (
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
)


class Sqlite:
    """Transactions start as writers when the execution option `write` is set.

    A database in memory has one connection, which its threads use in turn.
    """

    def __init__(self, url: URL, **options: Any) -> None:
        in_memory = url.database in MEMORY
        if url.database and not in_memory and not url.database.startswith("file:"):
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        pool = ONE_CONNECTION if in_memory else {}
        self.engine: Engine = create_engine(url, connect_args={"check_same_thread": False}, **{**options, **pool})
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    def document_equals(self, path: Sequence[str], values: Sequence[Any]) -> ColumnElement[bool]:
        return document_equals(path, values)

    def insert_unless_there(self, table: Table) -> Insert:
        return sqlite.insert(table).on_conflict_do_nothing()

    @contextmanager
    def migrating_alone(self, _connection: Connection) -> Iterator[None]:
        """The transaction of the migration is alone: it begins as a writer."""
        yield

    def is_duplicate(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlite_errorcode", None) in DUPLICATE_KEY


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    try:
        _wait_for_others(connection, BUSY_SECONDS)
        _write_ahead(connection, attempts=5)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA temp_store=MEMORY")
    except sqlite3.Error:
        connection.close()
        raise


def _write_ahead(connection: sqlite3.Connection, attempts: int) -> None:
    """SQLite does not wait its turn here when several connections find a new file at once."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError:
        if attempts == 1:
            raise
        time.sleep(0.05)
        _write_ahead(connection, attempts - 1)


def _begin(connection: Any) -> None:
    write = connection.get_execution_options().get("write", False)
    seconds = shortened(BUSY_SECONDS)
    if connection.info.get("busy_seconds") != seconds:
        _wait_for_others(connection.connection.dbapi_connection, seconds)
        connection.info["busy_seconds"] = seconds
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _wait_for_others(connection: sqlite3.Connection, seconds: float) -> None:
    """How long another's transaction is waited for."""
    connection.execute(f"PRAGMA busy_timeout={1000 * seconds:.0f}")


def document_equals(path: Sequence[str], values: Sequence[Any]) -> ColumnElement[bool]:
    """The value at the path, or one of its elements when it is an array, is one of the values.

    SQLite parses both sides from JSON text, so that it rounds them alike.
    """
    text = json.dumps(list(values), ensure_ascii=False, allow_nan=False)
    json_path = "$" + "".join(f'."{step}"' for step in path)
    found = func.json_each(images.c.document, json_path).table_valued("type", "value")
    wanted = func.json_each(text).table_valued("type", "value")
    among = tuple_(*_comparable(found)).in_(select(*_comparable(wanted)))
    is_no_object = func.json_type(images.c.document, json_path) != "object"
    equals = and_(is_no_object, exists(select(1).select_from(found).where(among)))
    return and_(_found_by_index(text, None in values), equals) if list(path) == [OWN_ID_FIELD] else equals


def _comparable(elements: TableValuedAlias) -> Iterator[ColumnElement[Any]]:
    """Two values are equal when both of these are: the kind (there is one of numbers), and the value, null as text."""
    yield case((elements.c.type == "real", "integer"), else_=elements.c.type)
    yield func.coalesce(elements.c.value, "")


def _found_by_index(text: str, null: bool) -> ColumnElement[bool]:
    """A superset, by `images_by_own_id`, of the documents whose `id` equals one of the values.

    The index holds an array as its JSON text, and null where the document has null or no `id`.
    """
    wanted = func.json_each(text).table_valued("value")
    candidates = [OWN_ID.in_(select(wanted.c.value)), and_(OWN_ID >= "[", OWN_ID < "\\")]
    if null:
        candidates.append(OWN_ID.is_(None))
    return images.c.id.in_(union_all(*(select(images.c.id).where(one).correlate(None) for one in candidates)))
