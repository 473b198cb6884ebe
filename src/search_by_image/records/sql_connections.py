"""Connections to a SQL database whose tables are up to date, and its errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from search_by_image.errors import DuplicateIdError, StoreError, StoreUnavailableError
from search_by_image.records.database import open_database
from search_by_image.records.json_text import to_json
from search_by_image.records.migrations import bring_up_to_date, is_up_to_date


class SqlConnections:
    """One engine of SQLAlchemy; `url` is SQLAlchemy's, such as `sqlite:///data/records.db`."""

    def __init__(self, url: str) -> None:
        self._closed = False
        with _translated():
            self.database = open_database(make_url(url), json_serializer=to_json)
        self.engine = self.database.engine
        try:
            self._migrate()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _translated(), self._connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. Raises `DuplicateIdError` for an id, or a key in its collection, that is taken."""
        with _translated(), self._connect_to_write() as connection, connection.begin(), self._duplicates_told():
            yield connection

    def close(self) -> None:
        self._closed = True
        self.engine.dispose()

    def _migrate(self) -> None:
        with self.read() as connection:
            if is_up_to_date(connection):
                return
        with (
            _translated(),
            self._connect_to_write() as connection,
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

    def _connect(self) -> Connection:
        if self._closed:
            raise StoreError("The record store is closed.")
        return self.engine.connect()

    def _connect_to_write(self) -> Connection:
        return self._connect().execution_options(write=True)


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
