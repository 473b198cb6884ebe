"""What every record store must do: documents, and which of them match a field's values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.conftest import (
    EVERY,
    ids_of,
    is_match,
    one_store,
    put_documents,
    record,
    same_json,
)
from search_by_image.documents import check_document, check_field, check_values
from search_by_image.errors import InvalidInputError
from search_by_image.filters import In
from search_by_image.records.base import Match


def found_by(records, field, *values, **also):
    return ids_of(records.page(Match(In(field, values), **also), limit=1000))


# Documents

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=15
)
documents = st.dictionaries(texts, json_values, max_size=6)


def typed(value):
    """JSON with the types visible: Python's `1 == 1.0 == True` hides a difference."""
    return json.dumps(value, sort_keys=True)


@one_store
@given(document=documents)
def test_a_document_comes_back_equal(records, document):
    records.clear()
    checked = check_document(document, 1_000_000)
    records.put([record(1, checked)])
    (stored,) = records.page(EVERY, limit=1)
    assert typed(stored.document) == typed(document)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**53 + 1,
        0.1,
        1e-320,
        1.7976931348623157e308,
        1e22,
        -0.0,
        1.0,
        "é",
        "e\u0301",
        "👩‍👧",
        "\x01\x1f",
    ],
)
def test_numbers_and_texts_on_the_edge_come_back_as_they_were(records, value):
    put_documents(records, {"v": value})
    assert typed(records.get([1])[1].document) == typed({"v": value})
    assert found_by(records, "v", value) == [1]


def test_nesting_as_deep_as_documents_may_be(records):
    document = {}
    for _ in range(63):
        document = {"a": document}
    put_documents(records, check_document(document, 10_000))
    assert records.get([1])[1].document == document
    assert records.count(Match(In("a.a", (1,)))) == 0


# Matching a field

SAMPLES = [
    0,
    1,
    1.0,
    2,
    2.5,
    -1,
    2**53,
    2**53 + 1,
    1e300,
    True,
    False,
    None,
    "",
    "1",
    "1.0",
    "true",
    "null",
    "a",
    "A",
    "[1]",
    "[]",
    "{}",
    "é",
]


@pytest.mark.parametrize("field", ["v", "id", "a.v"])
@pytest.mark.parametrize("value", SAMPLES, ids=repr)
def test_a_value_equals_the_values_of_its_own_json_type(records, field, value):
    def nest(inner):
        return {"a": {"v": inner}} if field == "a.v" else {field: inner}

    all_documents = [nest(sample) for sample in SAMPLES]
    put_documents(records, *all_documents)
    assert found_by(records, field, value) == [
        number for number, sample in enumerate(SAMPLES, 1) if same_json(sample, value)
    ]


@pytest.mark.parametrize("field", ["tags", "id"])
def test_an_array_matches_by_any_of_its_elements(records, field):
    put_documents(
        records,
        {field: ["a", "b"]},
        {field: [1, 2.0, None]},
        {field: []},
        {field: [["a"], {"a": 1}]},
        {field: [True]},
        {field: "a"},
    )
    assert found_by(records, field, "a") == [1, 6]
    assert found_by(records, field, 2) == [2]
    assert found_by(records, field, 1) == [2]
    assert found_by(records, field, True) == [5]
    assert found_by(records, field, None) == [2]
    assert found_by(records, field, "b", 2) == [1, 2]


@pytest.mark.parametrize("field", ["v", "id"])
def test_an_object_matches_no_scalar(records, field):
    put_documents(records, {field: {"a": 1}}, {field: {}}, {field: {"x": None}})
    assert found_by(records, field, 1, None, "", "{}", "a", '{"a":1}') == []


@pytest.mark.parametrize("field", ["v", "id"])
def test_a_missing_field_is_not_null(records, field):
    put_documents(records, {}, {field: None}, {"other": None})
    assert found_by(records, field, None) == [2]


@pytest.mark.parametrize("field", ["v", "id"])
def test_no_values_match_nothing(records, field):
    put_documents(records, {field: None}, {field: 1}, {})
    assert records.page(Match(In(field, ())), limit=9) == []


@pytest.mark.parametrize("field", ["n", "id"])
def test_any_number_of_values_may_be_asked_for(records, field):
    put_documents(records, *({field: number} for number in range(5)))
    assert found_by(records, field, *range(3, 20_003)) == [4, 5]


def test_dotted_paths_go_into_objects_only(records):
    put_documents(
        records,
        {"shop": {"id": 1}},
        {"shop.id": 1},
        {"shop": [{"id": 1}]},
        {"shop": {"id": {"id": 1}}},
        {"shop": "id"},
        {"shop": {"id": [7, 1]}},
    )
    assert found_by(records, "shop.id", 1) == [1, 6]
    assert found_by(records, "shop.id.id", 1) == [4]


def test_a_step_of_digits_is_a_key_and_no_position(records):
    put_documents(records, {"v": ["x", "y"]}, {"v": {"0": "x"}}, {"0": "x"})
    assert found_by(records, "v.0", "x") == [2]
    assert found_by(records, "0", "x") == [3]


ODD_NAMES = [
    *("0", "01", "-1", "[0]", "[#-1]", "a[0]", "$", "$a", "$[0]", "*", "**", "#", "@", "-", "a b", " ", "'", "`", "/"),
    *("?", "%", "%s", ":a", "(", "名字", "é", "e\u0301", "\u3000", "\xa0", "👩\u200d👧", "\x7f", "null", "true", "ID"),
    *("Id", "_id", "id "),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_only_names(records, name):
    others = [{other: "no"} for other in ODD_NAMES if other != name]
    put_documents(records, {name: "yes"}, {"in": {name: "yes"}}, {name: {"in": "yes"}}, {"a": "yes"}, *others)
    check_field(name)
    assert found_by(records, name, "yes") == [1]
    assert found_by(records, f"in.{name}", "yes") == [2]
    assert found_by(records, f"{name}.in", "yes") == [3]
    assert found_by(records, name, "no") == []


def test_a_field_and_a_value_are_no_sql(records):
    put_documents(records, {"v": "a"}, {"v": "' OR 1=1 --"}, {"v": "%"})
    assert found_by(records, "v", "' OR 1=1 --") == [2]
    assert found_by(records, "v", "%") == [3]
    assert found_by(records, "v') OR 1=1 --", "a") == []


fields = st.lists(
    st.sampled_from(["id", "a", "b", "0", "[0]", "$.a", "$"]) | texts.filter(lambda text: text and "." not in text),
    min_size=1,
    max_size=3,
).map(".".join)


def usable(field):
    try:
        check_field(field)
    except InvalidInputError:
        return False
    return True


def under(field, value):
    for step in reversed(field.split(".")):
        value = {step: value}
    return value


near_values = st.sampled_from(SAMPLES) | scalars
near_documents = st.one_of(near_values, st.lists(near_values | json_values, max_size=4), json_values)


@one_store
@given(
    field=fields.filter(usable),
    inner=st.lists(near_documents, min_size=1, max_size=5),
    also=st.lists(documents, max_size=2),
    values=st.lists(near_values, max_size=4),
    data=st.data(),
)
def test_matching_is_as_the_rules_in_python_say(records, *, field, inner, also, values, data):
    records.clear()
    there = [scalar for value in inner for scalar in (value if isinstance(value, list) else [value])]
    known = [scalar for scalar in there if not isinstance(scalar, dict | list)]
    wanted = values + (data.draw(st.lists(st.sampled_from(known), max_size=2)) if known else [])
    check_values(wanted)
    stored = [under(field, value) for value in inner] + also
    put_documents(records, *stored)
    expected = [number for number, document in enumerate(stored, 1) if is_match(document, field, wanted)]
    assert found_by(records, field, *wanted) == expected
    assert found_by(records, field, *wanted, collection="images") == expected
    assert ids_of(records.offset_page(Match(In(field, tuple(wanted))), offset=0, limit=None)) == expected
    assert records.count(Match(In(field, tuple(wanted)))) == len(expected)
    assert ids_of(records.begin_removal(Match(In(field, tuple(wanted))))) == expected
