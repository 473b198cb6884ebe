"""A space may have another name in the vector index than its own: after it was built anew."""

from alembic import op
from sqlalchemy import Column, String, inspect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """MySQL keeps a column of a migration that was stopped."""
    columns = {column["name"] for column in inspect(op.get_bind()).get_columns("spaces")}
    if "index_name" not in columns:
        name = String(300).with_variant(String(300, collation="C"), "postgresql")
        op.add_column("spaces", Column("index_name", name, nullable=True))
