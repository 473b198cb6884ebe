"""What differs between the databases that `SqlRecordStore` speaks to, and the choice of one by its URL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Insert, Table

from search_by_image.errors import MissingDependencyError, StoreError
from search_by_image.filters import Order
from search_by_image.records.mysql import MySql
from search_by_image.records.parameters import Parameters
from search_by_image.records.postgresql import PostgreSql
from search_by_image.records.sqlite import Sqlite


class Database(Protocol):
    """A class takes its SQLAlchemy URL and the options of `create_engine`.

    What it says of the table `images` in SQL stands in parentheses; where that is unknown, it counts as false.
    """

    @property
    def engine(self) -> Engine: ...

    def document_equals(self, path: Sequence[str], values: Sequence[Any], parameters: Parameters) -> str:
        """The value at the path, or one of its elements when it is an array, is one of the values.

        May also ask an index for what else must be true of such a document.
        """
        ...

    def document_compares(self, path: Sequence[str], order: Order, bound: str | float, parameters: Parameters) -> str:
        """The value at the path, or one of its elements when it is an array, is on that side of the bound."""
        ...

    def document_has(self, path: Sequence[str], parameters: Parameters) -> str:
        """There is a value at the path."""
        ...

    def insert_unless_there(self, table: Table) -> Insert:
        """Leaves a row of the same primary key as it is."""
        ...

    def migrating_alone(self, connection: Connection) -> AbstractContextManager[None]:
        """Other processes wait here until this one has ended and committed. No transaction is open before or after."""
        ...

    def is_duplicate(self, error: BaseException | None) -> bool:
        """Whether the driver's error is of a primary key that is taken."""
        ...

    def gave_way(self, error: BaseException | None) -> bool:
        """Whether the transaction was rolled back in favour of another's, and may be tried again."""
        ...


DATABASES: dict[str, tuple[type[Sqlite | MySql | PostgreSql], str, str]] = {
    "sqlite": (Sqlite, "pysqlite", ""),
    "mysql": (MySql, "pymysql", "mysql"),
    "mariadb": (MySql, "pymysql", "mysql"),
    "postgresql": (PostgreSql, "psycopg", "postgres"),
}


def open_database(url: URL, **options: Any) -> Database:
    """Connects to nothing yet. Raises `MissingDependencyError`, or `StoreError` for a database or driver not known."""
    backend = url.get_backend_name()
    kind, driver, extra = DATABASES.get(backend, (Sqlite, "", ""))
    if backend not in DATABASES or url.drivername not in (backend, f"{backend}+{driver}"):
        raise StoreError(
            f"There is no record store {url.drivername!r} (records/url). Use one of {', '.join(_known())}."
        )
    try:
        return kind(url, **options)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(driver, extra=extra, purpose=f"{backend} as record store") from error


def _known() -> list[str]:
    return [f"{backend}+{driver}://" if extra else f"{backend}://" for backend, (_, driver, extra) in DATABASES.items()]
