"""A table for what the service keeps for itself: API keys, jobs."""

from alembic import op
from sqlalchemy import Column, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    collation = "utf8mb4_nopad_bin" if getattr(connection.dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    Table(
        "ledger",
        MetaData(),
        Column("kind", _text(32), primary_key=True),
        Column("id", _text(200), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("body", Text().with_variant(mysql.LONGTEXT(), "mysql"), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate=collation,
    ).create(connection, checkfirst=True)


def _text(length: int) -> String:
    return String(length).with_variant(String(length, collation="C"), "postgresql")
