"""MySQL's and MariaDB's own settings and their JSON functions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Insert,
    LargeBinary,
    String,
    Table,
    and_,
    cast,
    column,
    create_engine,
    event,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql.base import MySQLDialect

from search_by_image.deadline import shortened
from search_by_image.errors import InvalidInputError, StoreUnavailableError
from search_by_image.records.json_text import texts_equal_to, to_json
from search_by_image.records.mysql_json import DEPTH_LIMIT, kept_key
from search_by_image.records.schema import OWN_ID_FIELD, OWN_ID_LENGTH, images

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
MIGRATION_SECONDS = 50
DUPLICATE_KEY = 1062
WITHOUT_ROWID_FILTER = "SET @rowid_filter = 0 /*M!100401 , optimizer_switch = 'rowid_filter=off' */"
"""With the filter MariaDB 10.11 overlooks rows in `SELECT ... FOR UPDATE`. To MySQL this is a comment."""

SCHEMA_LOCK = func.concat("search-by-image ", func.md5(func.database()))
OWN_ID: ColumnElement[str] = literal_column("images.own_id")


class MySql:
    """Time limits in seconds may be given in the URL: `?connect_timeout=5&read_timeout=60&write_timeout=60`."""

    def __init__(self, url: URL, **options: Any) -> None:
        limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS, "write_timeout": ANSWER_SECONDS}
        arguments: dict[str, Any] = {name: seconds for name, seconds in limits.items() if name not in url.query}
        if url.password:
            arguments["password"] = str(url.password).encode()  # a text would be sent as Latin-1
        self.engine = create_engine(
            url.set(drivername="mysql+pymysql"),
            connect_args={
                "charset": "utf8mb4",
                "sql_mode": "STRICT_ALL_TABLES",
                "init_command": WITHOUT_ROWID_FILTER,
                **arguments,
            },
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            **options,
        )
        event.listen(self.engine, "do_connect", _connect)

    def document_equals(self, path: Sequence[str], values: Sequence[Any]) -> ColumnElement[bool]:
        """Raises `InvalidInputError` for a path into what `FoldedJson` may have folded."""
        if len(path) >= DEPTH_LIMIT:
            raise InvalidInputError(f"MySQL and MariaDB look into documents {DEPTH_LIMIT - 1} deep, not {len(path)}.")
        is_mariadb = isinstance(self.engine.dialect, MySQLDialect) and self.engine.dialect.is_mariadb
        json_path = "$" + "".join(f'."{kept_key(step)}"' for step in path)
        equals = _equals_as_text(json_path, values) if is_mariadb else _equals_as_json(json_path, values)
        has_index = list(path) == [OWN_ID_FIELD] and (is_mariadb or not any(map(_is_number, values)))
        return and_(_found_by_index(values), equals) if has_index else equals

    def insert_unless_there(self, table: Table) -> Insert:
        return mysql.insert(table).on_duplicate_key_update(name=table.c.name)

    @contextmanager
    def migrating_alone(self, connection: Connection) -> Iterator[None]:
        with connection.begin():
            if connection.scalar(select(func.get_lock(SCHEMA_LOCK, MIGRATION_SECONDS))) != 1:
                raise StoreUnavailableError("Another process migrates the record store. Try again when it has ended.")
        try:
            yield
        finally:
            with connection.begin():
                connection.execute(select(func.release_lock(SCHEMA_LOCK)))

    def is_duplicate(self, error: BaseException | None) -> bool:
        return error is not None and error.args[:1] == (DUPLICATE_KEY,)


def _connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    """The driver is imported with the first connection."""
    options["connect_timeout"] = shortened(options["connect_timeout"])
    return import_module("search_by_image.records.mysql_connection").LimitedConnection(*arguments, **options)


def _equals_as_text(json_path: str, values: Sequence[Any]) -> ColumnElement[bool]:
    """MariaDB keeps JSON as the text that we wrote; as binary, because it compares JSON with texts as unquoted."""
    texts = [wanted.encode() for wanted in texts_equal_to(values)]
    itself = func.json_extract(images.c.document, json_path)
    table = text("JSON_TABLE(images.document, :elements COLUMNS (value JSON PATH '$')) AS elements")
    elements = select(literal(1)).select_from(table.bindparams(elements=f"{json_path}[*]"))
    return or_(_as_binary(itself).in_(texts), exists(elements.where(_as_binary(column("value")).in_(texts))))


def _equals_as_json(json_path: str, values: Sequence[Any]) -> ColumnElement[bool]:
    """MySQL compares JSON by type, a scalar like an array of itself, integers and decimals by value."""
    wanted = cast(literal(to_json(list(values)), String), mysql.JSON)
    return func.json_overlaps(func.json_extract(images.c.document, json_path), wanted) == literal_column("1")


def _as_binary(json: ColumnElement[Any]) -> ColumnElement[bytes]:
    return cast(json, LargeBinary)


def _found_by_index(values: Sequence[Any]) -> ColumnElement[bool]:
    """True of every document whose `id` equals one of the values: the index holds how its JSON begins.

    MySQL writes numbers in its own way.
    """
    begins = [wanted[:OWN_ID_LENGTH] for wanted in texts_equal_to(values)]
    return or_(OWN_ID.in_(begins), and_(OWN_ID >= "[", OWN_ID < "\\"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
