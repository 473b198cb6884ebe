"""What SQLite's queries cost: each takes the index that is meant for it, and the index changes no answer."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, make_url

from records.conftest import EVERY, hash_of, record
from search_by_image.filters import And, Compare, In, Not, Order
from search_by_image.records.base import Match, State
from search_by_image.records.parameters import Parameters
from search_by_image.records.sql import SqlRecordStore
from search_by_image.records.sqlite import Sqlite
from search_by_image.vectors.base import as_ids


@pytest.fixture
def full(store: SqlRecordStore) -> SqlRecordStore:
    documents = [{"id": f"pic-{n}", "shop": n % 7} if n % 3 else {"id": [f"pic-{n}"]} for n in range(1, 301)]
    store.put([record(n, document, collection="ab"[n % 2]) for n, document in enumerate(documents, 1)])
    store.settle(range(1, 300))
    return store


class Plans:
    """What SQLite says about every statement that the store gives it."""

    def __init__(self, store: SqlRecordStore, file: Path) -> None:
        self.lines: list[str] = []
        self._file = file
        event.listen(store._engine, "after_cursor_execute", self._explain)

    def _explain(self, _connection, _cursor, statement, parameters, *_) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            with sqlite3.connect(self._file) as other:
                plan = other.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            other.close()
            self.lines += [detail for *_, detail in plan]

    def uses(self, index: str) -> bool:
        return any(f"INDEX {index} " in line for line in self.lines)

    @property
    def scans(self) -> list[str]:
        return [line for line in self.lines if line.startswith("SCAN images")]

    @property
    def sorts(self) -> bool:
        return any("TEMP B-TREE" in line for line in self.lines)


@pytest.fixture
def plans(full: SqlRecordStore, file: Path) -> Plans:
    return Plans(full, file)


def test_paging_walks_the_primary_key(full, plans):
    full.page(EVERY, after=5, limit=10)
    assert plans.lines == ["SEARCH images USING INTEGER PRIMARY KEY (rowid>?)"]


def test_paging_in_a_collection_walks_its_index(full, plans):
    full.page(Match(collection="a"), after=5, limit=10)
    assert plans.lines == ["SEARCH images USING INDEX images_of_collection (collection=? AND id>?)"]


def test_paging_from_the_newest_walks_the_same_way_back(full, plans):
    full.page(Match(collection="a"), limit=10, newest_first=True)
    full.page(Match(collection="a"), after=200, limit=10, newest_first=True)
    assert set(plans.lines) == {"SEARCH images USING INDEX images_of_collection (collection=? AND id<?)"}
    assert not plans.sorts


def test_numbered_pages_of_a_collection_skip_in_its_index(full, plans):
    full.offset_page(Match(collection="a"), offset=100, limit=10)
    assert "SEARCH images USING COVERING INDEX images_of_collection (collection=?)" in plans.lines
    assert plans.scans == []


def test_counting_a_collection_reads_its_index_only(full, plans):
    full.count(Match(collection="a"))
    assert plans.lines == ["SEARCH images USING COVERING INDEX images_of_collection (collection=?)"]


def test_the_ids_of_a_space_are_read_from_its_index_only(full, plans):
    full.ids("app_a")
    assert plans.lines == [
        "SEARCH images USING COVERING INDEX images_of_second_space (second_space=?)",
        "SEARCH images USING COVERING INDEX images_of_space (space=?)",
    ]


def test_second_vectors_are_looked_up_by_their_space(full, file):
    full.seconds.put("new", as_ids([1, 2]), np.ones((2, 4), np.float32))
    plans = Plans(full, file)
    full.seconds.make_first("new", full.seconds.ids("new"))
    full.read("new", as_ids([1]))
    full.vectors("new", as_ids([1]))
    assert plans.uses("images_of_second_space")
    assert plans.scans == []


def test_hashes_are_looked_up_in_their_index(full, plans):
    full.find_hashes("Thumb", [hash_of(1), hash_of(2)])
    assert plans.lines == ["SEARCH images USING INDEX images_by_hash (sha256=?)"]


@pytest.mark.parametrize("state", [State.PENDING, State.REMOVING])
def test_the_unsettled_are_found_by_their_partial_index(full, plans, state):
    full.in_state(state)
    assert plans.lines == ["SEARCH images USING INDEX images_unsettled (state=?)"]


def test_the_settled_are_listed_although_the_partial_index_lacks_them(full):
    assert sum(len(ids) for ids in full.in_state(State.READY).values()) == 299


def test_writing_by_ids_and_reading_by_ids_take_the_primary_key(full, plans):
    full.get([1, 2])
    full.vectors("app_a", as_ids([1, 2]))
    full.settle([300])
    full.begin_removal(Match(ids=(1, 2)))
    full.finish_removal([1, 2])
    assert plans.scans == []
    assert all("INTEGER PRIMARY KEY" in line for line in plans.lines)
    assert len(plans.lines) == 6


@pytest.mark.parametrize("collection", [None, "a"])
@pytest.mark.parametrize("values", [("pic-4",), ("pic-4", "pic-6", 7), (None,)], ids=str)
def test_the_documents_own_id_is_found_by_its_index(full, plans, collection, values):
    match = Match(In("id", values), collection)
    for read in (
        lambda: full.page(match, limit=10),
        lambda: full.page(match, after=3, limit=10),
        lambda: full.offset_page(match, offset=0, limit=10),
        lambda: full.count(match),
        lambda: full.begin_removal(match),
    ):
        plans.lines.clear()
        read()
        assert plans.uses("images_by_own_id")
        assert plans.scans == []
        assert not any("id>?" in line or "(collection=?)" in line for line in plans.lines)


def test_a_filter_that_names_own_ids_takes_their_index_whatever_else_it_asks(full, plans):
    where = And((Compare("shop", Order.LT, 6), In("id", ("pic-4", "pic-6"))))
    assert full.ids("app_a", where=where, after=0, limit=10).tolist() == [4]
    assert full.count(Match(Not(In("id", ("pic-4",))))) == 299
    assert plans.uses("images_by_own_id")
    assert full.page(Match(where), limit=10)[0].id == 4


def test_other_fields_do_without_it(full, plans):
    assert full.count(Match(In("shop", (4,)))) == 29
    assert not plans.uses("images_by_own_id")


floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | floats | st.text("[]{}\\a1é")
near = st.sampled_from([0, 1, 1.0, True, False, None, "", "1", "[", "[1]", "\\", "{", "{}", "a"]) | scalars
own_ids = st.recursive(near, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("id"), inner))


@settings(deadline=None)
@given(own=st.lists(own_ids, max_size=8), values=st.lists(near, max_size=4).map(tuple))
def test_the_index_changes_no_answer(own, values):
    """The condition with the index on `id` and the plain one, on a twin of the field with another name."""
    store = SqlRecordStore("sqlite://")
    store.put([record(n, {"id": value, "twin": value}) for n, value in enumerate(own, 1)] + [record(99, {})])
    by_index, plain = (store.page(Match(In(field, values)), limit=99) for field in ("id", "twin"))
    assert by_index == plain
    store.close()


def test_only_the_top_level_id_asks_the_index():
    def text(*path: str) -> str:
        return Sqlite(make_url("sqlite://")).document_equals(path, ["a"], Parameters())

    assert "json_extract(images.document, '$.id')" in text("id")
    assert "json_extract" not in text("shop", "id") + text("id", "shop") + text("ID") + text("i")
