"""The schema's versions: `versions/` holds one file for each, which Alembic runs."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from search_by_image.errors import StoreError

NEWEST = "0005"
FOLDER = Path(__file__).parent
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def is_up_to_date(connection: Connection) -> bool:
    """Raises `StoreError` when a newer version of this program made the schema."""
    version = _version(connection)
    if version is not None and version > NEWEST:
        raise StoreError(
            f"The record store's schema has version {version}, and this version of search-by-image knows those up to "
            f"{NEWEST}. Install the version of search-by-image that made it, or a newer one."
        )
    return version == NEWEST


def bring_up_to_date(connection: Connection) -> None:
    """The caller makes sure to be alone. Tables without a note of their version are of version 0001."""
    if is_up_to_date(connection):
        return
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION.name):
        return None
    return connection.scalar(select(VERSION.c.version_num))
