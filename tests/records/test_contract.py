"""What every record store must do, whatever is behind it: writing, states, vectors, threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone

import numpy as np
import pytest

from records.conftest import CREATED, EVERY, hash_of, ids_of, record, vector_of
from search_by_image.errors import DuplicateIdError, StoreError, StoreUnavailableError
from search_by_image.filters import In
from search_by_image.records.base import Match, SpaceRecord, State, Stored
from search_by_image.vectors.base import Metric, Space, as_ids

LARGEST_ID = 2**53 - 1


# Collections and spaces


def test_collections_are_listed_in_order_each_once(records):
    for name in ("pets", "art", "pets", "动物"):
        records.create_collection(name)
    assert records.collections() == ("art", "pets", "动物")


def test_a_new_store_is_empty(records):
    assert records.collections() == ()
    assert records.spaces() == ()
    assert records.count(EVERY) == 0
    assert records.page(EVERY, limit=10) == []
    assert records.offset_page(EVERY, offset=0, limit=None) == []
    assert records.in_state(State.PENDING) == {}


def test_the_first_record_of_a_space_wins(records):
    first = SpaceRecord("app_pets", "pets", "Thumb", 192, "COSINE", "abc")
    other = SpaceRecord("app_pets", "pets", "Bright", 3, "L2", "def")
    assert records.create_space(first) == first
    assert records.create_space(other) == first
    assert records.create_space(first) == first
    assert records.spaces() == (first,)


def test_spaces_are_listed_in_order(records):
    spaces = [SpaceRecord(f"app_{name}", name, "Thumb", 8, "L2", "f" * 16) for name in ("b", "a", "c")]
    for space in spaces:
        records.create_space(space)
    assert [space.name for space in records.spaces()] == ["app_a", "app_b", "app_c"]


def test_threads_that_create_the_same_collection_and_space_agree(records):
    wanted = [SpaceRecord("app_pets", "pets", f"p{number}", number, "L2", "f") for number in range(1, 9)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(records.create_collection, ["pets"] * 8))
        agreed = set(threads.map(records.create_space, wanted))
    assert records.collections() == ("pets",)
    assert agreed == set(records.spaces())
    assert len(agreed) == 1


def test_a_space_is_read_by_its_name(records):
    space = SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f")
    assert records.space("app_pets") is None
    records.create_space(space)
    assert records.space("app_pets") == space
    assert records.space("app_pet") is None
    assert space.indexed == Space("app_pets", 4, Metric.L2)


def test_a_space_gets_another_place_in_the_index(records):
    first = SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f")
    other = SpaceRecord("app_art", "art", "Thumb", 4, "L2", "f")
    for space in (first, other):
        records.create_space(space)
    assert records.replace_space(first, replace(first, index_name="app_pets@1", metric="IP"))
    second = replace(first, index_name="app_pets@1", metric="IP")
    assert records.space("app_pets") == second
    assert second.indexed == Space("app_pets@1", 4, Metric.IP)
    assert records.create_space(first) == second
    assert records.replace_space(second, replace(second, index_name="app_pets@2", metric="COSINE"))
    assert records.spaces() == (other, replace(first, index_name="app_pets@2", metric="COSINE"))


def test_a_space_that_changed_meanwhile_keeps_its_place(records):
    space = SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f")
    assert not records.replace_space(space, replace(space, index_name="app_pets@1", metric="L2"))
    assert records.spaces() == ()
    records.create_space(space)
    for changed in ({"index_name": "app_pets@7"}, {"metric": "IP"}, {"dimension": 8}, {"fingerprint": "g"}):
        assert not records.replace_space(
            replace(space, **changed), replace(replace(space, **changed), index_name="app_pets@1", metric="L2")
        )
    assert records.spaces() == (space,)


def test_of_many_that_switch_the_index_one_wins(records):
    space = records.create_space(SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f"))
    names = [f"app_pets@{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        won = list(
            threads.map(lambda name: records.replace_space(space, replace(space, index_name=name, metric="L2")), names)
        )
    assert sum(won) == 1
    assert records.space("app_pets").index_name == names[won.index(True)]


# Putting and getting


def test_what_was_put_comes_back(records):
    document = {"id": "a-1", "名字": "猫", "tags": ["x", None, {"deep": [1, 2.5, True]}], "empty": {}}
    records.put([record(7, document, collection="pets", space="app_pets")])
    assert records.get([7]) == {7: Stored.of(record(7, document, collection="pets", space="app_pets"))}


def test_putting_nothing_is_no_error(records):
    records.put([])
    assert records.count(EVERY) == 0


def test_getting_leaves_out_what_is_not_there(records):
    records.put([record(1), record(3)])
    assert set(records.get([1, 2, 3, 4])) == {1, 3}
    assert records.get([]) == {}
    assert records.get(iter([3])).keys() == {3}


def test_the_smallest_and_the_largest_id_are_kept_exactly(records):
    records.put([record(LARGEST_ID), record(1)])
    assert ids_of(records.page(EVERY, limit=9)) == [1, LARGEST_ID]
    assert records.ids("app_images").tolist() == [1, LARGEST_ID]
    assert records.get([LARGEST_ID])[LARGEST_ID].document == {"n": LARGEST_ID}


def test_an_id_that_is_taken_is_refused_and_nothing_of_the_batch_is_written(records):
    records.put([record(5, {"first": True})])
    with pytest.raises(DuplicateIdError):
        records.put([record(4), record(5, {"first": False}), record(6)])
    assert ids_of(records.page(EVERY, limit=9)) == [5]
    assert records.get([5])[5].document == {"first": True}


def test_an_id_twice_in_one_batch_is_refused_and_nothing_is_written(records):
    with pytest.raises(DuplicateIdError):
        records.put([record(1), record(2), record(1)])
    assert records.count(EVERY) == 0


@pytest.mark.parametrize("state", list(State))
def test_an_id_is_taken_in_every_state(records, state):
    records.put([record(1)])
    if state is State.READY:
        records.settle([1])
    if state is State.REMOVING:
        records.begin_removal(EVERY)
    with pytest.raises(DuplicateIdError):
        records.put([record(1)])


def test_an_id_is_free_again_after_its_removal(records):
    records.put([record(1, {"life": 1})])
    records.begin_removal(EVERY)
    records.finish_removal([1])
    records.put([record(1, {"life": 2})])
    assert records.get([1])[1].document == {"life": 2}


def test_a_document_that_is_not_json_is_refused_and_nothing_is_written(records):
    for value in (CREATED, float("nan")):
        with pytest.raises(StoreError) as caught:
            records.put([record(1), record(2, {"value": value})])
        assert not isinstance(caught.value, StoreUnavailableError)
    assert records.count(EVERY) == 0


def test_more_records_than_a_statement_has_parameters(records):
    many = range(1, 2502)
    records.put([record(number) for number in many])
    records.settle(many)
    assert len(records.get(many)) == 2501
    ids, vectors = records.vectors("app_images", as_ids(many))
    assert len(ids) == len(vectors) == 2501
    assert len(records.find_hashes("Thumb", [hash_of(number) for number in many])) == 2501
    assert records.in_state(State.PENDING) == {}
    assert len(records.begin_removal(EVERY)) == 2501
    records.finish_removal(many)
    assert records.in_state(State.REMOVING) == {}


def test_a_document_of_a_megabyte_and_a_vector_of_4096_dimensions(records):
    document = {"text": "猫" * 350_000}
    records.put([record(1, document, dimension=4096)])
    assert records.get([1])[1].document == document
    _, vectors = records.vectors("app_images", as_ids([1]))
    assert np.array_equal(vectors[0], vector_of(1, 4096))


def test_the_time_of_creation_may_be_in_any_zone(records):
    tokyo = CREATED.astimezone(timezone(timedelta(hours=9)))
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, one.vector, one.sha256, tokyo)])
    assert records.count(EVERY) == 1


# States


def test_a_pending_record_is_visible(records):
    records.put([record(1)])
    assert records.get([1]).keys() == {1}
    assert records.count(EVERY) == 1
    assert records.in_state(State.PENDING)["app_images"].tolist() == [1]


def test_settled_records_are_pending_no_more(records):
    records.put([record(1), record(2), record(3)])
    records.settle([1, 3, 99])
    assert records.in_state(State.PENDING)["app_images"].tolist() == [2]
    assert records.in_state(State.READY)["app_images"].tolist() == [1, 3]


def test_in_state_tells_the_ids_by_space_in_order(records):
    records.put([record(9, space="b"), record(4, space="a"), record(2, space="b")])
    found = records.in_state(State.PENDING)
    assert {space: ids.tolist() for space, ids in found.items()} == {"a": [4], "b": [2, 9]}
    assert all(ids.dtype == np.int64 for ids in found.values())


def test_a_record_that_is_being_removed_is_hidden_from_every_reader(records):
    records.put([record(1), record(2)])
    removed = records.begin_removal(Match(In("n", (1,))))
    assert [(stored.id, stored.document) for stored in removed] == [(1, {"n": 1})]
    assert records.get([1, 2]).keys() == {2}
    assert ids_of(records.page(EVERY, limit=9)) == [2]
    assert ids_of(records.offset_page(EVERY, offset=0, limit=9)) == [2]
    assert records.count(EVERY) == 1
    assert records.ids("app_images").tolist() == [2]
    assert records.vectors("app_images", as_ids([1, 2]))[0].tolist() == [2]
    assert records.find_hashes("Thumb", [hash_of(1), hash_of(2)]) == {(hash_of(2), "images")}
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]


def test_a_removal_begins_once(records):
    records.put([record(1)])
    assert ids_of(records.begin_removal(EVERY)) == [1]
    assert records.begin_removal(EVERY) == []


def test_settling_does_not_bring_back_what_is_being_removed(records):
    records.put([record(1)])
    records.begin_removal(EVERY)
    records.settle([1])
    assert records.count(EVERY) == 0
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]


def test_finishing_deletes_only_what_is_being_removed(records):
    records.put([record(1), record(2), record(3)])
    records.settle([2])
    records.begin_removal(Match(ids=(3,)))
    records.finish_removal([1, 2, 3, 4])
    assert ids_of(records.page(EVERY, limit=9)) == [1, 2]
    assert records.in_state(State.REMOVING) == {}


def test_begin_removal_answers_in_the_order_of_ids(records):
    records.put([record(number) for number in (30, 10, 20)])
    assert ids_of(records.begin_removal(EVERY)) == [10, 20, 30]


def test_clear_deletes_everything_in_every_state(records):
    records.create_collection("pets")
    records.create_space(SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f"))
    records.put([record(1), record(2), record(3)])
    records.settle([1])
    records.begin_removal(Match(ids=(2,)))
    records.clear()
    assert records.collections() == records.spaces() == ()
    assert records.count(EVERY) == 0
    assert all(records.in_state(state) == {} for state in State)
    records.put([record(1)])
    assert records.count(EVERY) == 1


# Vectors and hashes


def test_vectors_are_kept_to_the_bit(records):
    extremes = np.array([np.finfo(np.float32).max, np.finfo(np.float32).tiny, -0.0, 1e-45], np.float32)
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, extremes, one.sha256, CREATED)])
    ids, vectors = records.vectors("s", as_ids([1]))
    assert (ids.dtype, vectors.dtype, vectors.shape) == (np.int64, np.float32, (1, 4))
    assert vectors.tobytes() == extremes.tobytes()


def test_vectors_that_are_not_contiguous_or_of_doubles_are_kept(records):
    wide = np.arange(8, dtype=np.float64)[::2]
    one = record(1)
    records.put([type(one)(1, "c", "p", "s", {}, wide, one.sha256, CREATED)])
    assert records.vectors("s", as_ids([1]))[1].tolist() == [[0, 2, 4, 6]]


def test_each_vector_comes_with_its_id_and_of_its_space_only(records):
    records.put([record(1), record(2, space="other"), record(3), record(4)])
    ids, vectors = records.vectors("app_images", as_ids([4, 3, 2, 1, 77]))
    assert sorted(ids.tolist()) == [1, 3, 4]
    assert all(np.array_equal(vector, vector_of(id_)) for id_, vector in zip(ids, vectors, strict=True))


def test_records_are_read_whole_in_the_order_of_their_ids(records):
    document = {"名字": "猫", "tags": [1, 2.5, None, {"deep": True}]}
    whole = [record(number, document, collection="pets", space="s") for number in (3, 1, 2)]
    records.put([*whole, record(4, space="other")])
    records.settle([1])
    read = records.read("s", as_ids([3, 2, 1, 4, 77]))
    assert [parts(one) for one in read] == [parts(one) for one in sorted(whole, key=lambda one: one.id)]
    assert read[0].vector.dtype == np.float32
    assert records.read("s", as_ids([])) == records.read("none", as_ids([1])) == []


def test_records_that_are_being_removed_are_not_read(records):
    records.put([record(1), record(2)])
    records.begin_removal(Match(ids=(1,)))
    assert [one.id for one in records.read("app_images", as_ids([1, 2]))] == [2]


def test_what_was_read_can_be_put_into_another_store(make_records):
    first, second = make_records(), make_records()
    first.put([record(number) for number in range(1, 2502)])
    read = first.read("app_images", first.ids("app_images"))
    second.put(read)
    again = second.read("app_images", first.ids("app_images"))
    assert [parts(one) for one in again] == [parts(one) for one in read]


def parts(one):
    return replace(one, vector=one.vector.tobytes())


def test_no_vectors_are_an_empty_matrix(records):
    for ids, vectors in (records.vectors("none", as_ids([1])), records.vectors("none", as_ids([]))):
        assert len(ids) == len(vectors) == 0
        assert vectors.ndim == 2


def test_ids_are_those_of_the_space_in_order(records):
    records.put([record(30), record(10), record(20, space="other")])
    assert records.ids("app_images").tolist() == [10, 30]
    assert records.ids("none").tolist() == []
    assert records.ids("app_images").dtype == np.int64


def test_hashes_are_found_in_the_collections_that_have_them(records):
    same = hash_of("same")
    records.put(
        [
            record(1, collection="pets", sha256=same),
            record(2, collection="art", sha256=same),
            record(3, collection="pets", sha256=same),
            record(4, pipeline="Bright", sha256=same),
            record(5),
        ]
    )
    assert records.find_hashes("Thumb", [same, hash_of("none")]) == {(same, "pets"), (same, "art")}
    assert records.find_hashes("Bright", [same, hash_of(5)]) == {(same, "images")}
    assert records.find_hashes("Thumb", []) == set()


# Threads and the end


def test_threads_write_and_read_at_once(records):
    stop = threading.Event()
    seen = []

    def write(first):
        for n in range(first, first + 40):
            records.put([record(n * 2), record(n * 2 + 1)])
            records.settle([n * 2])

    def read():
        while not stop.wait(0.001):
            page = ids_of(records.page(EVERY, limit=1000))
            seen.append(page)
            assert all(n ^ 1 in page for n in page), "half a batch"

    with ThreadPoolExecutor(5) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        writers = [threads.submit(write, 100 * (number + 1)) for number in range(3)]
        for writer in writers:
            writer.result()
        stop.set()
        for reader in readers:
            reader.result()
    assert seen
    assert records.count(EVERY) == 240
    assert len(records.in_state(State.READY)["app_images"]) == 120


def test_of_threads_that_put_the_same_id_one_succeeds(records):
    def attempt(number):
        try:
            records.put([record(1, {"by": number}), record(100 + number)])
        except DuplicateIdError:
            return None
        return number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = [number for number in threads.map(attempt, range(8)) if number is not None]
    assert records.get([1])[1].document == {"by": winner}
    assert ids_of(records.page(EVERY, limit=99)) == [1, 100 + winner]


def test_ping_returns(records):
    records.ping()


def test_a_closed_store_refuses_calls(records):
    records.close()
    records.close()
    for call in (records.ping, records.collections, lambda: records.put([record(1)]), lambda: records.count(EVERY)):
        with pytest.raises(StoreError, match="closed"):
            call()
