"""SQLite's own settings: write-ahead log, every commit on disk, one writer at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Engine,
    TableValuedAlias,
    and_,
    create_engine,
    event,
    exists,
    false,
    func,
    or_,
    select,
)

from search_by_image.records.schema import images

BUSY_TIMEOUT_MS = 30_000
JSON_TYPES = {str: ("text",), bool: ("true", "false"), int: ("integer", "real"), float: ("integer", "real")}


def create_sqlite_engine(url: URL, **options: Any) -> Engine:
    """An engine whose transactions start as writers when the execution option `write` is set."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def document_equals(path: Sequence[str], values: Sequence[Any]) -> ColumnElement[bool]:
    """The value at the path, or one of its elements when it is an array, is one of the values."""
    json_path = "$" + "".join(f'."{step}"' for step in path)
    found = func.json_each(images.c.document, json_path).table_valued("value", "type")
    is_object = func.json_type(images.c.document, json_path) == "object"
    element = exists(select(1).select_from(found).where(or_(false(), *(_equals(found, value) for value in values))))
    return and_(~func.coalesce(is_object, False), element)


def _equals(found: TableValuedAlias, value: Any) -> ColumnElement[bool]:
    if value is None:
        return found.c.type == "null"
    if isinstance(value, bool):
        return found.c.type == ("true" if value else "false")
    return and_(found.c.type.in_(JSON_TYPES[type(value)]), found.c.value == value)
