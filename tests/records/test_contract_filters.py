"""What every record store must do: any filter finds what `matches` says."""

import pytest
from hypothesis import given

import filter_cases
from filter_cases import CASES, DOCUMENTS
from records.conftest import ids_of, one_store, put_documents, record
from search_by_image.documents import check_document
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
from search_by_image.records.base import Match


@pytest.mark.parametrize(("raw", "expected"), CASES, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_filter_finds(records, raw, expected):
    records.put([record(number, document) for number, document in DOCUMENTS.items()])
    where = parse_filter(raw)
    assert ids_of(records.page(Match(where), limit=99)) == expected
    assert records.count(Match(where, collection="images", ids=(1, 2, 5))) == len({1, 2, 5} & set(expected))


@one_store
@given(documents=filter_cases.documents, where=filter_cases.filters)
def test_any_filter_on_any_documents_finds_what_matches_says(records, documents, where):
    records.clear()
    check_filter(where)
    checked = [check_document(document, 100_000) for document in documents]
    put_documents(records, *checked)
    expected = [number for number, document in enumerate(checked, 1) if matches(where, document)]
    assert ids_of(records.page(Match(where), limit=99)) == expected
    assert records.count(Match(Not(where))) == len(checked) - len(expected)
    assert records.ids("app_images", where=where).tolist() == expected
    assert ids_of(records.begin_removal(Match(where, collection="images"))) == expected


def test_ids_come_in_parts(records):
    records.put([record(number, {"even": number % 2 == 0}) for number in range(1, 21)])
    records.put([record(99, {"even": True}, space="app_other")])
    records.begin_removal(Match(ids=(6,)))
    even = In("even", (True,))
    assert records.ids("app_images", where=even).tolist() == [2, 4, 8, 10, 12, 14, 16, 18, 20]
    assert records.ids("app_images", where=even, limit=3).tolist() == [2, 4, 8]
    assert records.ids("app_images", where=even, after=8, limit=2).tolist() == [10, 12]
    assert records.ids("app_images", where=even, after=20, limit=2).tolist() == []
    assert records.ids("app_images", after=18).tolist() == [19, 20]
    assert records.ids("app_images", limit=0).tolist() == []
    assert records.ids("app_images", where=In("id", ("x",)), after=3, limit=2).tolist() == []


def test_many_conditions_at_once(records):
    put_documents(records, {"n": 5, "t": "b"}, {"n": 998.5}, {"n": [7, 2000]}, {"m": 1})
    outside = [{"n": {"$lt": number}} for number in range(-240, 0)] + [{"n": {"$gt": 1000 + n}} for n in range(240)]
    assert ids_of(records.page(Match(parse_filter({"$or": outside})), limit=9)) == [3]
    assert ids_of(records.page(Match(parse_filter({"$not": {"$or": outside}})), limit=9)) == [1, 2, 4]
    inside = [{"n": {"$ne": number}} for number in range(5, 250)]
    assert ids_of(records.page(Match(parse_filter({"$and": inside})), limit=9)) == [2, 4]


def test_conditions_nested_as_deep_as_filters_may_be(records):
    put_documents(records, {"n": 1}, {"n": 2})
    raw, where = {"n": {"$gt": 1}}, 2
    for number in range(DEPTH_LIMIT - 1):
        raw = {"$not": raw} if number % 2 else {"$or": [raw, {"n": 3}], "m": {"$exists": False}}
        where = 3 - where if number % 2 else where
    assert ids_of(records.page(Match(parse_filter(raw)), limit=9)) == [where]


@pytest.mark.parametrize("order", Order)
def test_numbers_next_to_each_other_are_told_apart(records, order):
    near = [0.1, 0.1 + 2**-56, 1.0, 1 + 2**-52, 2.0**53, 2.0**53 + 2, 1e22, 1e22 + 2**21, -1.0, -1 - 2**-52, 0, 5e-324]
    put_documents(records, *({"n": [[], number]} for number in near))
    for bound in near:
        where = Compare("n", order, bound)
        expected = [number for number, value in enumerate(near, 1) if order.holds(float(value), float(bound))]
        assert ids_of(records.page(Match(where), limit=99)) == expected


def test_a_long_text_is_ordered_by_how_it_begins(records):
    texts = ["a" * 199, "a" * 200, "a" * 201, "a" * 5000 + "b", "a" * 199 + "b", "a" * 200 + "\x01"]
    put_documents(records, *({"t": text} for text in texts))
    for bound in ("a" * 199, "a" * 200, "a" * 199 + "b"):
        for order in Order:
            expected = [number for number, text in enumerate(texts, 1) if order.holds(text, bound)]
            assert ids_of(records.page(Match(Compare("t", order, bound)), limit=99)) == expected


def test_no_condition_at_all_is_always_and_none_of_none_is_never(records):
    put_documents(records, {}, {"n": 1})
    for where, expected in ((And(()), 2), (Or(()), 0), (Not(And(())), 0), (Not(Or(())), 2), (And((Or(()),)), 0)):
        assert records.count(Match(where)) == expected


def test_a_filter_is_no_sql(records):
    put_documents(records, {"v": "a"}, {"v": "' OR 1=1 --"})
    path = "v') OR 1=1 --"
    for where in (Compare("v", Order.GT, "' OR 1=1 -"), Not(Exists(path)), Not(In(path, ("a",)))):
        assert ids_of(records.page(Match(where), limit=9)) == [1, 2]
    assert records.count(Match(Exists(path))) == records.count(Match(Compare(path, Order.GT, ""))) == 0
