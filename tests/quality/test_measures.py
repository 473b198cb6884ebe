"""Against the plain ones, and on cases whose answer is known."""

import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import plain
from search_by_image.quality import distances
from search_by_image.quality.measures import measured, search_each
from search_by_image.vectors.base import Metric
from search_by_image.vectors.exact import distances as exact

KS = (1, 2, 5, 30)


@st.composite
def labelled(draw):
    """A metric, rows as the index keeps them with some of them equal, and a label for each."""
    metric, count, dice = draw(st.sampled_from(Metric)), draw(st.integers(2, 24)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(dice)
    raw = random.integers(0, 2, (count, 16)) if metric.is_binary else random.normal(size=(count, 16))
    raw[random.random(count) < 0.2] = raw[0]
    rows = distances.rows_of("p", metric, list(raw.astype(np.float32)))
    names = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    return metric, rows, np.array(names)


def measure(metric, rows, labels, ks=KS):
    names, numbers = np.unique(labels, return_inverse=True)
    return measured(search_each(metric, rows, numbers, ks), ks, numbers, [str(name) for name in names])


@given(labelled())
def test_they_are_what_the_plain_ones_are(given_):
    metric, rows, labels = given_
    ranked = plain.rankings(metric, rows)
    asked = [n for n in range(len(rows)) if (labels == labels[n]).sum() > 1]
    made = measure(metric, rows, labels)
    assert made.queries == len(asked)
    for k in KS if asked else ():
        shares = [plain.precision(ranked[n], labels, labels[n], k) for n in asked]
        assert made.precision[k] == pytest.approx(fmean(shares))
        assert made.recall[k] == pytest.approx(fmean(share > 0 for share in shares))
    if asked:
        wanted = fmean(plain.average_precision(ranked[n], labels, labels[n]) for n in asked)
        assert made.mean_average_precision == pytest.approx(wanted)


@given(labelled())
def test_labels_together_make_up_the_whole(given_):
    made = measure(*given_)
    parts = [one for one in made.labels.values() if one.queries]
    assert sum(one.queries for one in parts) == made.queries
    for k in KS if parts else ():
        assert fmean([one.precision[k] for one in parts], [one.queries for one in parts]) == pytest.approx(
            made.precision[k]
        )
        assert fmean(one.precision[k] for one in parts) == pytest.approx(made.precision_of_labels[k])
        assert made.precision[k] <= made.reachable[k] + 1e-12


@given(labelled(), st.integers(1, 9))
def test_the_size_of_a_block_changes_nothing(given_, cells):
    whole = measure(*given_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "CELLS", cells * 7)
        patch.setattr(distances, "TILE", cells)
        assert repr(measure(*given_)) == repr(whole)


@given(labelled())
def test_distances_are_those_of_the_index(given_):
    metric, rows, _ = given_
    made = distances.between(metric, rows, rows)
    for place, row in enumerate(rows):
        assert made[place] == pytest.approx(exact(metric, rows, row), abs=1e-9)
    left, right = np.divmod(np.arange(len(rows) ** 2), len(rows))
    assert distances.of_pairs(metric, rows, left, right) == pytest.approx(made.reshape(-1), abs=1e-9)


def test_a_known_order():
    """Of five on a line, the label a at 0, 1 and 3, b at 2 and 7."""
    rows = np.array([[0], [1], [2], [3], [7]], np.float32)
    made = measure(Metric.L2, rows, np.array(["a", "a", "b", "a", "b"]), (1, 2))
    assert made.precision[1] == fmean([1, 1, 0, 0, 0])
    assert made.precision[2] == fmean([1 / 2, 1 / 2, 0, 1 / 2, 1 / 2])
    first, last = (1 / 1 + 2 / 3) / 2, 1 / 2
    second = (1 / 1 + 2 / 3) / 2  # 0, 2, 3: the nearer by its place
    third, fourth = 1 / 4, (1 / 2 + 2 / 3) / 2
    assert made.mean_average_precision == pytest.approx(fmean([first, second, third, fourth, last]))
    assert made.recall == {1: 2 / 5, 2: 4 / 5}


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"]])
def test_one_picture_of_each_label_leaves_nothing_to_find(labels):
    made = measure(Metric.COSINE, np.eye(3, dtype=np.float32)[: len(labels)], np.array(labels))
    assert made.queries == 0
    assert all(map(math.isnan, [*made.precision.values(), *made.recall.values(), made.mean_average_precision]))


def test_one_label_is_always_right_as_far_as_there_are_pictures():
    made = measure(Metric.COSINE, np.eye(4, dtype=np.float32), np.array(["a"] * 4))
    assert made.precision == {1: 1, 2: 1, 5: 3 / 5, 30: 3 / 30} == made.reachable
    assert made.mean_average_precision == 1
