"""Filtered searches, held against brute force over all records: in a flat index, and in large approximate ones."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import filter_cases
from search_by_image.documents import check_document
from search_by_image.filters import And, Compare, Exists, In, Not, Or, Order, matches
from search_by_image.indexed import IndexedSpaces
from search_by_image.nearest import Finder, Reach
from search_by_image.records.base import Match, Record, SpaceRecord
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.base import Metric
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.vectors.exact import as_rows, distances


class WatchedIndex:
    """`asked`: how many neighbours the index was asked for, and among how many ids."""

    def __init__(self, index):
        self.index = index
        self.asked = []

    def search(self, name, vector, top_k, *, only=None, where=None):
        self.asked.append((top_k, None if only is None else len(only)))
        return self.index.search(name, vector, top_k, only=only, where=where)

    def __getattr__(self, name):
        return getattr(self.index, name)


class Shelf:
    """One space, filled and searched without pictures."""

    def __init__(self, folder, **options):
        self.records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
        self.index = WatchedIndex(EmbeddedIndex(EmbeddedSettings(path=folder / "vectors", **options)))
        self.indexed = IndexedSpaces(self.records, self.index)
        self.documents = self.vectors = self.space = None

    def fill(self, documents, vectors, metric=Metric.L2):
        """In the place of what is there."""
        self.indexed.clear()
        self.documents, self.vectors = documents, np.asarray(vectors, np.float32)
        self.space = SpaceRecord("app_images", "images", "Thumb", self.vectors.shape[1], metric, "f")
        self.indexed.serve(self.records.create_space(self.space))
        filled = [self._record(number) for number in range(1, len(documents) + 1)]
        self.records.put(filled)
        self.indexed.add(self.space.name, filled)

    def search(self, vector, top_k, where, reach=None):
        self.index.asked.clear()
        finder = Finder(self.records, self.index, self.indexed, reach)
        return [hit.id for hit in finder.nearest(self.space, np.asarray(vector, np.float32), top_k, where)]

    def brute_force(self, vector, top_k, where):
        rows, query = as_rows(self.space.indexed, self.vectors), as_rows(self.space.indexed, [vector])[0]
        far = distances(Metric(self.space.metric), rows, query)
        matching = [number for number, document in enumerate(self.documents, 1) if matches(where, document)]
        return sorted(matching, key=lambda number: (far[number - 1], number))[:top_k]

    def close(self):
        self.index.close()
        self.records.close()

    def _record(self, number):
        document, vector, now = self.documents[number - 1], self.vectors[number - 1], datetime.now(UTC)
        return Record(number, "images", "Thumb", self.space.name, document, vector, number.to_bytes(32, "big"), now)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[Shelf]:
    with closing(Shelf(tmp_path_factory.mktemp("small"))) as shelf:
        yield shelf


coordinates = st.sampled_from([-2, -1, 0, 1, 2, 0.5])
vectors = st.tuples(coordinates, coordinates)
reaches = st.builds(Reach, some=st.integers(1, 6), few=st.integers(1, 6), widest=st.integers(1, 12)) | st.none()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    filled=st.lists(st.tuples(filter_cases.document, vectors), min_size=1, max_size=25),
    where=filter_cases.filters,
    query=vectors,
    metric=st.sampled_from([Metric.L2, Metric.COSINE, Metric.IP]),
    top_k=st.integers(1, 6),
    reach=reaches,
)
def test_any_filter_finds_what_brute_force_finds(small, *, filled, where, query, metric, top_k, reach):
    small.fill([check_document(document, 100_000) for document, _ in filled], [vector for _, vector in filled], metric)
    assert small.search(query, top_k, where, reach) == small.brute_force(query, top_k, where)


@pytest.mark.parametrize("few", [3, 4, 5, 100])
def test_what_is_removed_meanwhile_does_not_count(small, few):
    """The record is hidden already and the index still has it."""
    small.fill([{"n": n} for n in range(40)], [(n, 0) for n in range(40)])
    small.records.begin_removal(Match(In("n", (37, 38))))
    far = Compare("n", Order.GTE, 35)
    assert small.search((0, 0), 3, far, Reach(some=1, few=few, widest=1)) == [36, 37, 40]
    assert small.search((0, 0), 9, far, Reach(some=1, few=few, widest=1)) == [36, 37, 40]


# Large approximate indexes

COUNT = 24_000
SIDE = 16


@pytest.fixture(scope="module", params=["hnsw", "ivf"])
def large(request, tmp_path_factory) -> Iterator[Shelf]:
    """The documents say where the vectors are: `far` is a place in the order from the end of the first axis."""
    vectors = np.random.default_rng(7).standard_normal((COUNT, SIDE))
    vectors[:, 0] *= 3
    documents = [{}] * COUNT
    for place, row in enumerate(np.argsort(-vectors[:, 0]).tolist()):
        documents[row] = {"far": place, "even": place % 2 == 0, "tags": [f"t{place % 100}"]}
    with closing(Shelf(tmp_path_factory.mktemp("large"), kind=request.param, exact_below=0)) as shelf:
        shelf.fill(documents, vectors)
        shelf.index.maintain()
        assert shelf.index.stats("app_images").kind == request.param
        yield shelf


def at(place=20.0):
    return [place, *[0.0] * (SIDE - 1)]


@pytest.mark.parametrize("rare", [1, 3, 40], ids=lambda count: f"{count} match")
def test_a_rare_filter_finds_all_that_match_though_none_is_near(large, rare):
    """More neighbours than are ever looked through lie before them."""
    where = Compare("far", Order.GTE, COUNT - rare)
    near = large.index.search("app_images", np.asarray(at(), np.float32), Reach().widest)
    exact = large.brute_force(at(), 10, where)
    assert not set(exact) & {neighbour.id for neighbour in near}
    assert large.search(at(), 10, where) == exact
    assert len(exact) == min(rare, 10)
    assert large.index.asked[-1] == (10, rare)


def test_of_many_that_match_and_are_far_the_nearest_are_found(large):
    """They are measured in parts, and each part is a search of its own: exact, as a part is small among all."""
    where = Compare("far", Order.GTE, COUNT - 7_000)
    found = large.search(at(), 10, where)
    exact = large.brute_force(at(), 10, where)
    assert len(set(found) & set(exact)) >= 9
    assert [only for _, only in large.index.asked if only is not None] == [5_000, 2_000]


@pytest.mark.parametrize(
    "where", [In("even", (True,)), In("tags", ("t7", "t8")), Not(In("tags", ("t3",))), Exists("far")], ids=str
)
def test_a_common_filter_is_answered_by_looking_through_some_neighbours(large, where):
    found, exact = set(), set()
    for place in (-8.0, -2.0, 0.0, 2.0, 8.0):
        found |= {(place, one) for one in large.search(at(place), 10, where)}
        exact |= {(place, one) for one in large.brute_force(at(place), 10, where)}
        assert all(only is None for _, only in large.index.asked)
        assert max(asked for asked, _ in large.index.asked) <= Reach().some
    assert len(found) == 50
    assert len(found & exact) >= 48


def test_several_conditions_of_which_each_is_common(large):
    where = And((In("even", (True,)), Or((In("tags", ("t8",)), In("tags", ("t9",)))), Compare("far", Order.GT, 20_000)))
    assert large.search(at(), 10, where) == large.brute_force(at(), 10, where)


def test_pictures_named_by_their_id_are_measured_at_once(large):
    where = And((In("id", ("a", "b")), Exists("far")))
    large.search(at(), 10, where)
    assert large.index.asked == [(10, 0)]
    large.search(at(), 10, Not(where))
    assert large.index.asked[0] == (40, None)


def test_a_filter_that_nothing_matches_looks_no_further(large):
    assert large.search(at(), 10, Exists("missing")) == []
    assert max(asked for asked, _ in large.index.asked) <= Reach().some
