"""Connections to a SQL database whose tables are up to date, and its errors as ours."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from search_by_image.errors import DuplicateIdError, StoreError, StoreUnavailableError
from search_by_image.locks import in_turn
from search_by_image.outage import Outage
from search_by_image.records.database import open_database
from search_by_image.records.json_text import to_json
from search_by_image.records.migrations import bring_up_to_date, is_up_to_date

Result = TypeVar("Result")
KEPT = 5
CONNECTIONS = 15
LONGEST_WAIT = 30.0
"""Seconds until one of the connections is free."""
PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds, at most, before each further attempt at a change that gave way to another."""


class _GaveWayError(StoreUnavailableError):
    pass


class SqlConnections:
    """One engine of SQLAlchemy; `url` is SQLAlchemy's, such as `sqlite:///data/records.db`."""

    def __init__(self, url: str) -> None:
        self._closed = False
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._outage = Outage("The record store")
        pool = {"pool_size": KEPT, "max_overflow": CONNECTIONS - KEPT}
        with _translated():
            self.database = open_database(make_url(url), json_serializer=to_json, **pool)
        self.engine = self.database.engine
        try:
            self._migrate()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _translated(), self._connected() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. Raises `DuplicateIdError` for an id, or a key in its collection, that is taken."""
        with (
            _translated(),
            self._connected(write=True) as connection,
            self._giving_way_told(),
            connection.begin(),
            self._duplicates_told(),
        ):
            yield connection

    def change(self, work: Callable[[Connection], Result]) -> Result:
        """`write`; done again where the database rolled it back in favour of another's (a deadlock)."""
        for pause in PAUSES:
            try:
                return self._change_once(work)
            except _GaveWayError:
                time.sleep(random.uniform(0, pause))  # noqa: S311 - so that two do not meet again
        return self._change_once(work)

    def _change_once(self, work: Callable[[Connection], Result]) -> Result:
        with self.write() as connection:
            return work(connection)

    def close(self) -> None:
        self._closed = True
        self.engine.dispose()

    def _migrate(self) -> None:
        with self.read() as connection:
            if is_up_to_date(connection):
                return
        with (
            _translated(),
            self._connected(write=True) as connection,
            self.database.migrating_alone(connection),
            connection.begin(),
        ):
            bring_up_to_date(connection)

    @contextmanager
    def _duplicates_told(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            if self.database.is_duplicate(error.orig):
                raise DuplicateIdError("An id is recorded already, or a key in its collection.") from error
            raise StoreError("The record store refused a record; the log says more.") from error

    @contextmanager
    def _giving_way_told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if self.database.gave_way(error.orig):
                raise _GaveWayError("Others change the same records all the time. Try again in a while.") from error
            raise

    @contextmanager
    def _connected(self, *, write: bool = False) -> Iterator[Connection]:
        if self._closed:
            raise StoreError("The record store is closed.")
        with in_turn(self._places, LONGEST_WAIT):
            with self._outage.watched(lambda _: True):
                connection = self.engine.connect()
            with connection, self._outage.watched(_is_lost):
                yield connection.execution_options(write=write)


def _is_lost(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


@contextmanager
def _translated() -> Iterator[None]:
    """SQLAlchemy's errors as ours; the driver's text stays in the chain and out of the message."""
    try:
        yield
    except (OperationalError, PoolTimeoutError, OSError) as error:
        raise StoreUnavailableError("The record store does not answer. Try again; the log says more.") from error
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise StoreUnavailableError("The record store went away. Try again; the log says more.") from error
        raise StoreError("The record store refused a request; the log says more.") from error
