"""The tables."""

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
    func,
    literal_column,
)

NAME = String(300)

metadata = MetaData()

collections = Table("collections", metadata, Column("name", NAME, primary_key=True))

spaces = Table(
    "spaces",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("collection", NAME, nullable=False),
    Column("pipeline", NAME, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("metric", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
)

# The vector stands last: a scan over documents then never reads its pages.
images = Table(
    "images",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("space", NAME, nullable=False),
    Column("state", String(8), nullable=False),
    Column("collection", NAME, nullable=False),
    Column("pipeline", NAME, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("document", JSON, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

Index("images_of_collection", images.c.collection, images.c.id, images.c.state)
Index("images_of_space", images.c.space, images.c.id, images.c.state)
Index("images_by_hash", images.c.sha256)
# SQLite takes the next two indexes only for queries that repeat these expressions to the letter: no bound parameters.
UNSETTLED = images.c.state != literal_column("'ready'")
OWN_ID_FIELD = "id"
OWN_ID = func.json_extract(images.c.document, literal_column(f"'$.{OWN_ID_FIELD}'"))
Index("images_unsettled", images.c.state, images.c.id, sqlite_where=UNSETTLED)
Index("images_by_own_id", OWN_ID).ddl_if(dialect="sqlite")
