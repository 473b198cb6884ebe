"""A filter as a condition in SQL: one walk over the tree; each database says what its leaves are.

It is written as text: of a thousand conditions SQLAlchemy's own expressions take seconds to build, the text a tenth of
one.
"""

from collections.abc import Sequence

from sqlalchemy import TextClause, text

from search_by_image.filters import And, Compare, Exists, Filter, In, Not, Or
from search_by_image.records.database import Database
from search_by_image.records.parameters import Parameters

SIDE_BY_SIDE = 32


def condition(where: Filter, database: Database) -> TextClause:
    parameters = Parameters()
    return text(_sql(where, database, parameters)).bindparams(*parameters.named)


def _sql(where: Filter, database: Database, parameters: Parameters) -> str:
    """Unknown counts as false; where it is negated, it is made so."""
    match where:
        case And(parts):
            return _joined([_sql(part, database, parameters) for part in parts], " AND ", "true")
        case Or(parts):
            return _joined([_sql(part, database, parameters) for part in parts], " OR ", "false")
        case Not(part):
            return f"(NOT coalesce({_sql(part, database, parameters)}, false))"
        case In(path, values):
            return database.document_equals(path.split("."), values, parameters)
        case Compare(path, order, bound):
            return database.document_compares(path.split("."), order, bound, parameters)
        case Exists(path):
            return database.document_has(path.split("."), parameters)


def _joined(conditions: Sequence[str], joint: str, none: str) -> str:
    """By a few dozen: SQLite reads `a OR b OR c` as nested, and nests at most 1000 deep."""
    if len(conditions) > SIDE_BY_SIDE:
        starts = range(0, len(conditions), SIDE_BY_SIDE)
        groups = [_joined(conditions[start : start + SIDE_BY_SIDE], joint, none) for start in starts]
        return _joined(groups, joint, none)
    return f"({joint.join(conditions) or none})"
