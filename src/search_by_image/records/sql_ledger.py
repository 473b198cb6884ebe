"""The ledger in a SQL database, a body as its JSON text."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from search_by_image.records.ledger import FIRST_VERSION, Body, Entry, as_text
from search_by_image.records.schema import ledger
from search_by_image.records.sql_connections import SqlConnections


class SqlLedger:
    """A `Ledger` in the database of a `SqlRecordStore`."""

    def __init__(self, connections: SqlConnections) -> None:
        self._read, self._change = connections.read, connections.change

    def add(self, kind: str, id_: str, body: Body) -> Entry:
        row = {"kind": kind, "id": id_, "version": FIRST_VERSION, "body": as_text(body)}
        self._change(lambda connection: connection.execute(insert(ledger), row))
        return Entry(kind, id_, body, FIRST_VERSION)

    def get(self, kind: str, id_: str) -> Entry | None:
        with self._read() as connection:
            row = connection.execute(select(ledger).where(_is(kind, id_))).one_or_none()
        return _entry(row) if row else None

    def list(self, kind: str, *, after: str = "", limit: int) -> tuple[Entry, ...]:
        following = select(ledger).where(ledger.c.kind == kind, ledger.c.id > after)
        with self._read() as connection:
            return tuple(_entry(row) for row in connection.execute(following.order_by(ledger.c.id).limit(limit)))

    def replace(self, kind: str, id_: str, body: Body, version: int) -> bool:
        unchanged = update(ledger).where(_is(kind, id_), ledger.c.version == version)
        replacement = unchanged.values(body=as_text(body), version=version + 1)
        return self._change(lambda connection: connection.execute(replacement).rowcount == 1)

    def delete(self, kind: str, id_: str) -> bool:
        removal = delete(ledger).where(_is(kind, id_))
        return self._change(lambda connection: connection.execute(removal).rowcount == 1)


def _is(kind: str, id_: str) -> ColumnElement[bool]:
    return and_(ledger.c.kind == kind, ledger.c.id == id_)


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(row.kind, row.id, json.loads(row.body), row.version)
