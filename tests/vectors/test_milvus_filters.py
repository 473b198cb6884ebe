"""What Milvus makes of a filter: never less than what matches, and for all but the order of odd texts exactly that."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filter_cases import CASES, DOCUMENTS, documents, filters
from search_by_image.filters import And, Compare, Exists, In, Not, Or, Order, matches, parse_filter, walk
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.milvus import MilvusIndex
from search_by_image.vectors.milvus_documents import LARGEST, LONGEST, UNKNOWN, filterable
from search_by_image.vectors.milvus_filters import LONGEST_EXPRESSION, expression

SPACE = Space("app_pictures", 2, Metric.L2)
PROPERTY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
_ids = itertools.count(1000)


@pytest.fixture
def index(databases):
    opened = MilvusIndex(databases.settings())
    opened.open_space(SPACE)
    yield opened
    opened.close()


@pytest.fixture
def kept(index):
    """Holds the cases' documents; answers with the ids that a filter leaves."""
    return candidates_in(index, DOCUMENTS)


def candidates_in(index, documents):
    index.upsert(SPACE.name, np.array(list(documents)), np.zeros((len(documents), 2)), list(documents.values()))
    return lambda where: {
        neighbour.id
        for neighbour in index.search(SPACE.name, np.zeros(2), len(documents), only=list(documents), where=where)
    }


def is_exact(where):
    """The order of texts that are long, or hard to quote, is not known to Milvus."""
    return not any(isinstance(part, Compare) and isinstance(part.bound, str) for part in walk(where))


class TestOnTheServer:
    def test_the_cases_of_every_store(self, kept):
        for raw, expected in CASES:
            where = parse_filter(raw)
            candidates = kept(where)
            assert set(expected) <= candidates, raw
            assert not is_exact(where) or candidates == set(expected), raw

    def test_the_order_of_plain_texts_is_exact(self, kept):
        assert kept(parse_filter({"kind": {"$gt": "cat", "$lt": "dog"}})) == {4, 5, 11, 12}
        assert kept(parse_filter({"kind": {"$not": {"$gte": "a"}}})) == {3, 7, 10, 11, 12}
        assert kept(parse_filter({"shop.name": {"$gte": "Ann"}})) == {1}

    def test_any_document_and_filter(self, index):
        PROPERTY(given(documents, st.lists(filters, min_size=1, max_size=10))(self._superset))(index)

    def _superset(self, index, documents, wheres):
        numbered = {next(_ids): document for document in documents}
        candidates_of = candidates_in(index, numbered)
        for where in wheres:
            expected = {number for number, document in numbered.items() if matches(where, document)}
            candidates = candidates_of(where)
            assert expected <= candidates
            assert not is_exact(where) or candidates == expected

    def test_a_document_that_does_not_fit_is_always_a_candidate(self, index):
        large = {"kind": "cat", "words": [f"word {number}" for number in range(20_000)]}
        candidates_of = candidates_in(index, {1: large, 2: {"kind": "cat"}, 3: {"kind": "dog"}})
        assert candidates_of(In("kind", ("cat",))) == {1, 2}
        assert candidates_of(Not(In("kind", ("cat",)))) == {1, 3}

    def test_a_filter_of_the_largest_size(self, index):
        """Milvus takes a hundred levels of an expression."""
        candidates_of = candidates_in(index, {1: {"n": 7.5}, 2: {"n": -1}, 3: {"n": 900}, 4: {"n": 199.5}})
        bands = tuple(
            And((Compare("n", Order.GT, number), Compare("n", Order.LT, number + 1))) for number in range(200)
        )
        deep = Or(bands)
        for _ in range(16):
            deep = And((Not(Not(deep)), Or((Exists("n"), In("n", (3,))))))
        assert candidates_of(deep) == {1, 4}
        assert candidates_of(In("n", tuple(range(800, 1800)))) == {3}


class TestExpression:
    @pytest.mark.parametrize("where", [None, And(()), Not(Or(())), Not(In("a", ())), Or((And(()), Exists("a")))])
    def test_of_what_always_matches_is_empty(self, where):
        assert expression(where) == ""

    @pytest.mark.parametrize("where", [Or(()), In("a", ()), Not(And(())), And((Exists("a"), In("a", ())))])
    def test_of_what_never_matches_there_is_none(self, where):
        assert expression(where) is None

    def test_one_that_is_too_long_narrows_nothing(self):
        assert expression(In("a", tuple(f"{number:100}" for number in range(LONGEST_EXPRESSION // 100)))) == ""

    @settings(deadline=None)
    @given(filters)
    def test_needs_no_escapes(self, where):
        assert not set(expression(where) or "") & set("\\\n\r\t\x01")


class TestKept:
    @settings(deadline=None)
    @given(documents)
    def test_fits_or_is_unknown(self, drawn):
        for document in drawn:
            kept = filterable(document)
            assert kept == UNKNOWN or len(json.dumps(kept.content, ensure_ascii=False).encode()) == kept.size <= LARGEST

    def test_is_readable(self):
        kept = filterable(
            {"kind": "cat", "price": 10.0, "shop": {"open": True, "tags": ["a", 7, None]}, "url": "x" * 500}
        )
        terms = [term for term in kept.content["has"] if "~" not in term and not term.startswith("url")]
        assert terms == ["kind:cat", "price=10", "shop.open=true", "shop.tags:a", "shop.tags=7", "shop.tags=null"]
        assert kept.content["numbers"] == {"price": [10.0, 10.0], "shop.tags": [7.0, 7.0]}
        assert kept.content["texts"] == {"kind": ["cat", "cat"], "shop.tags": ["a", "a"]}

    def test_a_long_text_is_a_digest(self):
        (term,) = (term for term in filterable({"a": "x" * (LONGEST + 1)}).content["has"] if "~" not in term)
        assert len(term) == len("a#") + 32
