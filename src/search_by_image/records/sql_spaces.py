"""The table of vector spaces."""

from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, Insert, RowMapping, and_, delete, select, update

from search_by_image.records.base import SpaceRecord
from search_by_image.records.schema import spaces


def all_spaces(connection: Connection) -> tuple[SpaceRecord, ...]:
    return tuple(map(_space, connection.execute(select(spaces).order_by(spaces.c.name)).mappings()))


def space_of(connection: Connection, name: str) -> SpaceRecord | None:
    row = connection.execute(select(spaces).where(spaces.c.name == name)).mappings().one_or_none()
    return None if row is None else _space(row)


def add_space(connection: Connection, insert_unless_there: Insert, space: SpaceRecord) -> SpaceRecord:
    """Answers with the one that is there."""
    connection.execute(insert_unless_there, asdict(space))
    return _space(connection.execute(select(spaces).where(spaces.c.name == space.name)).mappings().one())


def replace_space(connection: Connection, old: SpaceRecord, new: SpaceRecord) -> bool:
    """Only a space that is still as given."""
    return connection.execute(update(spaces).where(_is(old)).values(asdict(new))).rowcount == 1


def drop_space(connection: Connection, space: SpaceRecord) -> bool:
    return connection.execute(delete(spaces).where(_is(space))).rowcount == 1


def _is(space: SpaceRecord) -> ColumnElement[bool]:
    return and_(*(spaces.c[name].is_not_distinct_from(value) for name, value in asdict(space).items()))


def _space(row: RowMapping) -> SpaceRecord:
    return SpaceRecord(**row)
