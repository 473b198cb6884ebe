"""SQLite's own settings: write-ahead log, every commit on disk, one writer at a time."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, QueuePool, Table, create_engine, event
from sqlalchemy.dialects import sqlite

from search_by_image.deadline import shortened
from search_by_image.filters import Order
from search_by_image.records.base import OWN_ID_FIELD
from search_by_image.records.parameters import Parameters

COMPARABLE = "CASE type WHEN 'real' THEN 'integer' ELSE type END, coalesce(value, '')"
"""Two values are equal when both of these are: the kind (there is one of numbers), and the value, null as text."""

OWN_ID = f"json_extract(images.document, '$.{OWN_ID_FIELD}')"
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

    def document_equals(self, path: Sequence[str], values: Sequence[Any], parameters: Parameters) -> str:
        """SQLite parses both sides from JSON text, so that it rounds them alike."""
        wanted = parameters(json.dumps(list(values), ensure_ascii=False, allow_nan=False))
        among = f"({COMPARABLE}) IN (SELECT {COMPARABLE} FROM json_each({wanted}))"
        equals = _has_one(path, among, parameters)
        if list(path) != [OWN_ID_FIELD]:
            return equals
        return f"({_found_by_index(wanted, None in values)} AND {equals})"

    def document_compares(self, path: Sequence[str], order: Order, bound: str | float, parameters: Parameters) -> str:
        if isinstance(bound, str):
            return _has_one(path, f"type = 'text' AND value {order.sign} {parameters(bound)}", parameters)
        number = f"CAST(value AS REAL) {order.sign} {parameters(float(bound))}"
        return _has_one(path, f"type IN ('integer', 'real') AND {number}", parameters)

    def document_has(self, path: Sequence[str], parameters: Parameters) -> str:
        return f"(json_type(images.document, {parameters(_json_path(path))}) IS NOT NULL)"

    def insert_unless_there(self, table: Table) -> Insert:
        return sqlite.insert(table).on_conflict_do_nothing()

    @contextmanager
    def migrating_alone(self, _connection: Connection) -> Iterator[None]:
        """The transaction of the migration is alone: it begins as a writer."""
        yield

    def is_duplicate(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlite_errorcode", None) in DUPLICATE_KEY

    def gave_way(self, error: BaseException | None) -> bool:  # noqa: ARG002 - one writes at a time
        return False


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


def _json_path(path: Sequence[str]) -> str:
    return "$" + "".join(f'."{step}"' for step in path)


def _has_one(path: Sequence[str], is_one: str, parameters: Parameters) -> str:
    """An object has elements, too, and they do not count."""
    there = f"images.document, {parameters(_json_path(path))}"
    return f"(json_type({there}) != 'object' AND EXISTS (SELECT 1 FROM json_each({there}) WHERE {is_one}))"


def _found_by_index(wanted: str, null: bool) -> str:
    """A superset, by `images_by_own_id`, of the documents whose `id` equals one of the values.

    The index holds an array as its JSON text, and null where the document has null or no `id`.
    """
    candidates = [f"{OWN_ID} IN (SELECT value FROM json_each({wanted}))", f"{OWN_ID} >= '[' AND {OWN_ID} < '\\'"]
    if null:
        candidates.append(f"{OWN_ID} IS NULL")
    found = " UNION ALL ".join(f"SELECT images.id FROM images WHERE {candidate}" for candidate in candidates)
    return f"images.id IN ({found})"
