"""Pictures may have a second vector, by another model, in a space that is to succeed their own."""

from typing import Any

from alembic import op
from sqlalchemy import Column, Inspector, LargeBinary, String, Text, inspect, text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

revision = "0005"
down_revision = "0004"

INDEX = "images_of_second_space"


def upgrade() -> None:
    """MySQL commits every step by itself: a migration may have been stopped between them."""
    found = inspect(op.get_bind())
    vector = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
    _add(found, "spaces", {"role": _text(16), "variant": Text()})
    _add(found, "images", {"second_space": _text(300), "second_vector": vector})
    if found.dialect.name != "mysql" or INDEX not in {index["name"] for index in found.get_indexes("images")}:
        has_one = text("second_space IS NOT NULL")
        columns = ["second_space", "id", "state"]
        op.create_index(INDEX, "images", columns, sqlite_where=has_one, postgresql_where=has_one)


def _add(found: Inspector, table: str, columns: dict[str, TypeEngine[Any]]) -> None:
    known = {column["name"] for column in found.get_columns(table)}
    for name, kind in columns.items():
        if name not in known:
            op.add_column(table, Column(name, kind, nullable=True))


def _text(length: int) -> String:
    return String(length).with_variant(String(length, collation="C"), "postgresql")
