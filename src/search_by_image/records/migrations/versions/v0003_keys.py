"""The caller's own key of a picture, unique in its collection."""

from alembic import op
from sqlalchemy import Column, Connection, String, inspect

revision = "0003"
down_revision = "0002"

KEY = "key"
BY_KEY = "images_by_key"
BEFORE = "images_before"
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'images'"
FILL = """
INSERT INTO images (id, space, state, collection, pipeline, created, sha256, document, vector)
SELECT id, space, state, collection, pipeline, created, sha256, document, vector FROM images_before
"""
WITH_KEY = """
CREATE TABLE images (id INTEGER NOT NULL, space VARCHAR(300) NOT NULL, state VARCHAR(8) NOT NULL,
    collection VARCHAR(300) NOT NULL, pipeline VARCHAR(300) NOT NULL, created DATETIME NOT NULL, sha256 BLOB NOT NULL,
    "key" VARCHAR(255), document JSON NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (id))
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _rebuild(connection)
    else:
        _add(connection)


def _add(connection: Connection) -> None:
    """MySQL commits every step by itself: a migration may have been stopped between them."""
    found = inspect(connection)
    if KEY not in {column["name"] for column in found.get_columns("images")}:
        op.add_column("images", _key_column())
    if BY_KEY not in {index["name"] for index in found.get_indexes("images")}:
        op.create_index(BY_KEY, "images", ["collection", KEY], unique=True)


def _rebuild(connection: Connection) -> None:
    """SQLite would add the column behind the vector, and read past every vector to get there."""
    indexes = [row for row in connection.exec_driver_sql(INDEXES) if row.sql]
    for index in indexes:
        connection.exec_driver_sql(f"DROP INDEX {index.name}")
    op.rename_table("images", BEFORE)
    connection.exec_driver_sql(WITH_KEY)
    connection.exec_driver_sql(FILL)
    op.drop_table(BEFORE)
    for index in indexes:
        connection.exec_driver_sql(index.sql)
    op.create_index(BY_KEY, "images", ["collection", KEY], unique=True)


def _key_column() -> Column[str]:
    return Column(KEY, String(255).with_variant(String(255, collation="C"), "postgresql"))
