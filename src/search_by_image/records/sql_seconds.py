"""Second vectors of pictures in a SQL database."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, Update, bindparam, null, select, update

from search_by_image.records.base import State
from search_by_image.records.schema import images
from search_by_image.records.sql_connections import SqlConnections
from search_by_image.records.sql_rows import vector_bytes
from search_by_image.vectors.base import Ids, Vectors, as_ids, batches

AT_ONCE = 500
"""Rows that a transaction rewrites: no other writer waits long for it."""
PUT = (
    update(images)
    .where(
        images.c.id == bindparam("of"), images.c.state != State.REMOVING, images.c.space != bindparam("second_space")
    )
    .values(second_space=bindparam("second_space"), second_vector=bindparam("second_vector"))
)
MAKE_FIRST = update(images).ordered_values(
    (images.c.space, images.c.second_space),
    (images.c.vector, images.c.second_vector),
    (images.c.second_space, null()),
    (images.c.second_vector, null()),
)
"""In this order: MySQL reads what it has just set."""
DROP = update(images).values(second_space=null(), second_vector=null())


class SqlSecondVectors:
    """Those in the database of a `SqlRecordStore`."""

    def __init__(self, connections: SqlConnections) -> None:
        self._read, self._change = connections.read, connections.change

    def ids(self, space: str) -> Ids:
        having = select(images.c.id).where(images.c.second_space == space).order_by(images.c.id)
        with self._read() as connection:
            return as_ids(connection.scalars(having))

    def put(self, space: str, ids: Ids, vectors: Vectors) -> None:
        rows = [
            {"of": id_, "second_space": space, "second_vector": vector_bytes(vector)}
            for id_, vector in sorted(zip(ids.tolist(), vectors, strict=True), key=lambda row: row[0])
        ]
        for start in range(0, len(rows), AT_ONCE):
            self._put(rows[start : start + AT_ONCE])

    def make_first(self, space: str, ids: Ids) -> None:
        self._update(MAKE_FIRST, space, ids)

    def drop(self, space: str, ids: Ids) -> None:
        self._update(DROP, space, ids)

    def _put(self, rows: Sequence[dict[str, object]]) -> None:
        self._change(lambda connection: connection.execute(PUT, rows))

    def _update(self, change: Update, space: str, ids: Ids) -> None:
        having = change.where(images.c.second_space == space)
        for part in batches(ids, AT_ONCE):
            self._change(partial(Connection.execute, statement=having.where(images.c.id.in_(part.tolist()))))
