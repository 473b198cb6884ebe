"""The score, and the sets of ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.vectors.base import Metric, as_ids, as_vector, batches, missing_and_surplus


def ids(*numbers):
    return np.array(numbers, np.int64)


class TestScore:
    @given(st.sampled_from(list(Metric)), st.floats(0, 1e9), st.floats(0, 1e9), st.integers(1, 4096))
    def test_nearer_never_scores_lower(self, metric, one, other, dimension):
        near, far = sorted((one, other))
        assert metric.score(near, dimension) >= metric.score(far, dimension)

    @given(st.sampled_from(list(Metric)), st.floats(allow_nan=False), st.integers(1, 4096))
    def test_is_between_0_and_1(self, metric, distance, dimension):
        assert 0.0 <= metric.score(distance, dimension) <= 1.0

    @pytest.mark.parametrize("metric", list(Metric))
    def test_of_distance_0_is_1(self, metric):
        assert metric.score(0.0, 64) == 1.0

    @pytest.mark.parametrize("distance, score", [(1.0, 0.5), (3.0, 0.25), (-1e-9, 1.0)])
    def test_l2(self, distance, score):
        assert Metric.L2.score(distance, 64) == score

    @pytest.mark.parametrize("metric", [Metric.COSINE, Metric.IP])
    @pytest.mark.parametrize("distance, score", [(1.0, 0.5), (2.0, 0.0), (0.5, 0.75), (7.0, 0.0), (-3.0, 1.0)])
    def test_cosine_and_ip(self, metric, distance, score):
        assert metric.score(distance, 64) == score

    @pytest.mark.parametrize("distance, bits, score", [(16, 64, 0.75), (64, 64, 0.0), (1, 8, 0.875), (1, 1, 0.0)])
    def test_hamming_is_the_share_of_equal_bits(self, distance, bits, score):
        assert Metric.HAMMING.score(distance, bits) == score

    @pytest.mark.parametrize("distance, score", [(0.25, 0.75), (1.0, 0.0)])
    def test_jaccard(self, distance, score):
        assert Metric.JACCARD.score(distance, 64) == score


def test_the_binary_metrics():
    assert [metric for metric in Metric if metric.is_binary] == [Metric.HAMMING, Metric.JACCARD]


class TestAsVector:
    @pytest.mark.parametrize("form", [bytes, bytearray])
    def test_bytes_are_packed_bits(self, form):
        vector = as_vector(form([0b10000001, 0b01000000]))
        assert vector.tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
        assert vector.dtype == np.float32

    @given(st.lists(st.booleans(), max_size=64).filter(lambda bits: len(bits) % 8 == 0))
    def test_packed_by_numpy_they_come_back(self, bits):
        assert as_vector(np.packbits(np.array(bits, bool)).tobytes()).tolist() == bits

    @pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float64, np.float32])
    def test_an_array_is_its_numbers(self, kind):
        given_array = np.array([[1, 0], [0, 1]], kind)
        vector = as_vector(given_array)
        given_array[:] = 0
        assert (vector.tolist(), vector.dtype) == ([1, 0, 0, 1], np.float32)

    def test_too_large_is_infinite(self):
        assert as_vector([1e300]).tolist() == [np.inf]

    @pytest.mark.parametrize("raw", ["text", {"a": 1}, [[1], [1, 2]]])
    def test_what_is_no_number(self, raw):
        with pytest.raises((TypeError, ValueError)):
            as_vector(raw)


class TestIdSets:
    def test_missing_and_surplus(self):
        missing, surplus = missing_and_surplus(ids(4, 1, 3), ids(3, 7, 5))
        assert (missing.tolist(), surplus.tolist()) == ([1, 4], [5, 7])

    def test_batches_cover_everything_once(self):
        assert [part.tolist() for part in batches(as_ids(range(5)), 2)] == [[0, 1], [2, 3], [4]]
