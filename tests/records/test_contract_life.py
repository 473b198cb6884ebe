"""What every record store must do: any calls in any order, beside a dictionary."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from records.conftest import EVERY, hash_of, record, tries
from search_by_image.errors import DuplicateIdError
from search_by_image.filters import In, matches
from search_by_image.records.base import Match, State, Stored
from search_by_image.vectors.base import as_ids


class Life(RuleBasedStateMachine):
    """The store beside a dictionary of id -> (record, state)."""

    some_ids = st.lists(st.integers(1, 12), max_size=6)
    matches = st.one_of(
        st.just(EVERY),
        st.builds(Match, st.builds(In, st.just("parity"), st.sampled_from([(0,), (1,), (0, 1), ()]))),
        st.builds(Match, st.builds(In, st.just("id"), st.lists(st.integers(1, 12), max_size=3).map(tuple))),
        st.builds(Match, collection=st.sampled_from(["a", "b", "none"])),
        st.builds(Match, ids=some_ids.map(tuple)),
        st.builds(Match, st.just(In("parity", (1,))), st.just("a"), some_ids.map(tuple)),
    )

    def __init__(self, records):
        super().__init__()
        self.records = records

    @initialize()
    def empty(self):
        self.records.clear()
        self.model = {}

    @rule(ids=some_ids, collection=st.sampled_from(["a", "b"]))
    def put(self, ids, collection):
        batch = [record(n, {"id": n, "parity": n % 2}, collection=collection) for n in ids]
        if len(set(ids)) < len(ids) or self.model.keys() & set(ids):
            with pytest.raises(DuplicateIdError):
                self.records.put(batch)
        else:
            self.records.put(batch)
            self.model.update({one.id: (one, State.PENDING) for one in batch})

    @rule(ids=some_ids)
    def settle(self, ids):
        self.records.settle(ids)
        for n in ids:
            if self.state(n) is State.PENDING:
                self.model[n] = (self.model[n][0], State.READY)

    @rule(match=matches)
    def begin_removal(self, match):
        expected = self.visible(match)
        assert self.records.begin_removal(match) == expected
        self.model.update({stored.id: (self.model[stored.id][0], State.REMOVING) for stored in expected})

    @rule(ids=some_ids)
    def finish_removal(self, ids):
        self.records.finish_removal(ids)
        for n in ids:
            if self.state(n) is State.REMOVING:
                del self.model[n]

    @rule()
    def clear(self):
        self.empty()

    @rule(match=matches, after=st.integers(0, 12), limit=st.integers(1, 5))
    def read(self, match, after, limit):
        expected = self.visible(match)
        assert self.records.page(match, after=after, limit=limit) == [s for s in expected if s.id > after][:limit]
        assert self.records.offset_page(match, offset=after, limit=limit) == expected[after : after + limit]
        assert self.records.count(match) == len(expected)

    @invariant()
    def agree(self):
        visible = self.visible(EVERY)
        assert self.records.get(range(1, 13)) == {stored.id: stored for stored in visible}
        hashes = self.records.find_hashes("Thumb", [hash_of(n) for n in range(1, 13)])
        assert hashes == {(hash_of(stored.id), stored.collection) for stored in visible}
        for space in ("app_a", "app_b"):
            ids = [stored.id for stored in visible if stored.space == space]
            assert self.records.ids(space).tolist() == ids
            assert sorted(self.records.vectors(space, as_ids(range(1, 13)))[0].tolist()) == ids
        for state in State:
            told = {(space, n) for space, ids in self.records.in_state(state).items() for n in ids.tolist()}
            assert told == {(one.space, one.id) for one, its in self.model.values() if its is state}

    def state(self, n):
        return self.model[n][1] if n in self.model else None

    def visible(self, match):
        return [
            Stored.of(one)
            for n, (one, state) in sorted(self.model.items())
            if state is not State.REMOVING
            and (match.where is None or matches(match.where, one.document))
            and (match.collection is None or one.collection == match.collection)
            and (match.ids is None or n in match.ids)
        ]


def test_any_order_of_calls_does_as_a_dictionary_would(make_records):
    records = make_records()
    run_state_machine_as_test(
        lambda: Life(records), settings=settings(max_examples=tries(25), stateful_step_count=20, deadline=None)
    )
