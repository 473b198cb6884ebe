"""What every vector index must do. A back end joins by becoming a parameter of `make_index` (conftest.py)."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_by_image.errors import InvalidInputError, StoreError, UnknownNameError, VectorMismatchError
from search_by_image.filters import parse_filter
from search_by_image.vectors.base import Metric, Neighbour, Space, VectorIndex, as_ids
from vectors.stores import found, true_distances, vectors_for

NAME = "app_pictures"
PROPERTY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
metrics = pytest.mark.parametrize("metric", list(Metric))
_store_numbers = itertools.count()


def ids(*numbers):
    return np.array(numbers, np.int64)


def rows(*values):
    return np.array(values, np.float32)


@pytest.fixture
def index(make_index) -> Iterator[VectorIndex]:
    """One space of three dimensions, L2."""
    opened = make_index()
    opened.open_space(Space(NAME, 3, Metric.L2))
    return opened


@pytest.fixture
def line(index):
    """Ids 1..5 at 1..5 on the first axis."""
    index.upsert(NAME, ids(3, 1, 5, 2, 4), rows([3, 0, 0], [1, 0, 0], [5, 0, 0], [2, 0, 0], [4, 0, 0]))
    return index


class TestSearch:
    @metrics
    def test_distances_and_order_are_those_of_the_metric(self, make_index, metric):
        generator = np.random.default_rng(1)
        vectors, query = (vectors_for(metric, generator.normal(size=size)) for size in ((200, 8), 8))
        index = make_index()
        index.open_space(Space(NAME, 8, metric))
        index.upsert(NAME, np.arange(200), vectors)
        expected = true_distances(metric, vectors, query)
        answer = index.search(NAME, query, 20)
        assert found(answer) == np.argsort(expected, kind="stable")[:20].tolist()
        assert [neighbour.distance for neighbour in answer] == pytest.approx(np.sort(expected)[:20], abs=1e-6)

    @metrics
    def test_a_vector_finds_itself(self, make_index, metric):
        index = make_index()
        index.open_space(Space(NAME, 2, metric))
        itself, other = vectors_for(metric, rows([0.6, 0.8], [1, 0]))
        index.upsert(NAME, ids(7, 8), np.stack([itself, other]))
        nearest = index.search(NAME, itself, 1)[0]
        assert nearest.id == 7
        assert metric.score(nearest.distance, 2) == pytest.approx(1.0, abs=1e-6)

    def test_nearest_first(self, line):
        assert line.search(NAME, rows([0, 0, 0])[0], 3) == [Neighbour(1, 1.0), Neighbour(2, 2.0), Neighbour(3, 3.0)]

    def test_l2_is_not_squared(self, line):
        assert line.search(NAME, rows([5, 3, 4])[0], 1) == [Neighbour(5, 5.0)]

    def test_top_k_beyond_the_number_of_vectors_gives_them_all(self, line):
        assert found(line.search(NAME, rows([0, 0, 0])[0], 1000)) == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("top_k", [0, -1])
    def test_top_k_below_one_is_refused(self, line, top_k):
        with pytest.raises(InvalidInputError, match="top_k"):
            line.search(NAME, rows([0, 0, 0])[0], top_k)

    def test_an_empty_space_finds_nothing(self, index):
        assert index.search(NAME, rows([0, 0, 0])[0], 5) == []

    def test_equal_distances_come_in_the_order_of_ids(self, index):
        index.upsert(NAME, ids(9, 2, 5, 4), rows([1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]))
        assert found(index.search(NAME, rows([0, 0, 0])[0], 4)) == [2, 4, 5, 9]

    def test_of_equal_distances_at_the_cut_the_lowest_ids_are_kept(self, index):
        order = np.random.default_rng(3).permutation(200)
        index.upsert(NAME, order, np.tile(rows([0.1, 0.2, 0.3]), (200, 1)))
        assert found(index.search(NAME, rows([0.3, 0.2, 0.1])[0], 7)) == list(range(7))

    @metrics
    def test_a_zero_vector_and_a_zero_query_give_numbers(self, make_index, metric):
        index = make_index()
        index.open_space(Space(NAME, 2, metric))
        vectors = vectors_for(metric, rows([0, 0], [3, 4]))
        index.upsert(NAME, ids(1, 2), vectors)
        for query in vectors:
            answer = {neighbour.id: neighbour.distance for neighbour in index.search(NAME, query, 2)}
            expected = true_distances(metric, vectors, query)
            assert [answer[1], answer[2]] == pytest.approx(expected, abs=1e-6)

    def test_cosine_distance_stays_within_0_and_2(self, make_index):
        index = make_index()
        index.open_space(Space(NAME, 3, Metric.COSINE))
        index.upsert(NAME, ids(1, 2), rows([0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]))
        for scale in (1e-30, 1, 1e15):
            near, far = index.search(NAME, rows([0.1, 0.2, 0.3])[0] * np.float32(scale), 2)
            assert (near.id, far.id) == (1, 2)
            assert 0.0 <= near.distance < 1e-6
            assert 2.0 - 1e-6 < far.distance <= 2.0

    def test_ip_may_be_negative(self, make_index):
        index = make_index()
        index.open_space(Space(NAME, 2, Metric.IP))
        index.upsert(NAME, ids(1, 2), rows([3, 0], [0, 3]))
        assert index.search(NAME, rows([2, 1])[0], 2) == [Neighbour(1, -5.0), Neighbour(2, -2.0)]

    @pytest.mark.parametrize("query", [[1, 2], [1, 2, 3, 4], [[1, 2, 3]], 5])
    def test_another_dimension_is_refused_by_name(self, line, query):
        with pytest.raises(VectorMismatchError, match=r"dimension 3, given"):
            line.search(NAME, np.array(query, np.float32), 1)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_query_that_is_not_finite_is_refused(self, line, value):
        with pytest.raises(VectorMismatchError):
            line.search(NAME, rows([0, value, 0])[0], 1)


binary_metrics = pytest.mark.parametrize("metric", [metric for metric in Metric if metric.is_binary])


class TestBits:
    def test_hamming_counts_the_bits_that_differ(self, make_index):
        index = make_index()
        index.open_space(Space(NAME, 8, Metric.HAMMING))
        index.upsert(NAME, ids(1, 2, 3), rows([1] * 8, [0] * 8, [1, 1, 1, 0, 0, 0, 0, 0]))
        query = rows([1, 1, 0, 0, 0, 0, 0, 0])[0]
        assert index.search(NAME, query, 3) == [Neighbour(3, 1.0), Neighbour(2, 2.0), Neighbour(1, 6.0)]

    def test_jaccard_is_what_is_not_shared_of_what_either_has(self, make_index):
        index = make_index()
        index.open_space(Space(NAME, 8, Metric.JACCARD))
        index.upsert(NAME, ids(1, 2, 3), rows([1] * 8, [0] * 8, [1, 1, 1, 1, 0, 0, 0, 0]))
        query = rows([1, 1, 0, 0, 0, 0, 0, 0])[0]
        assert index.search(NAME, query, 3) == [Neighbour(3, 0.5), Neighbour(1, 0.75), Neighbour(2, 1.0)]
        assert index.search(NAME, query * 0, 1) == [Neighbour(2, 0.0)]

    @binary_metrics
    @pytest.mark.parametrize("value", [2, -1, 0.5, 255])
    def test_other_numbers_than_0_and_1_are_refused(self, make_index, metric, value):
        index = make_index()
        index.open_space(Space(NAME, 8, metric))
        index.upsert(NAME, ids(1), rows([1] * 8))
        with pytest.raises(VectorMismatchError, match=f"{metric}.* 0 and 1 .*{value}"):
            index.upsert(NAME, ids(2, 3), rows([0] * 8, [1, 1, 1, 1, 1, 1, 1, value]))
        with pytest.raises(VectorMismatchError, match="0 and 1"):
            index.search(NAME, rows([value, 1, 1, 1, 1, 1, 1, 1])[0], 1)
        assert index.ids(NAME).tolist() == [1]


class TestOnly:
    def test_the_others_are_not_found(self, line):
        assert found(line.search(NAME, rows([0, 0, 0])[0], 2, only=[5, 3, 4])) == [3, 4]

    @pytest.mark.parametrize("only", [{4, 99}, [4, 4, 4], (4,), frozenset([4]), {4: "a"}, range(4, 5)])
    def test_any_collection_will_do(self, line, only):
        assert found(line.search(NAME, rows([0, 0, 0])[0], 5, only=only)) == [4]

    @pytest.mark.parametrize("only", [[], [99], [-1]])
    def test_nobody_allowed_finds_nothing(self, line, only):
        assert line.search(NAME, rows([0, 0, 0])[0], 5, only=only) == []

    def test_a_removed_one_stays_removed(self, line):
        line.delete(NAME, ids(3))
        assert found(line.search(NAME, rows([0, 0, 0])[0], 5, only=[3, 4])) == [4]

    @pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
    def test_is_exact_in_a_large_space_too(self, make_index, share):
        generator = np.random.default_rng(2)
        vectors = generator.normal(size=(1000, 8)).astype(np.float32)
        index = make_index()
        index.open_space(Space(NAME, 8, Metric.L2))
        index.upsert(NAME, np.arange(1000), vectors)
        index.maintain()
        only = np.flatnonzero(generator.random(1000) < share)
        hits = 0
        for query in generator.normal(size=(20, 8)).astype(np.float32):
            answer = found(index.search(NAME, query, 10, only=only.tolist()))
            assert len(answer) == min(10, len(only))
            assert set(answer) <= set(only.tolist())
            nearest = only[np.argsort(true_distances(Metric.L2, vectors[only], query))[:10]]
            hits += len(set(answer) & set(nearest.tolist())) / len(answer)
        assert hits / 20 >= 0.98

    def test_as_many_as_there_are_come_back_from_a_large_space(self, make_index):
        generator = np.random.default_rng(2)
        index = make_index()
        index.open_space(Space(NAME, 8, Metric.COSINE))
        index.upsert(NAME, np.arange(1000), generator.normal(size=(1000, 8)).astype(np.float32))
        index.maintain()
        index.delete(NAME, np.arange(0, 1000, 3))
        query = generator.normal(size=8).astype(np.float32)
        assert len(index.search(NAME, query, 600)) == 600
        assert len(index.search(NAME, query, 1000)) == 666
        assert len(index.search(NAME, query, 400, only=range(500))) == 333


class TestWhere:
    """An index may ignore the documents; what it must not do is to leave out one that matches."""

    @pytest.fixture
    def cats(self, index):
        """Ids 0..49 at 0..49 on the first axis, every fifth a cat."""
        documents = [{"kind": "dog" if number % 5 else "cat", "number": number} for number in range(50)]
        index.upsert(NAME, np.arange(50), np.outer(np.arange(50), [1, 0, 0]), documents)
        return index

    def test_all_that_match_are_found(self, cats):
        answer = found(cats.search(NAME, np.zeros(3), 50, where=parse_filter({"kind": "cat"})))
        assert [number for number in answer if number % 5 == 0] == list(range(0, 50, 5))

    def test_together_with_only(self, cats):
        where = parse_filter({"number": {"$lt": 30}})
        answer = found(cats.search(NAME, np.zeros(3), 50, only=range(20, 40), where=where))
        assert set(range(20, 30)) <= set(answer) <= set(range(20, 40))

    def test_a_vector_without_a_document_is_always_a_candidate(self, cats):
        cats.upsert(NAME, ids(77), rows([0, 0, 0]))
        assert 77 in found(cats.search(NAME, np.zeros(3), 60, where=parse_filter({"kind": "cat"})))

    def test_a_document_added_to_an_id_that_is_there_changes_nothing(self, cats):
        cats.upsert(NAME, ids(5), rows([9, 9, 9]), [{"kind": "dog"}])
        answer = cats.search(NAME, np.zeros(3), 50, where=parse_filter({"kind": "cat"}))
        assert Neighbour(5, 5.0) in answer


class TestUpsert:
    def test_an_id_that_is_there_is_left_as_it_is(self, line):
        line.upsert(NAME, ids(1, 6), rows([100, 0, 0], [6, 0, 0]))
        assert line.search(NAME, rows([0, 0, 0])[0], 1) == [Neighbour(1, 1.0)]
        assert line.ids(NAME).tolist() == [1, 2, 3, 4, 5, 6]

    def test_of_an_id_given_twice_the_first_counts(self, index):
        index.upsert(NAME, ids(1, 1), rows([1, 0, 0], [2, 0, 0]))
        assert index.search(NAME, rows([0, 0, 0])[0], 9) == [Neighbour(1, 1.0)]

    def test_a_removed_id_can_come_back_with_another_vector(self, line):
        line.delete(NAME, ids(1))
        line.upsert(NAME, ids(1), rows([7, 0, 0]))
        assert line.search(NAME, rows([8, 0, 0])[0], 1) == [Neighbour(1, 1.0)]
        assert line.ids(NAME).tolist() == [1, 2, 3, 4, 5]

    def test_nothing_is_no_error(self, index):
        index.upsert(NAME, ids(), np.empty((0, 3), np.float32))
        assert index.ids(NAME).tolist() == []

    def test_ids_of_any_size(self, index, smallest_id, largest_id):
        extremes = [smallest_id, -1, 0, largest_id]
        index.upsert(NAME, ids(*extremes), rows([1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0]))
        assert found(index.search(NAME, rows([0, 0, 0])[0], 4)) == extremes

    def test_the_callers_array_may_change_afterwards(self, index):
        vectors = rows([1, 0, 0])
        index.upsert(NAME, ids(1), vectors)
        vectors[:] = 9
        assert index.search(NAME, rows([0, 0, 0])[0], 1) == [Neighbour(1, 1.0)]

    def test_other_number_types_and_layouts_are_taken(self, index):
        index.upsert(NAME, ids(1, 2), np.asfortranarray([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
        index.upsert(NAME, ids(3), np.array([[0, 0, 3]], np.int32))
        assert found(index.search(NAME, np.zeros(3), 3)) == [1, 2, 3]

    @pytest.mark.parametrize("shape", [(1, 2), (1, 4), (3,), (1, 1, 3)])
    def test_another_shape_is_refused_with_both_dimensions(self, index, shape):
        with pytest.raises(VectorMismatchError, match=rf"dimension 3, given: {shape[-1]}|given: \d+ \(shape"):
            index.upsert(NAME, ids(1), np.ones(shape, np.float32))
        assert index.ids(NAME).tolist() == []

    def test_ids_and_vectors_must_be_equally_many(self, index):
        with pytest.raises(VectorMismatchError):
            index.upsert(NAME, ids(1, 2), rows([1, 0, 0]))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
    @metrics
    def test_a_value_that_is_not_finite_refuses_the_whole_call(self, make_index, metric, value):
        index = make_index()
        index.open_space(Space(NAME, 3, metric))
        with pytest.raises(VectorMismatchError):
            index.upsert(NAME, ids(1, 2), np.array([[1, 0, 0], [0, value, 0]]))
        assert index.ids(NAME).tolist() == []

    def test_text_is_no_vector(self, index):
        with pytest.raises(VectorMismatchError):
            index.upsert(NAME, ids(1), np.array([["a", "b", "c"]]))

    def test_put_twice_is_put_once(self, make_index, backend):
        few = settings(PROPERTY, max_examples=4) if backend in {"milvus", "lite"} else PROPERTY
        few(given(numbers=st.lists(st.integers(-50, 50), max_size=30), cut=st.integers(0, 30))(self._put_twice))(
            make_index
        )

    def _put_twice(self, make_index, numbers, cut):
        vectors = np.array(numbers, np.float32).reshape(-1, 1) * rows([1, 2, 3])
        once, twice = (make_index(f"store{next(_store_numbers)}") for _ in range(2))
        for index in (once, twice):
            index.open_space(Space(NAME, 3, Metric.L2))
            index.upsert(NAME, as_ids(numbers), vectors)
        twice.upsert(NAME, as_ids(numbers[cut:]), vectors[cut:])
        twice.upsert(NAME, as_ids(numbers), vectors + 1)
        assert twice.ids(NAME).tolist() == once.ids(NAME).tolist() == sorted(set(numbers))
        query = rows([5, 5, 5])[0]
        assert twice.search(NAME, query, 99) == once.search(NAME, query, 99)
        once.close()
        twice.close()


class TestDelete:
    def test_the_removed_are_not_found(self, line):
        line.delete(NAME, ids(1, 3))
        assert found(line.search(NAME, rows([0, 0, 0])[0], 9)) == [2, 4, 5]
        assert line.ids(NAME).tolist() == [2, 4, 5]

    def test_twice_or_unknown_is_no_error(self, line):
        line.delete(NAME, ids(1, 1, 77))
        line.delete(NAME, ids(1))
        line.delete(NAME, ids())
        assert line.ids(NAME).tolist() == [2, 3, 4, 5]

    def test_everything(self, line):
        line.delete(NAME, line.ids(NAME))
        line.maintain()
        assert line.search(NAME, rows([0, 0, 0])[0], 9) == []
        assert line.stats(NAME).live == 0


class TestSpaces:
    def test_are_listed_once_opened(self, make_index):
        index = make_index()
        assert index.spaces() == ()
        one, other = Space("one", 3, Metric.L2), Space("other", 5, Metric.IP)
        index.open_space(one)
        index.open_space(other)
        assert set(index.spaces()) == {one, other}

    def test_are_apart(self, line):
        line.open_space(Space("other", 2, Metric.IP))
        line.upsert("other", ids(1, 9), rows([1, 0], [0, 1]))
        line.delete(NAME, ids(1))
        assert line.ids("other").tolist() == [1, 9]
        assert line.ids(NAME).tolist() == [2, 3, 4, 5]

    def test_opening_again_changes_nothing(self, line):
        line.open_space(Space(NAME, 3, Metric.L2))
        assert line.ids(NAME).tolist() == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("space", [Space(NAME, 4, Metric.L2), Space(NAME, 3, Metric.IP)])
    def test_opening_again_as_another_space_is_refused(self, line, space):
        with pytest.raises(VectorMismatchError, match=NAME):
            line.open_space(space)
        assert line.ids(NAME).tolist() == [1, 2, 3, 4, 5]

    def test_dropped_is_forgotten(self, line):
        line.drop_space(NAME)
        assert line.spaces() == ()
        line.open_space(Space(NAME, 2, Metric.COSINE))
        assert line.ids(NAME).tolist() == []

    def test_what_is_kept_is_known_before_it_is_opened(self, line, make_index):
        line.open_space(Space("动物@1", 2, Metric.IP))
        line.upsert("动物@1", ids(1), rows([1, 0]))
        line.close()
        again = make_index()
        assert again.kept() == (NAME, "动物@1")
        assert again.spaces() == ()
        again.open_space(Space("动物@1", 2, Metric.IP))
        again.drop_space("动物@1")
        assert again.kept() == (NAME,)

    def test_the_recipe_stays_the_same(self, index, make_index):
        assert isinstance(index.recipe, str)
        recipe = index.recipe
        index.close()
        assert make_index().recipe == recipe

    def test_dropping_what_does_not_exist_is_no_error(self, index):
        index.drop_space("nobody")

    def test_dropped_stays_dropped_after_a_restart(self, line, make_index):
        line.maintain()
        line.close()
        again = make_index()
        again.drop_space(NAME)
        again.open_space(Space(NAME, 3, Metric.L2))
        assert again.ids(NAME).tolist() == []

    @pytest.mark.parametrize("name", ["a", "A", "a/b", "../a", "以图搜图_图片", "x" * 300, "a b\n", ".", ""])
    def test_any_name_will_do(self, make_index, name):
        index = make_index()
        index.open_space(Space(name, 3, Metric.L2))
        index.open_space(Space("neighbour", 3, Metric.L2))
        index.upsert(name, ids(1), rows([1, 0, 0]))
        index.close()
        again = make_index()
        again.open_space(Space(name, 3, Metric.L2))
        again.open_space(Space("neighbour", 3, Metric.L2))
        assert (again.ids(name).tolist(), again.ids("neighbour").tolist()) == ([1], [])

    @pytest.mark.parametrize(
        "call",
        [
            lambda index: index.upsert("nobody", ids(1), rows([1, 0, 0])),
            lambda index: index.delete("nobody", ids(1)),
            lambda index: index.search("nobody", rows([1, 0, 0])[0], 1),
            lambda index: index.ids("nobody"),
            lambda index: index.stats("nobody"),
        ],
    )
    def test_an_unknown_name_lists_the_known(self, index, call):
        with pytest.raises(UnknownNameError, match=f"nobody.*{NAME}"):
            call(index)


class TestStats:
    def test_counts_the_live(self, line):
        line.delete(NAME, ids(2))
        stats = line.stats(NAME)
        assert stats.live == 4
        assert stats.kind


class TestLife:
    @metrics
    def test_reopened_answers_the_same(self, make_index, metric):
        generator = np.random.default_rng(4)
        vectors, query = (vectors_for(metric, generator.normal(size=size)) for size in ((150, 5), 5))
        index = make_index()
        index.open_space(Space(NAME, 5, metric))
        index.upsert(NAME, np.arange(150), vectors)
        index.delete(NAME, np.arange(0, 150, 7))
        expected, kept = index.search(NAME, query, 20), index.ids(NAME)
        index.close()
        again = make_index()
        again.open_space(Space(NAME, 5, metric))
        assert again.ids(NAME).tolist() == kept.tolist()
        assert again.search(NAME, query, 20) == expected

    @pytest.mark.parametrize(
        "call",
        [
            lambda index: index.open_space(Space("other", 3, Metric.L2)),
            lambda index: index.drop_space(NAME),
            lambda index: index.spaces(),
            lambda index: index.kept(),
            lambda index: index.upsert(NAME, ids(1), rows([1, 0, 0])),
            lambda index: index.delete(NAME, ids(1)),
            lambda index: index.search(NAME, rows([1, 0, 0])[0], 1),
            lambda index: index.ids(NAME),
            lambda index: index.stats(NAME),
            lambda index: index.maintain(),
        ],
    )
    def test_calls_after_close_are_refused(self, line, call):
        line.close()
        with pytest.raises(StoreError):
            call(line)

    def test_closing_twice_is_no_error(self, line):
        line.close()
        line.close()

    def test_maintain_changes_no_answer(self, line):
        before = line.search(NAME, rows([0, 0, 0])[0], 9)
        line.maintain()
        assert line.search(NAME, rows([0, 0, 0])[0], 9) == before

    def test_many_threads_at_once_lose_nothing(self, make_index):
        index = make_index()
        index.open_space(Space(NAME, 4, Metric.L2))
        start = threading.Barrier(4)

        def work(worker):
            start.wait()
            for number in range(worker * 100, worker * 100 + 60):
                index.upsert(NAME, ids(number), np.full((1, 4), number, np.float32))
                assert found(index.search(NAME, np.full(4, number, np.float32), 1)) == [number]
                if number % 3 == 0:
                    index.delete(NAME, ids(number))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        expected = [worker * 100 + n for worker in range(4) for n in range(60) if (worker * 100 + n) % 3]
        assert index.ids(NAME).tolist() == expected
