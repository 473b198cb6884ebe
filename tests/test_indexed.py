"""Several workers over the same stores, here libraries in one process: each sees what others did, and loses nothing.

`tests/test_workers.py` does the same with processes and servers.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cheap_library import library_over, picture
from search_by_image.errors import UnknownNameError, VectorMismatchError
from search_by_image.filters import In
from search_by_image.indexed import IndexedSpaces
from search_by_image.library import Library
from search_by_image.reconciling import differences, reconcile
from search_by_image.records.base import Match, State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.base import Metric, as_ids
from search_by_image.vectors.embedded import EmbeddedIndex

SPACE = "search_by_image_images"


@pytest.fixture
def index(shared_index) -> EmbeddedIndex:
    return shared_index


@pytest.fixture
def records(shared_records) -> SqlRecordStore:
    return shared_records


@pytest.fixture
def one(records, index) -> Library:
    return library_over(records, index)


@pytest.fixture
def other(one, records, index) -> Library:
    return library_over(records, index)


def numbers(library, number, **options):
    return [hit.document["n"] for hit in library.search(picture(number), "Thumb", **options)]


def put(library, *wanted, collection=""):
    for number in wanted:
        library.add(picture(number), {"n": number}, "Thumb", collection)


def move(records, index, name="moved"):
    """What `reindex` does when it switches, and nothing else: the new place is empty."""
    space = records.space(SPACE)
    index.open_space(replace(space.indexed, name=name))
    assert records.replace_space(space, replace(space, index_name=name, metric=space.metric))
    return records.space(SPACE)


class TestCreated:
    def test_a_space_of_another_worker_is_searched_at_once(self, one, other):
        put(one, 1)
        assert numbers(other, 1) == [1]

    def test_a_collection_of_another_worker_is_searched_at_once(self, one, other):
        with pytest.raises(UnknownNameError, match="cats"):
            numbers(other, 1, collection="cats")
        put(one, 1, collection="cats")
        assert numbers(other, 1, collection="cats") == [1]

    def test_two_workers_fill_one_space(self, one, other, records):
        put(one, 1)
        put(other, 2)
        assert set(numbers(one, 1)) == set(numbers(other, 1)) == {1, 2}
        assert [space.name for space in records.spaces()] == [SPACE]

    def test_maintenance_opens_what_others_created(self, one, other):
        put(one, 1)
        assert other.spaces() == ()
        other.maintain()
        assert other.spaces() == one.spaces()

    def test_pictures_that_another_worker_left_pending_are_finished(self, one, other, monkeypatch):
        monkeypatch.setattr("search_by_image.library.STUCK_AFTER_MS", -1000)
        put(one, 1)
        other.maintain()
        assert other._records.in_state(State.PENDING) == {}

    def test_one_made_by_another_version_of_the_pipeline_is_refused(self, one, other, records):
        put(one, 1)
        made = records.space(SPACE)
        one.clear()
        other.maintain()
        records.create_space(replace(made, fingerprint="of another model"))
        for act in (lambda: put(other, 2), lambda: numbers(other, 1)):
            with pytest.raises(VectorMismatchError, match="another version of pipeline 'Thumb'"):
                act()


class TestCleared:
    def test_what_another_worker_cleared_is_gone(self, one, other):
        put(one, 1)
        assert numbers(other, 1) == [1]
        one.clear()
        assert numbers(other, 1) == []
        assert other.count() == 0
        assert other.spaces() == ()

    def test_a_collection_that_another_worker_cleared_is_unknown(self, one, other):
        put(one, 1, collection="cats")
        numbers(other, 1, collection="cats")
        one.clear()
        with pytest.raises(UnknownNameError, match="cats"):
            numbers(other, 1, collection="cats")

    def test_imports_go_on_in_every_worker(self, one, other):
        put(one, 1, collection="cats")
        numbers(other, 1, collection="cats")
        one.clear()
        put(other, 2, collection="cats")
        put(one, 3, collection="cats")
        assert set(numbers(one, 2, collection="cats")) == set(numbers(other, 2, collection="cats")) == {2, 3}
        assert "cats" in one.collections()

    def test_an_import_that_is_overtaken_by_clear_is_there_in_the_end(self, one, other, index, monkeypatch):
        """Clear comes between the record and the vector."""
        put(one, 1)
        numbers(other, 1)
        between(monkeypatch, index, "upsert", one.clear)
        put(other, 2)
        kept = [stored.document["n"] for stored in one.page(Match())]
        assert numbers(other, 2) == numbers(one, 2) == kept
        assert agreed(other)

    def test_clear_of_the_index_after_an_import_is_mended_by_the_next_access(self, one, other, index):
        """The other worker imports when clear has emptied the records and not yet the index."""
        put(one, 1)
        numbers(other, 1)
        one._records.clear()
        put(other, 2)
        index.drop_space(SPACE)
        assert numbers(other, 2) == [2]
        assert agreed(other)

    def test_a_space_that_was_filled_by_another_pipeline_takes_nothing_of_the_old_one(self, one, other, records):
        put(one, 1)
        numbers(other, 1)
        made = records.space(SPACE)
        one.clear()
        records.create_space(replace(made, fingerprint="of another model"))
        with pytest.raises(VectorMismatchError, match="cleared and filled"):
            put(other, 2)
        assert other.count() == 0


class TestMoved:
    """The space has another place in the index, and the old place is there still."""

    @pytest.fixture(autouse=True)
    def moved(self, one, other, records, index):
        put(one, 1, 2)
        numbers(other, 1)
        return move(records, index)

    def test_an_import_of_a_worker_that_does_not_know_is_in_the_new_place(self, other, index):
        put(other, 3)
        assert len(index.ids("moved")) == 3
        assert set(numbers(other, 3)) == {1, 2, 3}

    def test_a_removal_of_a_worker_that_does_not_know_is_in_the_new_place(self, other, index, records):
        reconcile(records, index, records.space(SPACE))
        other.remove(Match(In("n", (1,))))
        assert len(index.ids("moved")) == 1
        assert numbers(other, 1) == [2]

    def test_maintenance_follows(self, other, index, moved):
        other.maintain()
        assert other.spaces() == (moved,)
        assert set(numbers(other, 1)) == {1, 2}
        assert len(index.ids("moved")) == 2

    def test_a_worker_that_does_not_know_searches_the_old_place_until_it_is_dropped(self, other, index):
        index.delete(SPACE, index.ids(SPACE)[:1])
        assert numbers(other, 1) == [2]
        index.drop_space(SPACE)
        assert set(numbers(other, 1)) == {1, 2}

    def test_imports_go_on_when_the_old_place_is_dropped(self, other, index):
        index.drop_space(SPACE)
        put(other, 3)
        assert set(numbers(other, 3)) == {1, 2, 3}
        other.remove(Match(In("n", (3,))))
        assert set(numbers(other, 3)) == {1, 2}

    def test_a_switch_in_mid_import_is_followed(self, one, other, records, index, monkeypatch):
        other.maintain()
        between(monkeypatch, index, "upsert", lambda: move(records, index, "moved again"))
        put(other, 3)
        assert len(index.ids("moved again")) == 3
        assert set(numbers(one, 3)) == {1, 2, 3}

    def test_a_worker_that_knows_writes_to_the_old_place_too_until_all_know(self, one, other, index):
        other.maintain()
        put(other, 3)
        assert set(numbers(one, 3)) == {1, 2, 3}
        assert one.spaces()[0].indexed.name == SPACE
        for _ in range(2):
            other.maintain()
        put(other, 4)
        assert len(index.ids(SPACE)) == 3
        assert len(index.ids("moved")) == 4

    def test_nobody_waits_while_a_worker_brings_the_new_place_in_step(self, other, index, monkeypatch):
        def meanwhile():
            index.drop_space(SPACE)
            with ThreadPoolExecutor(1) as another:
                assert numbers(other, 1) == another.submit(numbers, other, 1).result(20) == []
                another.submit(put, other, 3).result(20)

        between(monkeypatch, index, "upsert", meanwhile)
        other.maintain()
        assert set(numbers(other, 3)) == {1, 2, 3}

    def test_clear_drops_every_place(self, one, other, index):
        other.maintain()
        other.clear()
        assert index.kept() == ()
        assert numbers(one, 1) == []
        put(one, 5)
        assert numbers(other, 5) == [5]

    def test_scores_are_those_of_the_new_metric(self, other, records, index):
        other.maintain()
        space = records.space(SPACE)
        index.open_space(replace(space.indexed, name="L2", metric=Metric.L2))
        records.replace_space(space, replace(space, index_name="L2", metric="L2"))
        other.maintain()
        far = other.search(picture(1), "Thumb")[1]
        assert far.score == pytest.approx(1 / (1 + far.distance))


class TestReconcile:
    def test_what_is_removed_while_it_is_filled_in_does_not_stay(self, one, records, index, monkeypatch):
        put(one, 1, 2)
        space = move(records, index)
        between(monkeypatch, index, "upsert", lambda: one.remove(Match(In("n", (1,)))))
        reconcile(records, index, space)
        assert index.ids("moved").tolist() == records.ids(SPACE).tolist()
        assert len(index.ids("moved")) == 1

    def test_what_is_imported_meanwhile_stays(self, one, records, index, monkeypatch):
        put(one, 1)
        between(monkeypatch, records, "ids", lambda: put(one, 2))
        reconcile(records, index, records.space(SPACE))
        assert len(index.ids(SPACE)) == 2

    def test_what_is_staged_stays(self, one, records, index):
        put(one, 1)
        (record,) = records.read(SPACE, records.ids(SPACE))
        staged = replace(record, id=record.id + 1)
        records.stage([staged])
        index.upsert(SPACE, as_ids([staged.id]), staged.vector[np.newaxis])
        index.upsert(SPACE, as_ids([5]), staged.vector[np.newaxis])
        missing, surplus = differences(records, index, records.space(SPACE))
        assert (missing.tolist(), surplus.tolist()) == ([], [5])

    def test_what_is_staged_is_filled_in(self, one, records, index):
        put(one, 1)
        (record,) = records.read(SPACE, records.ids(SPACE))
        staged = replace(record, id=record.id + 1)
        records.stage([staged])
        reconcile(records, index, records.space(SPACE))
        assert index.ids(SPACE).tolist() == [record.id, staged.id]


def test_a_space_that_is_not_recorded_is_named(records, index, one):
    put(one, 1)
    (record,) = records.read(SPACE, records.ids(SPACE))
    indexed = IndexedSpaces(records, index)
    with pytest.raises(UnknownNameError, match="nowhere"):
        indexed.add("nowhere", [replace(record, space="nowhere", collection="nowhere")])
    indexed.delete("nowhere", as_ids([1]))
    assert indexed.reading("nowhere", lambda space: space) is None


def test_pending_pictures_of_a_space_that_is_not_recorded_hold_up_nothing(records, one, monkeypatch):
    monkeypatch.setattr("search_by_image.library.STUCK_AFTER_MS", -1000)
    put(one, 1)
    (record,) = records.read(SPACE, records.ids(SPACE))
    records.put([replace(record, id=5, space="nowhere"), replace(record, id=6)])
    one.maintain()
    assert {space: ids.tolist() for space, ids in records.in_state(State.PENDING).items()} == {"nowhere": [5]}
    assert len(numbers(one, 1)) == 2


def between(monkeypatch, target, verb, act):
    """The first call of the verb finds that `act` has happened just before it."""
    real = getattr(target, verb)

    def first(*args, **kwargs):
        monkeypatch.setattr(target, verb, real)
        act()
        return real(*args, **kwargs)

    monkeypatch.setattr(target, verb, first)


def agreed(library):
    found = [differences(library._records, library._index, space) for space in library._records.spaces()]
    return all(len(missing) == len(surplus) == 0 for missing, surplus in found)
