"""What every record store must do: pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.conftest import EVERY, ids_of, one_store, record
from search_by_image.filters import In
from search_by_image.records.base import Match


@pytest.fixture
def twelve(records):
    records.put([record(n, {"n": n, "even": n % 2 == 0}, collection="ab"[n % 3 == 0]) for n in range(10, 130, 10)])
    return records


def test_pages_follow_the_ids(twelve):
    assert ids_of(twelve.page(EVERY, limit=3)) == [10, 20, 30]
    assert ids_of(twelve.page(EVERY, after=30, limit=3)) == [40, 50, 60]
    assert ids_of(twelve.page(EVERY, after=35, limit=1)) == [40]
    assert ids_of(twelve.page(EVERY, after=110, limit=5)) == [120]
    assert twelve.page(EVERY, after=120, limit=5) == []


def test_pages_with_the_newest_first(twelve):
    assert ids_of(twelve.page(EVERY, limit=3, newest_first=True)) == [120, 110, 100]
    assert ids_of(twelve.page(EVERY, after=100, limit=3, newest_first=True)) == [90, 80, 70]
    assert ids_of(twelve.page(EVERY, after=15, limit=3, newest_first=True)) == [10]
    assert twelve.page(EVERY, after=10, limit=3, newest_first=True) == []
    in_b = Match(In("even", (True,)), collection="b")
    assert ids_of(twelve.page(in_b, after=120, limit=2, newest_first=True)) == [90, 60]


def test_numbered_pages_follow_the_ids(twelve):
    assert ids_of(twelve.offset_page(EVERY, offset=0, limit=3)) == [10, 20, 30]
    assert ids_of(twelve.offset_page(EVERY, offset=10, limit=3)) == [110, 120]
    assert twelve.offset_page(EVERY, offset=12, limit=3) == []
    assert ids_of(twelve.offset_page(EVERY, offset=9, limit=None)) == [100, 110, 120]


def test_pages_of_a_collection_and_a_field(twelve):
    in_b = Match(collection="b")
    assert ids_of(twelve.page(in_b, limit=9)) == [30, 60, 90, 120]
    even_in_b = Match(In("even", (True,)), collection="b")
    assert ids_of(twelve.page(even_in_b, after=30, limit=1)) == [60]
    assert ids_of(twelve.offset_page(even_in_b, offset=1, limit=9)) == [60, 90, 120]
    assert twelve.count(in_b) == 4
    assert twelve.count(Match(In("n", (10, 30, 60)), collection="b")) == 2


def test_pages_of_chosen_ids(twelve):
    chosen = Match(ids=(120, 10, 40, 777))
    assert ids_of(twelve.page(chosen, after=10, limit=9)) == [40, 120]
    assert twelve.count(chosen) == 3
    assert twelve.count(Match(ids=())) == 0
    assert ids_of(twelve.begin_removal(Match(collection="a", ids=(120, 40)))) == [40]


def test_any_number_of_ids_may_be_chosen(twelve):
    assert twelve.count(Match(ids=tuple(range(300_000)))) == 12


def test_an_unknown_collection_has_no_pages(twelve):
    assert twelve.page(Match(collection="A"), limit=9) == []
    assert twelve.count(Match(collection="a ")) == 0


page_sizes = st.lists(st.integers(1, 7), min_size=1)


@one_store
@given(count=st.integers(0, 30), sizes=page_sizes, added=st.lists(st.integers(0, 3)), own_id=st.booleans())
def test_pages_laid_end_to_end_give_every_document_once(records, count, sizes, added, own_id):
    """Whatever the page sizes are, and whatever is added meanwhile with higher ids."""
    records.clear()
    wanted = Match(In("id", ("x",)), collection="pets") if own_id else EVERY
    records.put([record(n * 3, {"id": "x"}, collection="pets") for n in range(1, count + 1)])
    seen, last, newest, turn = [], 0, count * 3, 0
    while page := records.page(wanted, after=last, limit=sizes[turn % len(sizes)]):
        seen += ids_of(page)
        last = seen[-1]
        fresh = range(newest + 1, newest + 1 + (added[turn] if turn < len(added) else 0))
        records.put([record(n, {"id": "x"}, collection="pets") for n in fresh])
        newest, turn = newest + len(fresh), turn + 1
    assert seen == sorted(set(seen)) == records.ids("app_pets").tolist()


@one_store
@given(count=st.integers(0, 30), size=st.integers(1, 7), added=st.lists(st.integers(0, 3)), own_id=st.booleans())
def test_numbered_pages_laid_end_to_end_give_every_document_once(records, count, size, added, own_id):
    records.clear()
    wanted = Match(In("id", ("x",)), collection="pets") if own_id else EVERY
    records.put([record(n * 3, {"id": "x"}, collection="pets") for n in range(1, count + 1)])
    seen, newest, turn = [], count * 3, 0
    while page := records.offset_page(wanted, offset=turn * size, limit=size):
        seen += ids_of(page)
        fresh = range(newest + 1, newest + 1 + (added[turn] if turn < len(added) and len(page) == size else 0))
        records.put([record(n, {"id": "x"}, collection="pets") for n in fresh])
        newest, turn = newest + len(fresh), turn + 1
    assert seen == sorted(set(seen)) == records.ids("app_pets").tolist()
