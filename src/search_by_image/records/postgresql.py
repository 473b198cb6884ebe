"""PostgreSQL's own settings and its JSON functions."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Double, Engine, Insert, Table, Text, create_engine, event, func, select
from sqlalchemy.dialects import postgresql

from search_by_image.deadline import shortened
from search_by_image.filters import Order
from search_by_image.records.base import OWN_ID_FIELD
from search_by_image.records.json_text import texts_equal_to
from search_by_image.records.parameters import Parameters
from search_by_image.records.schema import OWN_ID_LENGTH

CONNECT_SECONDS = 5
LEAST_CONNECT_SECONDS = 2
"""To libpq a smaller number means 2, and 0 no limit."""
UNANSWERED_MS = 10_000
ANSWER_SECONDS = 60
GRACE_SECONDS = 2
DUPLICATE_KEY = "23505"
GAVE_WAY = ("40P01", "40001")
"""A deadlock; what cannot be put in an order with others."""
SCHEMA_LOCK = 0x5342_4920_7265_6373
TEXTS = postgresql.ARRAY(Text)
# The index's expression to the letter.
OWN_ID = f"left((images.document -> '{OWN_ID_FIELD}')::text, {OWN_ID_LENGTH}) COLLATE \"C\""


class PostgreSql:
    """libpq's parameters may be given in the URL: `?connect_timeout=5&tcp_user_timeout=10000&sslmode=verify-full`.

    `read_timeout`, in seconds, is ours: how long a statement may take.
    """

    def __init__(self, url: URL, **options: Any) -> None:
        seconds = int(str(url.query.get("read_timeout", ANSWER_SECONDS)))
        limits = {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": UNANSWERED_MS,
            "keepalives_idle": CONNECT_SECONDS,
            "keepalives_interval": CONNECT_SECONDS,
            "keepalives_count": 2,
            "options": f"-c statement_timeout={seconds * 1000}",
        }
        self.engine: Engine = create_engine(
            url.set(drivername="postgresql+psycopg").difference_update_query(["read_timeout"]),
            connect_args={name: value for name, value in limits.items() if name not in url.query},
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            **options,
        )
        event.listen(self.engine, "do_connect", partial(_connect, seconds + GRACE_SECONDS))

    def document_equals(self, path: Sequence[str], values: Sequence[Any], parameters: Parameters) -> str:
        """The column is of type json, which keeps the text that we wrote; jsonb writes numbers in its own way."""
        texts = texts_equal_to(values)
        is_one = f"CAST({{found}} AS text) = ANY({parameters(texts, TEXTS)})"
        equals = _has_one(path, is_one, parameters)
        return f"({_found_by_index(texts, parameters)} AND {equals})" if list(path) == [OWN_ID_FIELD] else equals

    def document_compares(self, path: Sequence[str], order: Order, bound: str | float, parameters: Parameters) -> str:
        """The type is asked first: what is no number cannot be cast to one."""
        if isinstance(bound, str):
            kind, value, wanted = "string", "({found} #>> '{{}}') COLLATE \"C\"", parameters(bound, Text())
        else:
            kind, value, wanted = "number", "CAST(CAST({found} AS text) AS float8)", parameters(float(bound), Double())
        is_one = f"CASE json_typeof({{found}}) WHEN '{kind}' THEN {value} {order.sign} {wanted} ELSE false END"
        return _has_one(path, is_one, parameters)

    def document_has(self, path: Sequence[str], parameters: Parameters) -> str:
        return f"(({_at(path, parameters)}) IS NOT NULL)"

    def insert_unless_there(self, table: Table) -> Insert:
        return postgresql.insert(table).on_conflict_do_nothing()

    @contextmanager
    def migrating_alone(self, connection: Connection) -> Iterator[None]:
        with connection.begin():
            connection.execute(select(func.pg_advisory_lock(SCHEMA_LOCK)))
        try:
            yield
        finally:
            with connection.begin():
                connection.execute(select(func.pg_advisory_unlock(SCHEMA_LOCK)))

    def is_duplicate(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlstate", None) == DUPLICATE_KEY

    def gave_way(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlstate", None) in GAVE_WAY


def _connect(seconds: float, dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    options["connect_timeout"] = max(shortened(float(options["connect_timeout"])), LEAST_CONNECT_SECONDS)
    connection = dialect.connect(*arguments, **options)
    connection.wait = _limited(connection, seconds)
    return connection


def _limited(connection: Any, longest: float) -> Callable[..., Any]:
    """The server ends a statement that takes too long; this ends the wait for a server that says nothing at all."""
    wait = connection.wait

    def limited(*arguments: Any, **options: Any) -> Any:
        seconds = shortened(longest)
        end = time.monotonic() + seconds
        try:
            return wait(*arguments, **{"timeout": seconds, **options})
        finally:
            if time.monotonic() >= end:
                connection.close()

    return limited


def _at(path: Sequence[str], parameters: Parameters) -> str:
    """A text is a key, never a position in an array."""
    return " -> ".join(["images.document", *(f"CAST({parameters(step, Text())} AS text)" for step in path)])


def _has_one(path: Sequence[str], is_one: str, parameters: Parameters) -> str:
    """The value at the path is one, or has one when it is an array. `is_one` has `{found}` for the value."""
    found = f"({_at(path, parameters)})"
    array = f"CASE json_typeof({found}) WHEN 'array' THEN {found} ELSE '[]'::json END"
    elements = f"SELECT 1 FROM json_array_elements({array}) AS elements(value)"
    return f"({is_one.format(found=found)} OR EXISTS ({elements} WHERE {is_one.format(found='elements.value')}))"


def _found_by_index(texts: Sequence[str], parameters: Parameters) -> str:
    """True of every document whose `id` equals one of the values: the index holds how its JSON begins."""
    begins = parameters([text[:OWN_ID_LENGTH] for text in texts], TEXTS)
    return f"({OWN_ID} = ANY({begins}) OR {OWN_ID} >= '[' AND {OWN_ID} < '\\')"
