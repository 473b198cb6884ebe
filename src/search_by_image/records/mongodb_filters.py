"""A filter as MongoDB's query over the terms that stand beside each document."""

from search_by_image.filters import And, Compare, Exists, Filter, In, Not, Or
from search_by_image.records.mongodb_client import Row
from search_by_image.records.mongodb_terms import range_of, range_of_all, term

NEVER: Row = {"terms": {"$in": []}}


def query_of(where: Filter) -> Row:
    """`$nor` in place of `$not`, and nothing of MongoDB's own paths and types: so it means the same on every server."""
    match where:
        case And(parts):
            return {"$and": [query_of(part) for part in parts]} if parts else {"$nor": [NEVER]}
        case Or(parts):
            return {"$or": [query_of(part) for part in parts]} if parts else NEVER
        case Not(part):
            return {"$nor": [query_of(part)]}
        case In(path, values):
            return {"terms": {"$in": [term(path, value) for value in values]}}
        case Compare(path, order, bound):
            return {"terms": {"$elemMatch": range_of(path, order, bound)}}
        case Exists(path):
            return {"terms": {"$elemMatch": range_of_all(path)}}
