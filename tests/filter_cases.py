"""Documents, filters, and which of the documents each finds: the same answers for `matches` and for every store."""

from hypothesis import strategies as st

from search_by_image.filters import BOUND_LENGTH, And, Compare, Exists, In, Not, Or, Order

DOCUMENTS = {
    1: {"kind": "cat", "price": 10, "tags": ["new", "red"], "shop": {"id": 1, "name": "Ann"}},
    2: {"kind": "dog", "price": 10.5, "tags": [], "shop": {"id": 2}},
    3: {"kind": "Cat", "price": "10", "tags": "new", "shop": {"id": "1"}},
    4: {"kind": "cat ", "price": None, "tags": [1, 2.5, None, True], "shop": None},
    5: {"kind": ["cat", "dog"], "price": [5, 50], "shop": [{"id": 1}]},
    6: {"kind": "été", "price": True, "tags": {"new": 1}, "shop": {"id": {"id": 1}}},
    7: {"kind": "", "price": -0.0, "shop.id": 1},
    8: {"kind": "猫", "price": 2**53 + 1, "shop": {"0": "zero"}},
    9: {"kind": "🐈", "price": -1e300, "tags": ["\uffee", "a\nb", 'a"b']},
    10: {},
    11: {"price": 9007199254740992.0, "kind": "zoo" * 100},
    12: {"price": 5e-324, "kind": "zoo" * 100 + "!"},
}
ALL = list(DOCUMENTS)


def but(*ids):
    return [number for number in ALL if number not in ids]


CASES = [
    # Equality
    ({}, ALL),
    ({"kind": "cat"}, [1, 5]),
    ({"kind": {"$eq": "Cat"}}, [3]),
    ({"kind": {"$ne": "cat"}}, but(1, 5)),
    ({"kind": {"$in": ["dog", "été"]}}, [2, 5, 6]),
    ({"kind": {"$nin": ["dog", "été"]}}, but(2, 5, 6)),
    ({"kind": {"$in": []}}, []),
    ({"kind": {"$nin": []}}, ALL),
    ({"kind": ""}, [7]),
    ({"price": 10}, [1]),
    ({"price": 10.0}, [1]),
    ({"price": "10"}, [3]),
    ({"price": True}, [6]),
    ({"price": 1}, []),
    ({"price": 0}, [7]),
    ({"price": None}, [4]),
    ({"price": {"$ne": None}}, but(4)),
    ({"price": 2**53}, [11]),
    ({"price": 2**53 + 1}, [8]),
    ({"kind": "cat", "price": 10}, [1]),
    # Order
    ({"price": {"$gt": 10}}, [2, 5, 8, 11]),
    ({"price": {"$gte": 10}}, [1, 2, 5, 8, 11]),
    ({"price": {"$lt": 10}}, [5, 7, 9, 12]),
    ({"price": {"$lte": 10}}, [1, 5, 7, 9, 12]),
    ({"price": {"$gt": 0}}, [1, 2, 5, 8, 11, 12]),
    ({"price": {"$gte": -0.0}}, [1, 2, 5, 7, 8, 11, 12]),
    ({"price": {"$lt": 5e-324}}, [7, 9]),
    ({"price": {"$gt": 2**53}}, []),
    ({"price": {"$gte": 2**53 + 1}}, [8, 11]),
    ({"price": {"$gt": -(2**63)}}, [1, 2, 5, 7, 8, 11, 12]),
    ({"price": {"$lte": 1.7976931348623157e308, "$gte": -1.7976931348623157e308}}, [1, 2, 5, 7, 8, 9, 11, 12]),
    ({"price": {"$gt": "1"}}, [3]),
    ({"price": {"$gt": 10, "$lt": 11}}, [2, 5]),
    ({"price": {"$gt": 20, "$lt": 30}}, [5]),
    ({"price": {"$not": {"$gt": 10}}}, but(2, 5, 8, 11)),
    ({"kind": {"$gte": "a"}}, [1, 2, 4, 5, 6, 8, 9, 11, 12]),
    ({"kind": {"$lt": "a"}}, [3, 7]),
    ({"kind": {"$gt": "cat"}}, [2, 4, 5, 6, 8, 9, 11, 12]),
    ({"kind": {"$gt": "cat", "$lt": "dog"}}, [4, 5]),
    ({"kind": {"$lte": ""}}, [7]),
    ({"kind": {"$gt": "\uffff"}}, [9]),
    ({"kind": {"$gt": "zoo" * 66}}, [6, 8, 9, 11, 12]),
    ({"kind": {"$lte": "zoo" * 66}}, [1, 2, 3, 4, 5, 7]),
    ({"tags": {"$gte": "a\nb", "$lt": "b"}}, [9]),
    ({"tags": {"$lt": 2}}, [4]),
    ({"tags": {"$gt": "\U00010000"}}, []),
    # Being there
    ({"price": {"$exists": True}}, but(10)),
    ({"price": {"$exists": False}}, [10]),
    ({"tags": {"$exists": True}}, [1, 2, 3, 4, 6, 9]),
    ({"tags.new": {"$exists": True}}, [6]),
    ({"tags.0": {"$exists": True}}, []),
    ({"shop.id": {"$exists": True}}, [1, 2, 3, 6]),
    ({"shop.id.id": {"$exists": True}}, [6]),
    ({"shop.id": {"$exists": True, "$nin": [1, 2]}}, [3, 6]),
    # Paths and arrays
    ({"shop.id": 1}, [1]),
    ({"shop.id.id": 1}, [6]),
    ({"shop.0": "zero"}, [8]),
    ({"shop": None}, [4]),
    ({"shop.id": {"$gt": 0}}, [1, 2]),
    ({"tags": "new"}, [1, 3]),
    ({"tags": {"$in": [2.5, True]}}, [4]),
    ({"tags": 'a"b'}, [9]),
    # Logic
    ({"$or": [{"kind": "dog"}, {"price": {"$lt": 0}}]}, [2, 5, 9]),
    ({"$and": [{"kind": "dog"}, {"price": {"$gt": 10}}]}, [2, 5]),
    ({"$and": [{"price": {"$gt": 40}}, {"price": {"$lt": 6}}]}, [5]),
    ({"$not": {"kind": "dog", "price": {"$gt": 10}}}, but(2, 5)),
    ({"$not": {"$not": {"kind": "dog"}}}, [2, 5]),
    ({"$not": {}}, []),
    ({"$not": {"tags": {"$exists": True}, "price": {"$gt": 0}}}, but(1, 2)),
    ({"$or": [{"$not": {"price": {"$exists": True}}}, {"$and": [{"tags": "new"}, {"shop.name": "Ann"}]}]}, [1, 10]),
    ({"$or": [{"missing": 1}, {"kind": {"$not": {"$in": ["cat"], "$gt": "a"}}}]}, but(1, 5)),
    ({"$not": {"$or": [{"missing": {"$gt": 1}}, {"price": 10}]}}, but(1)),
]

# Any filter on any documents

PATHS = ["a", "b", "id", "a.b", "a.b.a", "0", "~a", "a b", "a=1", "#", "long" * 60]
NEAR = [0, 1, 1.0, -1, 2**53, 2**53 + 1, 1e300, 5e-324, -5e-324, True, False, None, *("", "a", "A", "a ", "[1]", "é"),
        "a\\", 'a"', "\n", "\x01", "\x7f", "\uffff", "🐈", "1", "null", "a" * 201, "a" * 200]  # fmt: skip

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.sampled_from(NEAR) | st.none() | st.booleans() | numbers | texts
bounds = scalars.filter(lambda value: not isinstance(value, bool | None) and len(str(value)) <= BOUND_LENGTH)
keys = st.sampled_from(["a", "b", "id", "0", "~a", "a b", "a=1", "#", "long" * 60, "a.b", "", '"'])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)
document = st.dictionaries(keys, values, max_size=5)
documents = st.lists(document, min_size=1, max_size=6)
paths = st.sampled_from(PATHS)
leaves = (
    st.builds(In, paths, st.lists(scalars, max_size=3).map(tuple))
    | st.builds(Compare, paths, st.sampled_from(Order), bounds)
    | st.builds(Exists, paths)
)
filters = st.recursive(
    leaves,
    lambda inner: (
        st.builds(And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)
