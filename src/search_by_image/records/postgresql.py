"""PostgreSQL's own settings and its JSON functions."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from typing import Any

from sqlalchemy import (
    JSON,
    URL,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Table,
    Text,
    and_,
    case,
    cast,
    create_engine,
    event,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql

from search_by_image.deadline import shortened
from search_by_image.records.json_text import texts_equal_to
from search_by_image.records.schema import OWN_ID_FIELD, OWN_ID_LENGTH, images

CONNECT_SECONDS = 5
LEAST_CONNECT_SECONDS = 2
"""To libpq a smaller number means 2, and 0 no limit."""
UNANSWERED_MS = 10_000
ANSWER_SECONDS = 60
GRACE_SECONDS = 2
DUPLICATE_KEY = "23505"
SCHEMA_LOCK = 0x5342_4920_7265_6373
# The index's expression to the letter.
OWN_ID: ColumnElement[str] = literal_column(
    f"left((images.document -> '{OWN_ID_FIELD}')::text, {OWN_ID_LENGTH}) COLLATE \"C\"", Text(collation="C")
)


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

    def document_equals(self, path: Sequence[str], values: Sequence[Any]) -> ColumnElement[bool]:
        """The column is of type json, which keeps the text that we wrote; jsonb writes numbers in its own way."""
        texts = texts_equal_to(values)
        document: ColumnElement[Any] = images.c.document
        found = reduce(_inside, path, document)
        is_array = func.json_typeof(found) == "array"
        array = case((is_array, found), else_=literal_column("'[]'::json"))
        elements = func.json_array_elements(array).table_valued("value")
        is_one = _is_any(cast(elements.c.value, Text), texts)
        has_one = exists(select(literal(1)).select_from(elements).where(is_one))
        equals = or_(_is_any(cast(found, Text), texts), has_one)
        return and_(_found_by_index(values), equals) if list(path) == [OWN_ID_FIELD] else equals

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


def _inside(outer: ColumnElement[Any], step: str) -> ColumnElement[Any]:
    """A text is a key, never a position in an array."""
    return outer.op("->", return_type=JSON())(literal(step, Text))


def _is_any(text: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    """One parameter, however many texts."""
    return text == func.any(literal(list(texts), postgresql.ARRAY(Text)))


def _found_by_index(values: Sequence[Any]) -> ColumnElement[bool]:
    """True of every document whose `id` equals one of the values: the index holds how its JSON begins."""
    begins = [wanted[:OWN_ID_LENGTH] for wanted in texts_equal_to(values)]
    return or_(_is_any(OWN_ID, begins), and_(OWN_ID >= "[", OWN_ID < "\\"))
