"""What every record store must do with second vectors, in a space that is to succeed the pictures' own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from records.conftest import EVERY, hash_of, ids_of, record, tries, vector_of
from search_by_image.filters import In
from search_by_image.records.base import Match, Publication, SpaceRecord, State, Stored
from search_by_image.records.seconds import Second
from search_by_image.vectors.base import as_ids

FIRST, NEW = "app_images", "app_images~new"


def new_vector(id_, dimension=3):
    return vector_of(1000 + id_, dimension)


def give(records, *ids, space=NEW):
    records.seconds.put(space, as_ids(ids), np.stack([new_vector(id_) for id_ in ids]))


def with_second(id_, **options):
    return replace(record(id_, **options), second=Second(NEW, new_vector(id_)))


def held(records, space):
    """The vectors in the space by id, as both verbs tell them."""
    ids, vectors = records.vectors(space, as_ids(range(1, 20)))
    found = dict(zip(ids.tolist(), vectors.tolist(), strict=True))
    assert {one.id: one.vector.tolist() for one in records.read(space, as_ids(range(1, 20)))} == found
    assert records.ids(space).tolist() == sorted(found)
    return found


def expected(*ids, of=new_vector):
    return {id_: of(id_).tolist() for id_ in ids}


@pytest.fixture
def three(records):
    records.put([record(1), record(2), record(3, key="a")])
    records.settle([1, 2, 3])
    return records


def test_a_picture_is_in_the_spaces_of_both_of_its_vectors(three):
    give(three, 1, 3)
    assert held(three, FIRST) == expected(1, 2, 3, of=vector_of)
    assert held(three, NEW) == expected(1, 3)
    assert three.seconds.ids(NEW).tolist() == [1, 3]
    assert three.seconds.ids(FIRST).tolist() == three.seconds.ids("elsewhere").tolist() == []


def test_nothing_else_of_a_picture_changes(three):
    before = three.get([1, 2, 3])
    whole = three.read(FIRST, as_ids([1]))[0]
    give(three, 1, 2, 3)
    assert three.get([1, 2, 3]) == before
    assert three.find_keys("images", ["a"]) == {"a": before[3]}
    assert three.find_hashes("Thumb", [hash_of(1)]) == {(hash_of(1), "images")}
    by_new = three.read(NEW, as_ids([1]))[0]
    assert Stored.of(replace(by_new, space=FIRST)) == Stored.of(whole)
    assert (by_new.space, by_new.second) == (NEW, None)
    second = three.read(FIRST, as_ids([1]))[0].second
    assert (second.space, second.vector.tolist()) == (NEW, new_vector(1).tolist())


@pytest.mark.parametrize("write", ["put", "stage"])
def test_a_record_may_bring_its_second_vector(records, write):
    getattr(records, write)([with_second(1, key="a"), record(2)])
    if write == "stage":
        assert records.ids(NEW).tolist() == []
        assert {space: ids.tolist() for space, ids in records.in_state(State.STAGED).items()} == {
            FIRST: [1, 2],
            NEW: [1],
        }
        records.publish([Publication(1, "images", "a")])
    assert held(records, NEW) == expected(1)
    assert records.in_state(State.READY if write == "stage" else State.PENDING)[NEW].tolist() == [1]


def test_ids_of_the_new_space_are_filtered_and_paged(records):
    records.put([record(number, {"n": number % 2}) for number in range(1, 12)])
    give(records, *range(1, 12, 2), 2, 4)
    odd = In("n", (1,))
    assert records.ids(NEW, where=odd).tolist() == [1, 3, 5, 7, 9, 11]
    assert records.ids(NEW, where=odd, after=1, limit=3).tolist() == [3, 5, 7]
    assert records.ids(NEW, limit=3).tolist() == [1, 2, 3]
    assert records.ids(NEW, limit=0).tolist() == []
    assert records.ids(FIRST, after=9, limit=5).tolist() == [10, 11]


def test_what_is_gone_or_going_gets_none(three):
    three.begin_removal(Match(ids=(1,)))
    give(three, 1, 2, 99)
    assert three.seconds.ids(NEW).tolist() == [2]
    three.begin_removal(Match(ids=(2,)))
    assert held(three, NEW) == {}
    assert three.in_state(State.REMOVING)[NEW].tolist() == [2]
    three.finish_removal([1, 2])
    assert three.seconds.ids(NEW).tolist() == []


def test_a_later_second_vector_takes_the_place_of_an_earlier_one(three):
    give(three, 1, 2, space="other")
    give(three, 1)
    assert held(three, NEW) == expected(1)
    assert held(three, "other") == expected(2)


def test_a_picture_whose_first_vector_is_in_the_space_gets_none(three):
    give(three, 1, 2, space=FIRST)
    assert held(three, FIRST) == expected(1, 2, 3, of=vector_of)
    assert three.seconds.ids(FIRST).tolist() == []


def test_the_second_vector_becomes_the_only_one(three):
    give(three, 1, 3)
    before = three.get([1, 2, 3])
    three.seconds.make_first(NEW, as_ids([1, 2, 3, 99]))
    assert held(three, NEW) == expected(1, 3)
    assert held(three, FIRST) == expected(2, of=vector_of)
    assert three.seconds.ids(NEW).tolist() == []
    assert three.get([1, 2, 3]) == {id_: replace(one, space=FIRST if id_ == 2 else NEW) for id_, one in before.items()}
    assert three.read(NEW, as_ids([1]))[0].second is None
    give(three, 1, space="third")
    assert held(three, "third") == expected(1)


def test_only_of_that_space(three):
    give(three, 1, space="other")
    give(three, 2)
    three.seconds.make_first(NEW, as_ids([1, 2]))
    three.seconds.drop(NEW, as_ids([1, 2]))
    assert held(three, "other") == expected(1)
    assert held(three, NEW) == expected(2)
    three.seconds.drop("other", as_ids([1, 2]))
    assert held(three, "other") == {}
    assert held(three, FIRST) == expected(1, 3, of=vector_of)


def test_more_than_are_written_at_once(records, monkeypatch):
    monkeypatch.setattr(f"{type(records.seconds).__module__}.AT_ONCE", 5)
    many = range(1, 13)
    records.put([record(number) for number in many])
    give(records, *many)
    assert len(records.ids(NEW)) == 12
    records.seconds.make_first(NEW, as_ids(many))
    assert held(records, NEW) == expected(*many)
    assert records.ids(FIRST).tolist() == []
    give(records, *many, space="third")
    records.seconds.drop("third", as_ids(many))
    assert records.seconds.ids("third").tolist() == []


def test_clear_and_a_dropped_collection_take_them_along(records):
    records.put([with_second(1), with_second(2, collection="others")])
    records.drop_collection("others")
    assert held(records, NEW) == expected(1)
    records.clear()
    assert records.seconds.ids(NEW).tolist() == []


def test_a_successor_is_recorded_promoted_and_forgotten(records):
    old = records.create_space(SpaceRecord(FIRST, "images", "Thumb", 4, "COSINE", "f"))
    variant = '{"模型": "b", "patch": {"Thumbnail": {"para": {"size": 16}}}}' + " " * 5000
    new = SpaceRecord(NEW, "images", "Thumb", 3, "L2", "g", role="successor", variant=variant)
    assert records.create_space(new) == new
    serving = replace(new, role="serving")
    assert records.replace_space(new, serving)
    assert not records.replace_space(new, replace(new, role="final"))
    assert records.spaces() == (old, serving)
    assert not records.drop_space(new)
    assert not records.drop_space(replace(old, name="none"))
    assert records.drop_space(old)
    assert not records.drop_space(old)
    assert records.replace_space(serving, replace(serving, role=None))
    assert records.spaces() == (replace(new, role=None),)


class Vectors(RuleBasedStateMachine):
    """Second vectors given, made the first and dropped in any order, beside a dictionary of id -> (first, second)."""

    some_ids = st.lists(st.integers(1, 8), max_size=5, unique=True)
    spaces = st.sampled_from([FIRST, NEW, "third"])

    def __init__(self, records):
        super().__init__()
        self.records = records

    @initialize()
    def begin(self):
        self.records.clear()
        self.records.put([record(n, dimension=3) for n in range(1, 7)])
        self.model = dict.fromkeys(range(1, 7), (FIRST, None))

    @rule(ids=some_ids, space=spaces)
    def put(self, ids, space):
        self.records.seconds.put(space, as_ids(ids), np.stack([new_vector(n) for n in [*ids, 0]])[:-1])
        for n in ids:
            if n in self.model and self.model[n][0] != space:
                self.model[n] = (self.model[n][0], space)

    @rule(ids=some_ids, space=spaces)
    def make_first(self, ids, space):
        self.records.seconds.make_first(space, as_ids(ids))
        self.model |= {n: (space, None) for n in ids if n in self.model and self.model[n][1] == space}

    @rule(ids=some_ids, space=spaces)
    def drop(self, ids, space):
        self.records.seconds.drop(space, as_ids(ids))
        self.model |= {n: (self.model[n][0], None) for n in ids if n in self.model and self.model[n][1] == space}

    @rule(id_=st.integers(1, 8))
    def remove(self, id_):
        self.records.begin_removal(Match(ids=(id_,)))
        self.model.pop(id_, None)

    @invariant()
    def agree(self):
        assert ids_of(self.records.page(EVERY, limit=9)) == sorted(self.model)
        for space in (FIRST, NEW, "third"):
            assert sorted(held(self.records, space)) == sorted(n for n, both in self.model.items() if space in both)


def test_any_order_of_calls_does_as_a_dictionary_would(make_records):
    records = make_records()
    run_state_machine_as_test(
        lambda: Vectors(records), settings=settings(max_examples=tries(20), stateful_step_count=15, deadline=None)
    )
