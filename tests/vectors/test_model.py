"""Any history of calls leaves every vector index with the answers of a dictionary and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from search_by_image.vectors.base import Metric, Space, as_ids
from vectors.stores import found, true_distances, vectors_for

NAME = "app_pictures"
_store_numbers = itertools.count()


class Model(RuleBasedStateMachine):
    """A dictionary and brute force, beside the index. Whole numbers make the distances exact, ties too (but COSINE)."""

    def __init__(self, make_index, metric: Metric, *, is_exact: bool) -> None:
        super().__init__()
        self._make_index = make_index
        self._store = f"model{next(_store_numbers)}"
        self._space = Space(NAME, 3, metric)
        self._is_exact = is_exact
        self.vectors: dict[int, np.ndarray] = {}
        self.index = self._open()

    def _open(self):
        index = self._make_index(self._store)
        index.open_space(self._space)
        return index

    def _put(self, numbers, seed):
        vectors = self._random(seed, (len(numbers), 3))
        self.index.upsert(NAME, as_ids(numbers), vectors)
        for number, vector in zip(numbers, vectors, strict=True):
            self.vectors.setdefault(number, vector)

    def _random(self, seed, shape):
        return vectors_for(self._space.metric, np.random.default_rng(seed).integers(-4, 5, shape))

    @initialize()
    def begin(self):
        self._put(range(20), 0)

    @rule(numbers=st.lists(st.integers(0, 60), max_size=20), seed=st.integers(0, 99))
    def add(self, numbers, seed):
        self._put(numbers, seed)

    @precondition(lambda self: len(self.vectors) < 500)
    @rule(start=st.integers(100, 400), seed=st.integers(0, 99))
    def add_many(self, start, seed):
        self._put(range(start, start + 280), seed)

    @rule(numbers=st.lists(st.integers(0, 60), max_size=20))
    def remove(self, numbers):
        self._remove(numbers)

    @rule(start=st.integers(0, 400), count=st.integers(0, 300))
    def remove_many(self, start, count):
        self._remove(range(start, start + count))

    def _remove(self, numbers):
        self.index.delete(NAME, as_ids(numbers))
        for number in numbers:
            self.vectors.pop(number, None)

    @rule()
    def maintain(self):
        self.index.maintain()

    @rule()
    def reopen(self):
        self.index.close()
        self.index = self._open()

    @rule(top_k=st.integers(1, 40), seed=st.integers(0, 99), only=st.none() | st.sets(st.integers(0, 450), max_size=80))
    def search(self, top_k, seed, only):
        query = self._random(seed, 3)
        answer = self.index.search(NAME, query, top_k, only=only)
        allowed = sorted(number for number in self.vectors if only is None or number in only)
        vectors = np.array([self.vectors[number] for number in allowed]).reshape(-1, 3)
        distances = dict(zip(allowed, true_distances(self._space.metric, vectors, query).tolist(), strict=True))
        assert len(answer) == min(top_k, len(allowed)) == len(set(found(answer)))
        assert answer == sorted(answer, key=lambda neighbour: (neighbour.distance, neighbour.id))
        for neighbour in answer:
            assert neighbour.distance == pytest.approx(distances[neighbour.id], abs=1e-6)
        if self._is_exact or len(allowed) <= 256:
            nearest = sorted(distances.values())[:top_k]
            assert [neighbour.distance for neighbour in answer] == pytest.approx(nearest, abs=1e-6)
            if self._space.metric is not Metric.COSINE:
                assert found(answer) == sorted(allowed, key=lambda number: (distances[number], number))[:top_k]

    @invariant()
    def the_ids_are_those_put(self):
        assert self.index.ids(NAME).tolist() == sorted(self.vectors)
        assert self.index.stats(NAME).live == len(self.vectors)

    def teardown(self):
        self.index.close()


@pytest.mark.parametrize("metric", list(Metric))
def test_any_history_answers_as_brute_force_does(make_index, backend, metric):
    run_state_machine_as_test(
        lambda: Model(make_index, metric, is_exact=backend == "flat" or metric.is_binary),
        settings=settings(
            max_examples=3 if backend in {"milvus", "lite"} else 15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
