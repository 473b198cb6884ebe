"""Filters: which tree they are parsed into, what is refused in which words, what they mean, and the page about them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import filter_cases
from filter_cases import CASES, DOCUMENTS
from search_by_image.errors import InvalidInputError
from search_by_image.filters import (
    DEPTH_LIMIT,
    And,
    Compare,
    Exists,
    In,
    Not,
    Or,
    Order,
    check_filter,
    matches,
    parse_filter,
)

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("filters*.md"))


@pytest.mark.parametrize(
    ("raw", "tree"),
    [
        ({}, And(())),
        ({"a": 1}, In("a", (1,))),
        ({"a": None, "b": "x"}, And((In("a", (None,)), In("b", ("x",))))),
        ({"a.b": {"$eq": True}}, In("a.b", (True,))),
        ({"a": {"$ne": 1}}, Not(In("a", (1,)))),
        ({"a": {"$in": [1, "x"]}}, In("a", (1, "x"))),
        ({"a": {"$nin": []}}, Not(In("a", ()))),
        ({"a": {"$gt": 1, "$lte": 2.5}}, And((Compare("a", Order.GT, 1), Compare("a", Order.LTE, 2.5)))),
        ({"a": {"$lt": "x"}}, Compare("a", Order.LT, "x")),
        ({"a": {"$exists": True}}, Exists("a")),
        ({"a": {"$exists": False}}, Not(Exists("a"))),
        ({"a": {"$not": {"$gte": 1}}}, Not(Compare("a", Order.GTE, 1))),
        ({"$or": [{"a": 1}, {"b": 2}]}, Or((In("a", (1,)), In("b", (2,))))),
        ({"$and": [{"a": 1}], "c": 3}, And((And((In("a", (1,)),)), In("c", (3,))))),
        ({"$not": {"a": 1, "b": 2}}, Not(And((In("a", (1,)), In("b", (2,)))))),
    ],
    ids=str,
)
def test_a_filter_is_parsed_into_its_tree(raw, tree):
    assert parse_filter(raw) == tree
    check_filter(tree)


def nested(depth):
    return {"a": 1} if depth == 1 else {"$not": nested(depth - 1)}


REFUSED = [
    ([], "a JSON object"),
    ("x", "a JSON object"),
    (None, "a JSON object"),
    ({"": 1}, "not a field's name"),
    ({"a..b": 1}, "not a field's name"),
    ({"$nor": [{}]}, "'\\$nor' is no operator between conditions"),
    ({"$gt": 5}, "'\\$gt' is no operator between conditions"),
    ({"$and": []}, "\\$and takes a list of one or more"),
    ({"$or": {"a": 1}}, "\\$or takes a list"),
    ({"$or": [1]}, "a JSON object"),
    ({"$not": [{"a": 1}]}, "a JSON object"),
    ({"a": {}}, "'a' has no condition"),
    ({"a": [1]}, "'a' is compared with \\[1\\]"),
    ({"a": {"b": 1}}, "'b' is no operator for the field 'a'"),
    ({"a": {"$regex": "x"}}, "'\\$regex' is no operator for the field 'a'. Allowed: \\$eq, \\$ne"),
    ({"a": {"$eq": {"b": 1}}}, "'a' is compared with"),
    ({"a": {"$in": "x"}}, "take a list"),
    ({"a": {"$in": [[1]]}}, "'a' is compared with \\[1\\]"),
    ({"a": {"$exists": 1}}, "takes true or false"),
    ({"a": {"$gt": None}}, "\\$gt of 'a' takes a number or a text, not None"),
    ({"a": {"$lte": True}}, "takes a number or a text, not True"),
    ({"a": {"$gt": "x" * 201}}, "takes a text of 200 characters, not 201"),
    ({"a": {"$not": 5}}, "\\$not of 'a' takes operators"),
    ({"a": float("nan")}, "must be text, numbers"),
    ({"a": 2**63}, "must be text, numbers"),
    ({"a": "\0"}, "must be text, numbers"),
    ({"a": "\ud800"}, "must be text, numbers"),
    ({"a": {"$in": list(range(1001))}}, "1001 conditions and values; 1000 are allowed"),
    (nested(DEPTH_LIMIT + 1), "more than 16 deep"),
    ({"x" * 80: [1]}, "compared with"),
]


@pytest.mark.parametrize(("raw", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_no_filter_is_refused_and_the_part_is_named(raw, words):
    with pytest.raises(InvalidInputError, match=words):
        parse_filter(raw)


def test_limits_are_not_one_too_small():
    parse_filter(nested(DEPTH_LIMIT))
    parse_filter({"a": {"$in": list(range(1000))}})
    parse_filter({"a": {"$gt": "x" * 200}})
    with pytest.raises(InvalidInputError, match="3 conditions and values; 2 are allowed"):
        parse_filter({"a": {"$in": [1, 2, 3]}}, max_conditions=2)


@pytest.mark.parametrize(
    "tree",
    [
        In("a..b", ()),
        In("a", ([1],)),
        Not(Compare("a", Order.GT, "x" * 201)),
        And((Or((Compare("a", Order.LT, True),)),)),
        Exists(""),
    ],
    ids=str,
)
def test_a_tree_that_could_not_be_parsed_is_refused(tree):
    with pytest.raises(InvalidInputError):
        check_filter(tree)


json_values = st.recursive(
    filter_cases.scalars | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$and", "$or", "$not", "$gt", "$in", "$eq", "$exists", "b.c"]), inner)
    ),
)


@given(json_values)
def test_anything_is_a_filter_or_refused_in_words(raw):
    try:
        check_filter(parse_filter(raw))
    except InvalidInputError as error:
        assert str(error)


@pytest.mark.parametrize(("raw", "expected"), CASES, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_filter_matches(raw, expected):
    where = parse_filter(raw)
    assert [number for number, document in DOCUMENTS.items() if matches(where, document)] == expected


@given(filter_cases.document, filter_cases.filters)
def test_negation_is_the_rest_and_and_or_are_dual(document, where):
    assert matches(Not(where), document) is not matches(where, document)
    other = Exists("a")
    assert matches(Not(And((where, other))), document) == matches(Or((Not(where), Not(other))), document)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_the_page_find_what_it_says(page):
    text = page.read_text(encoding="utf-8")
    (documents,) = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    examples = re.findall(r"^\| `(\{.*\})` \| ([\d, ]+) \|$", text, re.MULTILINE)
    assert len(examples) > 10
    for raw, found in examples:
        where = parse_filter(json.loads(raw))
        assert [number for number, document in documents.items() if matches(where, document)] == found.split(", "), raw


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_the_page_runs(page):
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_operator_is_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    with pytest.raises(InvalidInputError) as refused:
        parse_filter({"a": {"$size": 1}})
    for operator in re.findall(r"\$\w+", str(refused.value).split("Allowed: ")[1]):
        assert operator in text


def test_both_pages_have_the_same_examples():
    example = re.compile(r"^(?:search-by-image .*|\| `\{.*\}` \| [\d, ]+ \|)$", re.MULTILINE)
    shown = [example.findall(page.read_text("utf-8")) for page in PAGES]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 10
