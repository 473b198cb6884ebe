"""The score, and the sets of ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.vectors.base import Metric, as_ids, batches, missing_and_surplus


def ids(*numbers):
    return np.array(numbers, np.int64)


class TestScore:
    @given(st.sampled_from(list(Metric)), st.floats(0, 1e9), st.floats(0, 1e9))
    def test_nearer_never_scores_lower(self, metric, one, other):
        near, far = sorted((one, other))
        assert metric.score(near) >= metric.score(far)

    @given(st.sampled_from(list(Metric)), st.floats(allow_nan=False))
    def test_is_between_0_and_1(self, metric, distance):
        assert 0.0 <= metric.score(distance) <= 1.0

    @pytest.mark.parametrize("metric", list(Metric))
    def test_of_distance_0_is_1(self, metric):
        assert metric.score(0.0) == 1.0

    @pytest.mark.parametrize("distance, score", [(1.0, 0.5), (3.0, 0.25), (-1e-9, 1.0)])
    def test_l2(self, distance, score):
        assert Metric.L2.score(distance) == score

    @pytest.mark.parametrize("metric", [Metric.COSINE, Metric.IP])
    @pytest.mark.parametrize("distance, score", [(1.0, 0.5), (2.0, 0.0), (0.5, 0.75), (7.0, 0.0), (-3.0, 1.0)])
    def test_cosine_and_ip(self, metric, distance, score):
        assert metric.score(distance) == score


class TestIdSets:
    def test_missing_and_surplus(self):
        missing, surplus = missing_and_surplus(ids(4, 1, 3), ids(3, 7, 5))
        assert (missing.tolist(), surplus.tolist()) == ([1, 4], [5, 7])

    def test_batches_cover_everything_once(self):
        assert [part.tolist() for part in batches(as_ids(range(5)), 2)] == [[0, 1], [2, 3], [4]]
