"""Fields learned from documents."""

from hypothesis import given
from hypothesis import strategies as st

from search_by_image.fields import LONGEST_VALUE, MOST_FIELDS, MOST_VALUES, summarise
from search_by_image.filters import matches, parse_filter

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab."), inner))
DOCUMENTS = st.lists(st.dictionaries(st.text("ab.", max_size=2), VALUES, max_size=4), max_size=5)


def of(*documents):
    return {summary.path: summary for summary in summarise(documents)}


def test_types_values_and_bounds():
    found = of(
        {"kind": "cat", "price": 10, "sold": False},
        {"kind": "cat", "price": 2.5, "sold": None},
        {"kind": "dog", "shop": {"id": 7}, "tags": ["new", "red", "new"]},
    )
    kind, price = found["kind"], found["price"]
    assert (kind.count, kind.types, kind.values) == (3, ("text",), (("cat", 2), ("dog", 1)))
    assert (kind.lowest, kind.highest) == (None, None)
    assert (price.types, price.lowest, price.highest) == (("number",), 2.5, 10)
    assert found["sold"].types == ("boolean", "null")
    assert found["shop.id"].values == ((7, 1),)
    assert found["tags"].values == (("new", 1), ("red", 1))


def test_the_most_frequent_come_first():
    assert list(of({"b": 1, "a": 1}, {"b": 1}, {"c": 1, "b": 1, "a": 2})) == ["b", "a", "c"]


def test_one_and_true_are_two_values():
    assert of({"a": 1}, {"a": True}, {"a": 1.0})["a"].values == ((1, 1), (1.0, 1), (True, 1))


def test_what_no_filter_can_name_and_no_list_can_show_is_left_out():
    assert of({"a.b": 1, "": 1, "objects": [{"a": 1}], "empty": {}}) == {}
    long = of({"text": "x" * (LONGEST_VALUE + 1)})["text"]
    assert (long.count, long.values) == (1, ())


def test_it_stays_small():
    wide = {f"field {n}": n for n in range(MOST_FIELDS + 1)}
    assert len(of(wide)) == MOST_FIELDS
    assert len(of(*({"n": n} for n in range(MOST_VALUES + 1)))["n"].values) == MOST_VALUES
    deep = {"a": 1}
    for _ in range(60):
        deep = {"a": deep}
    assert of(deep) == {}


@given(DOCUMENTS)
def test_each_value_is_found_by_a_filter_as_often_as_it_is_told(documents):
    for summary in summarise(documents):
        for value, count in summary.values:
            wanted = parse_filter({summary.path: value})
            assert sum(matches(wanted, document) for document in documents) == count
