"""The exact search, which everything else is measured against."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.exact import LONGEST, Rows, as_rows, distances, lengths, nearest
from vectors.stores import bit_distance, vectors_for

WIDE = (
    st.floats(-(2.0**56), 2.0**56, width=32)
    | st.floats(-(2.0**-100), 2.0**-100, width=32)
    | st.integers(-3, 3).map(float)
)


def matrices(dimension):
    return hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(dimension)), elements=WIDE)


@st.composite
def searches(draw):
    """Vectors of any size, many of them equal, and a query that may be one of them."""
    metric = draw(st.sampled_from(list(Metric)))
    dimension = draw(st.sampled_from([1, 3, 17]))
    space = Space("space", dimension, metric)
    few = vectors_for(metric, draw(matrices(dimension)))
    picks = draw(st.lists(st.integers(0, len(few) - 1), min_size=1, max_size=60))
    query = draw(st.sampled_from([0, 1])) and few[0]
    query = query if isinstance(query, np.ndarray) else draw(hnp.arrays(np.float32, dimension, elements=WIDE))
    query = vectors_for(metric, query)
    return space, as_rows(space, few[picks]), as_rows(space, query[np.newaxis])[0], draw(st.integers(1, 70))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(searches())
def test_is_the_sorted_list_of_all_distances_cut_at_top_k(search):
    space, vectors, query, top_k = search
    count = len(vectors)
    ids = np.arange(count)[::-1].copy()
    rows = Rows(ids, vectors, lengths(vectors).astype(np.float32), np.ones(count, bool))
    found = nearest(space.metric, rows, query, top_k, np.arange(count))
    every = sorted(zip(distances(space.metric, vectors, query).tolist(), ids.tolist(), strict=True))
    assert list(zip(found.distances.tolist(), found.ids.tolist(), strict=True)) == every[:top_k]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(searches())
def test_a_distance_does_not_depend_on_the_place_of_the_row(search):
    space, vectors, query, _ = search
    alone = [distances(space.metric, vector[np.newaxis], query)[0] for vector in vectors]
    assert distances(space.metric, vectors, query).tolist() == alone


def test_near_ties_that_float32_cannot_tell_apart_are_told_apart():
    vectors = np.full((5000, 64), 1000.0, np.float32)
    vectors[:, 0] += np.random.default_rng(0).permutation(5000).astype(np.float32) * np.float32(2.0**-10)
    rows = Rows(np.arange(5000), vectors, lengths(vectors).astype(np.float32), np.ones(5000, bool))
    query = np.full(64, 1000.0, np.float32)
    found = nearest(Metric.L2, rows, query, 10, np.arange(5000))
    assert found.ids.tolist() == np.argsort(vectors[:, 0], kind="stable")[:10].tolist()
    assert found.distances.tolist() == [number * 2.0**-10 for number in range(10)]


def test_what_float64_cannot_tell_apart_is_cut_by_the_ids():
    vectors = np.array([[-1.0], [0.0]], np.float32)
    rows = Rows(np.array([9, 2]), vectors, lengths(vectors).astype(np.float32), np.ones(2, bool))
    query = np.array([-(2.0**60)], np.float32)
    assert nearest(Metric.L2, rows, query, 1, np.arange(2)).ids.tolist() == [2]


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_a_part_of_the_rows_is_searched_as_if_alone(share):
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(9000, 16)).astype(np.float32)
    rows = Rows(np.arange(9000), vectors, lengths(vectors).astype(np.float32), np.ones(9000, bool))
    among = np.flatnonzero(generator.random(9000) < share)
    query = generator.normal(size=16).astype(np.float32)
    expected = among[np.argsort(distances(Metric.L2, vectors[among], query))[:25]]
    assert nearest(Metric.L2, rows, query, 25, among).ids.tolist() == expected.tolist()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matrices(5))
def test_cosine_rows_have_length_1_or_0(vectors):
    norms = lengths(as_rows(Space("space", 5, Metric.COSINE), vectors))
    assert np.all((np.abs(norms - 1.0) < 1e-6) | (norms == 0.0))


def test_the_longest_vectors_allowed_do_not_overflow():
    space = Space("space", 2, Metric.L2)
    vectors = as_rows(space, np.array([[LONGEST * 0.99, 0.0], [-LONGEST * 0.99, 0.0]]))
    rows = Rows(np.arange(2), vectors, lengths(vectors).astype(np.float32), np.ones(2, bool))
    found = nearest(Metric.L2, rows, vectors[0], 1, np.arange(2))
    assert found.ids.tolist() == [0]
    assert found.distances.tolist() == [0.0]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([Metric.HAMMING, Metric.JACCARD]), st.integers(0, 2**32), st.integers(1, 300), st.floats(0, 1))
def test_bits_are_counted_exactly(metric, seed, bits, share):
    generator = np.random.default_rng(seed)
    vectors = (generator.random((30, bits)) < share).astype(np.float32)
    query = (generator.random(bits) < generator.random()).astype(np.float32)
    expected = [bit_distance(metric, vector, query) for vector in vectors]
    rows = Rows(np.arange(30), vectors, lengths(vectors).astype(np.float32), np.ones(30, bool))
    found = nearest(metric, rows, query, 7, np.arange(30))
    assert found.ids.tolist() == sorted(range(30), key=lambda number: (expected[number], number))[:7]
    assert found.distances == pytest.approx(sorted(expected)[:7], abs=1e-15)
