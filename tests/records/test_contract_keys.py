"""What every record store must do with callers' keys: one record in the place of another, in one step."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from records.conftest import EVERY, hash_of, ids_of, record, tries
from search_by_image.errors import DuplicateIdError, KeyTakenError, StoreError
from search_by_image.records.base import Match, Publication, State


def keyed(id_, key, collection="images"):
    return record(id_, {"v": id_}, collection=collection, key=key)


def publish(records, id_, key, replaces=None, collection="images"):
    records.stage([keyed(id_, key, collection)])
    records.publish([Publication(id_, collection, key, replaces)])


def test_what_is_staged_is_seen_by_nobody(records):
    records.stage([keyed(1, "a")])
    assert records.get([1]) == {}
    assert records.count(EVERY) == 0
    assert records.page(EVERY, limit=9) == []
    assert records.find_keys("images", ["a"]) == {}
    assert records.find_hashes("Thumb", [hash_of(1)]) == set()
    assert records.ids("app_images").tolist() == []
    assert records.begin_removal(EVERY) == []
    records.settle([1])
    records.finish_removal([1])
    assert records.in_state(State.STAGED)["app_images"].tolist() == [1]


def test_a_published_record_is_ready_and_found_by_its_key(records):
    publish(records, 1, "a")
    (stored,) = records.find_keys("images", ["a", "b"]).values()
    assert (stored.id, stored.key, stored.pipeline, stored.sha256) == (1, "a", "Thumb", hash_of(1))
    assert stored == records.get([1])[1]
    assert records.in_state(State.READY)["app_images"].tolist() == [1]
    assert records.in_state(State.STAGED) == {}


def test_a_record_takes_the_place_of_another(records):
    publish(records, 1, "a")
    publish(records, 2, "a", replaces=1)
    assert ids_of(records.page(EVERY, limit=9)) == [2]
    assert records.find_keys("images", ["a"])["a"].id == 2
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]
    records.finish_removal([1])
    assert ids_of(records.page(EVERY, limit=9)) == [2]


def test_a_record_without_a_key_can_be_replaced(records):
    records.put([record(1), record(2)])
    publish(records, 3, "1", replaces=1)
    assert ids_of(records.page(EVERY, limit=9)) == [2, 3]
    assert records.find_keys("images", ["1"])["1"].id == 3


def test_a_key_that_is_taken_is_refused(records):
    publish(records, 1, "a")
    with pytest.raises(KeyTakenError, match=r"'a'.*'images'"):
        publish(records, 2, "a")
    assert records.find_keys("images", ["a"])["a"].id == 1
    assert records.in_state(State.STAGED)["app_images"].tolist() == [2]


@pytest.mark.parametrize("gone", ["removed", "replaced", "never there", "elsewhere"])
def test_nothing_is_published_in_the_place_of_what_is_gone(records, gone):
    publish(records, 1, "a")
    if gone == "removed":
        records.begin_removal(EVERY)
    if gone == "replaced":
        publish(records, 2, "a", replaces=1)
    if gone == "elsewhere":
        publish(records, 7, "a", collection="others")
    before = ids_of(records.page(EVERY, limit=9))
    with pytest.raises(KeyTakenError):
        publish(records, 3, "a", replaces={"never there": 99, "elsewhere": 7}.get(gone, 1))
    assert ids_of(records.page(EVERY, limit=9)) == before


def test_a_removed_picture_frees_its_key(records):
    publish(records, 1, "a")
    (removed,) = records.begin_removal(Match(ids=(1,)))
    assert removed.key == "a"
    publish(records, 2, "a")
    assert records.find_keys("images", ["a"])["a"].id == 2


def test_a_key_is_one_in_each_collection(records):
    publish(records, 1, "a", collection="x")
    publish(records, 2, "a", collection="y")
    assert records.find_keys("x", ["a"])["a"].id == 1
    assert records.find_keys("y", ["a"])["a"].id == 2
    assert records.find_keys("z", ["a"]) == {}


@pytest.mark.parametrize(
    "key", ["a b", "é", "e\u0301", "猫", "A", "a ", "%", "a/b\\c", '"', "x" * 255, "👩‍👧", "-1", "None"]
)
def test_any_key_is_only_itself(records, key):
    publish(records, 1, key)
    near = [key.upper(), key.lower(), key.strip(), key + " ", key[:-1], f"{key}%"]
    assert records.find_keys("images", [one for one in near if one not in ("", key)]) == {}
    assert records.find_keys("images", [key])[key].key == key
    assert records.read("app_images", records.ids("app_images"))[0].key == key


def test_pending_records_may_bring_their_keys(records):
    records.put([keyed(1, "a"), keyed(2, None), keyed(3, None)])
    assert records.find_keys("images", ["a"])["a"].id == 1
    with pytest.raises(DuplicateIdError):
        records.put([keyed(4, "b"), keyed(5, "a")])
    assert ids_of(records.page(EVERY, limit=9)) == [1, 2, 3]
    publish(records, 6, "a", replaces=1)
    assert records.find_keys("images", ["a"])["a"].id == 6


def test_what_nobody_publishes_is_given_up(records):
    records.stage([keyed(1, "a"), keyed(2, "b")])
    records.give_up([1])
    assert records.in_state(State.REMOVING)["app_images"].tolist() == [1]
    assert records.in_state(State.STAGED)["app_images"].tolist() == [2]
    with pytest.raises(StoreError, match="given up"):
        records.publish([Publication(1, "images", "a")])
    records.finish_removal([1])
    publish(records, 3, "a")
    assert ids_of(records.page(EVERY, limit=9)) == [3]


def test_giving_up_leaves_alone_what_is_there(records):
    records.put([record(1)])
    publish(records, 2, "a")
    records.give_up([1, 2, 99])
    assert ids_of(records.page(EVERY, limit=9)) == [1, 2]


def test_many_keys_at_once(records):
    many = [keyed(number, f"k{number}") for number in range(1, 1502)]
    records.stage(many)
    records.publish([Publication(one.id, one.collection, one.key) for one in many])
    assert len(records.find_keys("images", [one.key for one in many])) == 1501


def test_clear_frees_every_key(records):
    publish(records, 1, "a")
    records.stage([keyed(2, "b")])
    records.clear()
    publish(records, 1, "a")
    publish(records, 2, "b")


class Keys(RuleBasedStateMachine):
    """Publications and removals in any order, beside a dictionary of key -> id."""

    names = st.sampled_from(["a", "b"])

    def __init__(self, records):
        super().__init__()
        self.records = records

    @initialize()
    def empty(self):
        self.records.clear()
        self.held = {}
        self.next_id = 1

    @rule(key=names, replaces=st.none() | st.integers(1, 6))
    def publish(self, key, replaces):
        id_, self.next_id = self.next_id, self.next_id + 1
        fits = self.held.get(key) == replaces
        if replaces in self.held.values() and not fits:
            return  # the library never replaces a record of another key
        if fits:
            publish(self.records, id_, key, replaces)
            self.held[key] = id_
        else:
            with pytest.raises(KeyTakenError):
                publish(self.records, id_, key, replaces)
            self.records.give_up([id_])

    @rule(key=names)
    def remove(self, key):
        self.records.begin_removal(Match(ids=(self.held.pop(key, 0),)))

    @rule()
    def tidy(self):
        for ids in self.records.in_state(State.REMOVING).values():
            self.records.finish_removal(ids)

    @invariant()
    def agree(self):
        found = self.records.find_keys("images", ["a", "b"])
        assert {key: stored.id for key, stored in found.items()} == self.held
        assert ids_of(self.records.page(EVERY, limit=99)) == sorted(self.held.values())


def test_any_order_of_publications_does_as_a_dictionary_would(make_records):
    records = make_records()
    run_state_machine_as_test(
        lambda: Keys(records), settings=settings(max_examples=tries(25), stateful_step_count=20, deadline=None)
    )
