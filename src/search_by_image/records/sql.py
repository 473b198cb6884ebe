"""Records in a SQL database through SQLAlchemy Core."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Delete,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from search_by_image.errors import StoreError
from search_by_image.filters import Filter, names_values
from search_by_image.records.base import (
    OWN_ID_FIELD,
    Match,
    Publication,
    Record,
    SpaceRecord,
    State,
    Stored,
    key_taken,
    no_longer_staged,
)
from search_by_image.records.ledger import Ledger
from search_by_image.records.schema import UNSETTLED, collections, images, spaces
from search_by_image.records.seconds import SecondVectors
from search_by_image.records.sql_connections import SqlConnections
from search_by_image.records.sql_filters import condition
from search_by_image.records.sql_ledger import SqlLedger
from search_by_image.records.sql_rows import STORED, record_of, row_of, stored_of
from search_by_image.records.sql_seconds import SqlSecondVectors
from search_by_image.records.sql_spaces import add_space, all_spaces, drop_space, replace_space, space_of
from search_by_image.vectors.base import Ids, Vectors, as_ids, batches

BIND_LIMIT = 1000
HIGHEST_ID = 2**63 - 1
VISIBLE = images.c.state.in_((State.PENDING, State.READY))
KEPT = images.c.state != State.REMOVING
SPACES = (images.c.second_space, images.c.space)
"""In this order: a second vector that becomes the first meanwhile is then in the one or in both."""
HIDDEN = {"state": State.REMOVING, "key": None}


class SqlRecordStore:
    """A `RecordStore` over one SQLAlchemy engine; `url` is SQLAlchemy's, such as `sqlite:///data/records.db`."""

    def __init__(self, url: str) -> None:
        self._connections = SqlConnections(url)
        self._database, self._engine = self._connections.database, self._connections.engine
        self._read, self._change = self._connections.read, self._connections.change
        self.ledger: Ledger = SqlLedger(self._connections)
        self.seconds: SecondVectors = SqlSecondVectors(self._connections)

    def create_collection(self, name: str) -> bool:
        def create(connection: Connection) -> bool:
            found = connection.scalars(select(collections.c.name).where(collections.c.name == name)).first()
            connection.execute(self._database.insert_unless_there(collections), {"name": name})
            return found is None

        return self._change(create)

    def collections(self) -> tuple[str, ...]:
        with self._read() as connection:
            return tuple(connection.scalars(select(collections.c.name).order_by(collections.c.name)))

    def drop_collection(self, name: str) -> None:
        for columns in ((spaces.c.collection, collections.c.name), (images.c.collection,)):
            self._execute(*(delete(column.table).where(column == name) for column in columns))

    def create_space(self, space: SpaceRecord) -> SpaceRecord:
        return self._change(
            partial(add_space, insert_unless_there=self._database.insert_unless_there(spaces), space=space)
        )

    def spaces(self) -> tuple[SpaceRecord, ...]:
        with self._read() as connection:
            return all_spaces(connection)

    def space(self, name: str) -> SpaceRecord | None:
        with self._read() as connection:
            return space_of(connection, name)

    def replace_space(self, old: SpaceRecord, new: SpaceRecord) -> bool:
        return self._change(partial(replace_space, old=old, new=new))

    def drop_space(self, space: SpaceRecord) -> bool:
        return self._change(partial(drop_space, space=space))

    def put(self, records: Sequence[Record]) -> None:
        self._insert([row_of(record) | {"state": State.PENDING} for record in records])

    def stage(self, records: Sequence[Record]) -> None:
        self._insert([row_of(record) | {"state": State.STAGED, "key": None} for record in records])

    def publish(self, publications: Sequence[Publication]) -> None:
        def publish(connection: Connection) -> None:
            for publication in sorted(publications, key=attrgetter("collection", "key")):
                self._publish(connection, publication)

        self._change(publish)

    def give_up(self, ids: Iterable[int]) -> None:
        self._for_each(ids, update(images).where(images.c.state == State.STAGED).values(HIDDEN))

    def find_keys(self, collection: str, keys: Sequence[str]) -> dict[str, Stored]:
        of_collection = select(*STORED).where(VISIBLE, images.c.collection == collection)
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), BIND_LIMIT):
            rows = self._fetch(of_collection.where(images.c.key.in_(keys[start : start + BIND_LIMIT])))
            found.update((str(row.key), row) for row in rows)
        return found

    def settle(self, ids: Iterable[int]) -> None:
        self._for_each(ids, update(images).where(images.c.state == State.PENDING).values(state=State.READY))

    def get(self, ids: Iterable[int]) -> dict[int, Stored]:
        with self._read() as connection:
            rows = [
                row
                for part in batches(as_ids(ids), BIND_LIMIT)
                for row in connection.execute(select(*STORED).where(VISIBLE, _among(part)))
            ]
        return {row.id: stored_of(row) for row in rows}

    def page(self, match: Match, *, after: int = 0, limit: int, newest_first: bool = False) -> list[Stored]:
        beyond = _beyond(after, match.where, newest_first=newest_first)
        order = images.c.id.desc() if newest_first else images.c.id
        return self._fetch(select(*STORED).where(self._matching(match), beyond).order_by(order).limit(limit))

    def offset_page(self, match: Match, *, offset: int, limit: int | None) -> list[Stored]:
        wanted = (
            select(images.c.id)
            .where(self._matching(match))
            .order_by(images.c.id)
            .offset(offset)
            .limit(limit)
            .subquery()
        )
        return self._fetch(select(*STORED).join(wanted, wanted.c.id == images.c.id).order_by(images.c.id))

    def count(self, match: Match) -> int:
        with self._read() as connection:
            return connection.scalars(select(func.count()).select_from(images).where(self._matching(match))).one()

    def begin_removal(self, match: Match) -> list[Stored]:
        matching = select(*STORED).where(self._matching(match)).order_by(images.c.id).with_for_update()

        def begin(connection: Connection) -> Sequence[Row[Any]]:
            rows = connection.execute(matching).all()
            for part in batches(as_ids(row.id for row in rows), BIND_LIMIT):
                connection.execute(update(images).where(_among(part)).values(HIDDEN))
            return rows

        return [stored_of(row) for row in self._change(begin)]

    def finish_removal(self, ids: Iterable[int]) -> None:
        self._for_each(ids, delete(images).where(images.c.state == State.REMOVING))

    def find_hashes(self, pipeline: str, hashes: Sequence[bytes]) -> set[tuple[bytes, str]]:
        known = select(images.c.sha256, images.c.collection).where(VISIBLE, images.c.pipeline == pipeline)
        found: set[tuple[bytes, str]] = set()
        with self._read() as connection:
            for start in range(0, len(hashes), BIND_LIMIT):
                part = hashes[start : start + BIND_LIMIT]
                found.update((row[0], row[1]) for row in connection.execute(known.where(images.c.sha256.in_(part))))
        return found

    def ids(
        self, space: str, *, where: Filter | None = None, after: int | None = None, limit: int | None = None
    ) -> Ids:
        above = true() if after is None else _beyond(after, where)
        query = select(images.c.id).where(self._matching(Match(where)), above).order_by(images.c.id).limit(limit)
        with self._read() as connection:
            found = [as_ids(connection.scalars(query.where(column == space))) for column in SPACES]
        return np.union1d(*found)[:limit]

    def vectors(self, space: str, ids: Ids) -> tuple[Ids, Vectors]:
        vector = case((images.c.space == space, images.c.vector), else_=images.c.second_vector)
        stored = select(images.c.id, vector.label("vector")).where(KEPT, _is_in(space))
        with self._read() as connection:
            rows = [row for part in batches(ids, BIND_LIMIT) for row in connection.execute(stored.where(_among(part)))]
        matrix = np.frombuffer(b"".join(row.vector for row in rows), "<f4").astype(np.float32, copy=False)
        return as_ids(row.id for row in rows), matrix.reshape(len(rows), -1 if rows else 0)

    def read(self, space: str, ids: Ids) -> list[Record]:
        whole = select(images).where(KEPT, _is_in(space)).order_by(images.c.id)
        with self._read() as connection:
            rows = [
                row
                for part in batches(np.sort(ids), BIND_LIMIT)
                for row in connection.execute(whole.where(_among(part)))
            ]
        return [record_of(row, space) for row in rows]

    def in_state(self, state: State) -> dict[str, Ids]:
        indexed = true() if state is State.READY else UNSETTLED
        query = select(*SPACES, images.c.id).where(images.c.state == state, indexed).order_by(images.c.id)
        found: defaultdict[str, list[int]] = defaultdict(list)
        with self._read() as connection:
            for *both, id_ in connection.execute(query):
                for space in filter(None, both):
                    found[space].append(id_)
        return {space: as_ids(ids) for space, ids in found.items()}

    def clear(self) -> None:
        for tables in ((spaces, collections), (images,)):
            self._execute(*(delete(table) for table in tables))

    def ping(self) -> None:
        with self._read() as connection:
            connection.execute(select(literal(1)))

    def close(self) -> None:
        self._connections.close()

    def _insert(self, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            self._change(lambda connection: connection.execute(insert(images), rows))
        except (TypeError, ValueError) as error:
            raise StoreError("A record's document is not JSON.") from error

    def _for_each(self, ids: Iterable[int], change: Update | Delete) -> None:
        self._execute(*(change.where(_among(part)) for part in batches(as_ids(ids), BIND_LIMIT)))

    def _execute(self, *statements: Update | Delete) -> None:
        """All or none."""

        def execute(connection: Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        self._change(execute)

    def _publish(self, connection: Connection, wanted: Publication) -> None:
        if wanted.replaces is not None:
            replaced = update(images).where(
                VISIBLE, images.c.id == wanted.replaces, images.c.collection == wanted.collection
            )
            if connection.execute(replaced.values(HIDDEN)).rowcount != 1:
                raise key_taken(wanted)
        staged = update(images).where(images.c.id == wanted.id, images.c.state == State.STAGED)
        try:
            published = connection.execute(staged.values(state=State.READY, key=wanted.key))
        except IntegrityError as error:
            raise key_taken(wanted) from error
        if published.rowcount != 1:
            raise no_longer_staged()

    def _matching(self, match: Match) -> ColumnElement[bool]:
        collection = true() if match.collection is None else images.c.collection == match.collection
        where = true() if match.where is None else condition(match.where, self._database)
        ids = true() if match.ids is None else images.c.id.in_(_written_out(match.ids))
        return and_(VISIBLE, collection, where, ids)

    def _fetch(self, query: Select[Any]) -> list[Stored]:
        with self._read() as connection:
            return [stored_of(row) for row in connection.execute(query)]


def _beyond(after: int, where: Filter | None, *, newest_first: bool = False) -> ColumnElement[bool]:
    """A sum is no range to walk through: SQLite then takes `images_by_own_id`, which leaves few to be compared."""
    id_ = images.c.id + 0 if where is not None and names_values(where, OWN_ID_FIELD) else images.c.id
    return id_ < (after or HIGHEST_ID) if newest_first else id_ > after


def _written_out(ids: Sequence[int]) -> BindParameter[Sequence[int]]:
    """Numbers in the statement's text: a database takes only so many parameters."""
    return bindparam("ids", ids, expanding=True, literal_execute=True)


def _is_in(space: str) -> ColumnElement[bool]:
    return or_(images.c.space == space, images.c.second_space == space)


def _among(ids: Ids) -> ColumnElement[bool]:
    return images.c.id.in_(ids.tolist())
