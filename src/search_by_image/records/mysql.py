"""MySQL's and MariaDB's own settings and their JSON functions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlalchemy import URL, Connection, Insert, Table, create_engine, event, func, select
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql.base import MySQLDialect

from search_by_image.deadline import shortened
from search_by_image.errors import InvalidInputError, StoreUnavailableError
from search_by_image.filters import Order
from search_by_image.records.base import OWN_ID_FIELD
from search_by_image.records.json_text import texts_equal_to, to_json
from search_by_image.records.mysql_json import DEPTH_LIMIT, kept_key
from search_by_image.records.parameters import Parameters
from search_by_image.records.schema import OWN_ID_LENGTH

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
MIGRATION_SECONDS = 50
DUPLICATE_KEY = 1062
GAVE_WAY = ((1213,), (1020,))
"""A deadlock; a row that changed since the transaction read it."""
WITHOUT_ROWID_FILTER = "SET @rowid_filter = 0 /*M!100401 , optimizer_switch = 'rowid_filter=off' */"
"""With the filter MariaDB 10.11 overlooks rows in `SELECT ... FOR UPDATE`. To MySQL this is a comment."""

SCHEMA_LOCK = func.concat("search-by-image ", func.md5(func.database()))
NUMBERS = "'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL'"
TEXTS = "'STRING'"


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

    def document_equals(self, path: Sequence[str], values: Sequence[Any], parameters: Parameters) -> str:
        equals = _equals_as_text if self._is_mariadb else _equals_as_json
        has_index = list(path) == [OWN_ID_FIELD] and (self._is_mariadb or not any(map(_is_number, values)))
        there = equals(_json_path(path), values, parameters)
        return f"({_found_by_index(values, parameters)} AND {there})" if has_index else there

    def document_compares(self, path: Sequence[str], order: Order, bound: str | float, parameters: Parameters) -> str:
        """The type is asked first: what is no number cannot be cast to one. What begins with a NUL was folded."""
        if isinstance(bound, str):
            kinds, value, wanted = TEXTS, "CAST(json_unquote({found}) AS BINARY)", parameters(bound.encode())
            in_order = f"left({value}, 1) != x'00' AND {value} {order.sign} {wanted}"
        else:
            kinds, in_order = NUMBERS, f"CAST({{found}} AS DOUBLE) {order.sign} {parameters(float(bound))}"
        is_one = f"CASE WHEN json_type({{found}}) IN ({kinds}) THEN {in_order} ELSE false END"
        return _has_one(_json_path(path), is_one, parameters)

    def document_has(self, path: Sequence[str], parameters: Parameters) -> str:
        return f"(json_extract(images.document, {parameters(_json_path(path))}) IS NOT NULL)"

    @property
    def _is_mariadb(self) -> bool:
        return isinstance(self.engine.dialect, MySQLDialect) and self.engine.dialect.is_mariadb

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

    def gave_way(self, error: BaseException | None) -> bool:
        return error is not None and error.args[:1] in GAVE_WAY


def _connect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    """The driver is imported with the first connection."""
    options["connect_timeout"] = shortened(options["connect_timeout"])
    return import_module("search_by_image.records.mysql_connection").LimitedConnection(*arguments, **options)


def _json_path(path: Sequence[str]) -> str:
    """Raises `InvalidInputError` for a path into what `FoldedJson` may have folded."""
    if len(path) >= DEPTH_LIMIT:
        raise InvalidInputError(f"MySQL and MariaDB look into documents {DEPTH_LIMIT - 1} deep, not {len(path)}.")
    return "$" + "".join(f'."{kept_key(step)}"' for step in path)


def _equals_as_text(json_path: str, values: Sequence[Any], parameters: Parameters) -> str:
    """MariaDB keeps JSON as the text that we wrote; as binary, because it compares JSON with texts as unquoted."""
    texts = parameters.each([wanted.encode() for wanted in texts_equal_to(values)])
    return _has_one(json_path, f"CAST({{found}} AS BINARY) IN {texts}", parameters)


def _equals_as_json(json_path: str, values: Sequence[Any], parameters: Parameters) -> str:
    """MySQL compares JSON by type, a scalar like an array of itself, integers and decimals by value."""
    there = f"json_extract(images.document, {parameters(json_path)})"
    return f"(json_overlaps({there}, CAST({parameters(to_json(list(values)))} AS JSON)) = 1)"


def _has_one(json_path: str, is_one: str, parameters: Parameters) -> str:
    """The value at the path is one, or has one when it is an array. `is_one` has `{found}` for the value."""
    itself = f"json_extract(images.document, {parameters(json_path)})"
    columns = f"images.document, {parameters(json_path + '[*]')} COLUMNS (value JSON PATH '$')"
    elements = f"SELECT 1 FROM json_table({columns}) AS elements"
    return f"({is_one.format(found=itself)} OR EXISTS ({elements} WHERE {is_one.format(found='elements.value')}))"


def _found_by_index(values: Sequence[Any], parameters: Parameters) -> str:
    """True of every document whose `id` equals one of the values: the index holds how its JSON begins.

    MySQL writes numbers in its own way.
    """
    begins = parameters.each([wanted[:OWN_ID_LENGTH] for wanted in texts_equal_to(values)])
    return f"(images.own_id IN {begins} OR images.own_id >= '[' AND images.own_id < '\\\\')"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
