"""Which pairs there are, which are drawn, and the score that is suggested."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import plain
from search_by_image.quality.scores import Distribution, Scores, scores_of, suggested
from search_by_image.vectors.base import Metric
from search_by_image.vectors.exact import distances

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=30)
SHARES = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=40)


def rows_for(labels, seed=0):
    return np.random.default_rng(seed).normal(size=(len(labels), 8)).astype(np.float32)


def plain_scores(rows, labels, same):
    pairs = [(i, j) for i in range(len(rows)) for j in range(i) if (labels[i] == labels[j]) is same]
    far = [distances(Metric.L2, rows[i : i + 1], rows[j])[0] for i, j in pairs]
    return sorted(np.floor(np.array([Metric.L2.score(one, 8) for one in far]) * 1e6 + 1e-4) / 1e6)


@given(LABELS)
def test_every_pair_is_scored_once(labels):
    rows = rows_for(labels)
    made = scores_of(Metric.L2, rows, np.array(labels))
    for one, same in ((made.same, True), (made.different, False)):
        wanted = plain_scores(rows, labels, same)
        assert one.pairs == len(one.scores) == len(wanted)
        assert one.scores == pytest.approx(wanted, abs=2e-6)


@given(LABELS, st.integers(1, 20), st.integers(0, 5))
def test_those_drawn_are_among_them_and_the_same_for_a_seed(labels, most, seed):
    rows, numbers = rows_for(labels), np.array(labels)
    every = scores_of(Metric.L2, rows, numbers)
    made, again = (scores_of(Metric.L2, rows, numbers, most=most, seed=seed) for _ in range(2))
    for kind in ("same", "different"):
        drawn, whole = getattr(made, kind), getattr(every, kind)
        assert drawn.pairs == whole.pairs
        assert len(drawn.scores) == min(most, whole.pairs)
        assert set(drawn.scores) <= set(whole.scores)
        assert (drawn.scores == getattr(again, kind).scores).all()


def test_no_pair_is_drawn_twice_and_all_have_the_same_chance():
    labels = np.array([0] * 30 + [1] * 5)
    rows = np.random.default_rng(0).uniform(0, 3, (35, 1)).astype(np.float32)
    counts = {}
    for seed in range(200):
        drawn = scores_of(Metric.L2, rows, labels, most=50, seed=seed).different.scores
        assert len(np.unique(drawn)) == 50
        for score in np.unique(drawn).tolist():
            counts[score] = counts.get(score, 0) + 1
    assert len(counts) == 150
    assert np.median(list(counts.values())) == pytest.approx(200 * 50 / 150, abs=12)


def test_only_the_pairs_said_to_differ_are_different():
    rows = np.array([[0], [1], [5], [9]], np.float32)
    made = scores_of(Metric.L2, rows, np.array([0, 0, 1, 2]), different=[(0, 2)])
    assert made.same.scores.tolist() == [0.5]
    assert made.different.pairs == 1
    assert made.different.scores.tolist() == [pytest.approx(1 / 6, abs=1e-6)]


@given(SHARES, SHARES, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_the_suggestion_is_the_lowest_score_that_does(same, different, wanted):
    scores = Scores(*(Distribution(len(one), np.sort(np.array(one))) for one in (same, different)))
    made, best = suggested(scores, wanted), plain.best_score(same, different, wanted)
    if best is None:
        assert made.match_score is None
        assert made.precision < wanted
    else:
        assert (made.match_score, made.precision, made.recall) == pytest.approx(best)


def test_a_drawn_pair_stands_for_many():
    """Two of the same that score .9, and of 100 different pairs half as near: twenty drawn ones weigh as all."""
    same = Distribution(2, np.array([0.9, 0.9]))
    drawn = Distribution(100, np.array([0.1] * 10 + [0.9] * 10))
    assert suggested(Scores(same, drawn), 0.9) == suggested(
        Scores(same, Distribution(100, np.array([0.1] * 50 + [0.9] * 50))), 0.9
    )
    assert suggested(Scores(same, drawn), 0.9).precision == pytest.approx(2 / 52)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]], ids=["one label", "one picture a label"])
def test_without_both_kinds_of_pairs_nothing_is_suggested(labels):
    assert suggested(scores_of(Metric.L2, rows_for(labels), np.array(labels)), 0.9) is None


def test_the_suggested_score_lets_exactly_those_pairs_through_that_it_was_measured_on():
    """As `search_config/match_score` does: what scores less is dropped."""
    labels = np.repeat(np.arange(5), 12)
    rows = rows_for(labels) + 2 * np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)[labels]
    made = suggested(scores_of(Metric.L2, rows, labels), 0.9)
    through = [
        labels[i] == labels[j]
        for i in range(len(rows))
        for j in range(i)
        if Metric.L2.score(float(distances(Metric.L2, rows[i : i + 1], rows[j])[0]), 8) >= made.match_score
    ]
    assert sum(through) / len(through) == pytest.approx(made.precision)
    assert made.precision >= 0.9
    assert sum(through) / (5 * 12 * 11 / 2) == pytest.approx(made.recall)
