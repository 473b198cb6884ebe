"""The tables of version 0.1, where SQLite had them without a note of their version."""

from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Computed,
    Connection,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

OWN_IDS = "images_by_own_id"


def upgrade() -> None:
    connection = op.get_bind()
    for table in _tables(connection).sorted_tables:
        table.create(connection, checkfirst=True)
        if connection.dialect.name == "mysql":
            _finish(connection, table)


def _finish(connection: Connection, table: Table) -> None:
    """MySQL commits every table and index by itself: a migration may have been stopped between them."""
    for index in table.indexes:
        index.create(connection, checkfirst=True)


def _tables(connection: Connection) -> MetaData:
    metadata = MetaData()
    name, options = _text(300), _options(connection)
    Table("collections", metadata, Column("name", name, primary_key=True), **options)
    Table(
        "spaces",
        metadata,
        Column("name", name, primary_key=True),
        Column("collection", name, nullable=False),
        Column("pipeline", name, nullable=False),
        Column("dimension", Integer, nullable=False),
        Column("metric", _text(16), nullable=False),
        Column("fingerprint", _text(64), nullable=False),
        **options,
    )
    images = Table(
        "images",
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
        Column("space", name, nullable=False),
        Column("state", _text(8), nullable=False),
        Column("collection", name, nullable=False),
        Column("pipeline", name, nullable=False),
        Column("created", DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql"), nullable=False),
        Column("sha256", LargeBinary(32).with_variant(mysql.BINARY(32), "mysql"), nullable=False),
        Column("document", JSON, nullable=False),
        Column("vector", LargeBinary().with_variant(mysql.LONGBLOB(), "mysql"), nullable=False),
        **options,
    )
    Index("images_of_collection", images.c.collection, images.c.id, images.c.state)
    Index("images_of_space", images.c.space, images.c.id, images.c.state)
    Index("images_by_hash", images.c.sha256)
    unsettled = text("state != 'ready'")
    Index("images_unsettled", images.c.state, images.c.id, sqlite_where=unsettled, postgresql_where=unsettled)
    _index_own_ids(images, connection.dialect.name)
    return metadata


def _text(length: int) -> String:
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def _options(connection: Connection) -> dict[str, Any]:
    """Texts differ when a character does: case, accents and spaces at the end count."""
    collation = "utf8mb4_nopad_bin" if getattr(connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}


def _index_own_ids(images: Table, dialect: str) -> None:
    """SQLite's holds the whole value, the others' how its JSON begins."""
    if dialect == "mysql":
        begins = Computed("left(json_extract(document, '$.id'), 200)", persisted=False)
        images.append_column(Column("own_id", String(200), begins))
        Index(OWN_IDS, images.c.own_id)
    elif dialect == "postgresql":
        Index(OWN_IDS, text("(left((document -> 'id')::text, 200) COLLATE \"C\")"), _table=images)
    else:
        Index(OWN_IDS, func.json_extract(images.c.document, literal_column("'$.id'")))
