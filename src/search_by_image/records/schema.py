"""The tables as the code uses them. Databases get them through `migrations/`, which must come to the same."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    literal_column,
)
from sqlalchemy.dialects import mysql

from search_by_image.documents import KEY_LENGTH
from search_by_image.records.base import OWN_ID_FIELD
from search_by_image.records.mysql_json import FoldedJson


def _text(length: int) -> String:
    """Compared and sorted by its characters' numbers; the tables of MySQL and MariaDB say so for all their columns."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


NAME = _text(300)

metadata = MetaData()

collections = Table("collections", metadata, Column("name", NAME, primary_key=True))

spaces = Table(
    "spaces",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("collection", NAME, nullable=False),
    Column("pipeline", NAME, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("metric", _text(16), nullable=False),
    Column("fingerprint", _text(64), nullable=False),
    Column("index_name", NAME),
    Column("role", _text(16)),
    Column("variant", Text()),
)

# The vectors stand last: a scan over documents then never reads their pages.
images = Table(
    "images",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("space", NAME, nullable=False),
    Column("state", _text(8), nullable=False),
    Column("collection", NAME, nullable=False),
    Column("pipeline", NAME, nullable=False),
    Column("created", DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql"), nullable=False),
    Column("sha256", LargeBinary(32).with_variant(mysql.BINARY(32), "mysql"), nullable=False),
    Column("key", _text(KEY_LENGTH)),
    Column("document", JSON().with_variant(FoldedJson(), "mysql"), nullable=False),
    Column("vector", LargeBinary().with_variant(mysql.LONGBLOB(), "mysql"), nullable=False),
    Column("second_space", NAME),
    Column("second_vector", LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")),
)

ledger = Table(
    "ledger",
    metadata,
    Column("kind", _text(32), primary_key=True),
    Column("id", _text(200), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", Text().with_variant(mysql.LONGTEXT(), "mysql"), nullable=False),
)

Index("images_of_collection", images.c.collection, images.c.id, images.c.state)
Index("images_of_space", images.c.space, images.c.id, images.c.state)
Index("images_by_hash", images.c.sha256)
Index("images_by_key", images.c.collection, images.c.key, unique=True)
# Databases take the next two indexes only for queries that repeat these expressions to the letter: no bound parameters.
UNSETTLED = images.c.state != literal_column("'ready'")
OWN_ID_LENGTH = 200
OWN_ID = func.json_extract(images.c.document, literal_column(f"'$.{OWN_ID_FIELD}'"))
HAS_SECOND = images.c.second_space.is_not(None)
Index(
    "images_of_second_space",
    images.c.second_space,
    images.c.id,
    images.c.state,
    sqlite_where=HAS_SECOND,
    postgresql_where=HAS_SECOND,
)
Index("images_unsettled", images.c.state, images.c.id, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)
Index("images_by_own_id", OWN_ID).ddl_if(dialect="sqlite")
