"""An index built anew beside the old one: metrics, kinds, interruptions, rivals, and everybody going on meanwhile."""

import os
import random
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cheap_library import library_over, open_library, picture
from reindex_child import STEPS
from search_by_image.errors import InvalidInputError, StoreError, UnknownNameError
from search_by_image.filters import In
from search_by_image.indexed import IndexedSpaces
from search_by_image.reconciling import LATER, differences
from search_by_image.records.base import Match, State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.reindexing import Reindex, next_place
from search_by_image.self_search import SelfSearch
from search_by_image.vectors.base import Metric, Space, as_ids
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

SPACE = "search_by_image_images"
PICTURES = 12


@pytest.fixture
def records(shared_records):
    return shared_records


@pytest.fixture
def index(shared_index):
    return shared_index


@pytest.fixture
def library(records, index):
    opened = library_over(records, index)
    for number in range(PICTURES):
        opened.add(picture(number), {"n": number}, "Thumb")
    return opened


def found(library, number, top_k=3):
    return [hit.document["n"] for hit in library.search(picture(number), "Thumb", top_k=top_k)]


def reindex(library, metric=None, **options):
    (space,) = [space for space in library.spaces() if space.name == SPACE]
    return library.reindexing.run(space, metric, **options)


def agreed(records, index):
    parts = [part for space in records.spaces() for part in differences(records, index, space)]
    return not any(map(len, parts)) and not records.in_state(State.REMOVING)


class TestResult:
    @pytest.mark.parametrize("metric", [Metric.L2, Metric.IP, Metric.COSINE, None])
    def test_a_library_has_the_new_metric_and_the_same_pictures(self, library, records, index, metric):
        before = [found(library, number, PICTURES) for number in range(PICTURES)]
        seen = []
        done = reindex(library, metric, on_progress=lambda *progress: seen.append(progress))
        assert (done.pictures, done.indexed, done.searched) == (PICTURES, PICTURES, SelfSearch(PICTURES, (), 0))
        assert (done.metric, done.kind) == (metric or Metric.COSINE, "flat")
        assert seen == [(0, PICTURES), (PICTURES, PICTURES)]
        space = records.space(SPACE)
        assert space.metric == done.metric
        assert space.indexed.name == done.place == index.kept()[0]
        assert index.kept() == (done.place,)
        assert [found(library, number, PICTURES) for number in range(PICTURES)] == before
        assert agreed(records, index)

    def test_distances_and_scores_are_those_of_the_new_metric(self, library):
        reindex(library, Metric.L2)
        hit = library.search(picture(0), "Thumb", top_k=2)[1]
        assert hit.score == pytest.approx(1 / (1 + hit.distance))

    def test_imports_and_removals_go_on_afterwards(self, library, records, index):
        reindex(library, Metric.L2)
        library.add(picture(50), {"n": 50}, "Thumb")
        library.remove(Match(In("n", (3,))))
        assert found(library, 50, 1) == [50]
        assert 3 not in found(library, 3, PICTURES)
        assert agreed(records, index)

    def test_again_and_again(self, library, records, index):
        places = [reindex(library, metric).place for metric in (None, Metric.L2, None, None)]
        assert [place.split(LATER)[1].split("-")[0] for place in places] == ["1", "2", "3", "4"]
        assert index.kept() == (places[-1],)
        assert records.space(SPACE).metric == Metric.L2
        assert found(library, 5, 1) == [5]

    def test_a_library_opened_later_finds_the_same(self, library, records, index, tmp_path):
        reindex(library, Metric.L2)
        before = [found(library, number) for number in range(PICTURES)]
        library.close()
        again_records = SqlRecordStore(f"sqlite:///{tmp_path / 'records.db'}")
        again = library_over(again_records, EmbeddedIndex(EmbeddedSettings(path=tmp_path / "vectors")))
        assert [found(again, number) for number in range(PICTURES)] == before
        again.close()

    def test_other_spaces_stay_as_they_are(self, library, records):
        library.add(picture(1), {"n": 1}, "Bright")
        library.add(picture(1), {"n": 1}, "Thumb", "cats")
        before = [space for space in records.spaces() if space.name != SPACE]
        reindex(library, Metric.IP)
        assert [space for space in records.spaces() if space.name != SPACE] == before

    def test_the_index_is_of_the_kind_that_the_settings_want(self, records, tmp_path):
        rows = np.random.default_rng(0).normal(size=(600, 192)).astype(np.float32)
        folder = tmp_path / "kinds"
        for kind in ("flat", "hnsw", "ivf"):
            index = EmbeddedIndex(EmbeddedSettings(path=folder, kind=kind, exact_below=300))
            library = library_over(records, index)
            if not library.count():
                one = library.prepare(picture(0), {}, "Thumb")
                library.add_many([replace(one, vector=row) for row in rows])
            done = reindex(library, Metric.L2)
            assert (done.kind, done.indexed) == (kind, 600)
            assert not done.searched.misses_many
            index.close()


class TestRefused:
    @pytest.mark.parametrize("metric", [Metric.HAMMING, Metric.JACCARD])
    def test_a_metric_for_bits(self, library, index, metric):
        with pytest.raises(InvalidInputError, match=f"real numbers, which {metric}.*L2, IP, COSINE"):
            reindex(library, metric)
        assert index.kept() == (SPACE,)

    def test_a_metric_for_numbers_where_there_are_bits(self, records, index, library):
        (record,) = records.read(SPACE, records.ids(SPACE)[:1])
        bits = replace(records.space(SPACE), name="bits", collection="bits", metric="HAMMING", dimension=8)
        records.create_space(bits)
        records.put([replace(record, id=5, space="bits", vector=np.ones(8, np.float32))])
        with pytest.raises(InvalidInputError, match=r"bits, which COSINE.*HAMMING, JACCARD"):
            library.reindexing.run(bits, Metric.COSINE)
        assert library.reindexing.run(bits, Metric.JACCARD).indexed == 1

    def test_an_index_that_is_not_good_is_dropped_and_the_old_one_serves(self, library, records, index, monkeypatch):
        monkeypatch.setattr("search_by_image.reindexing.search_for_themselves", lambda *_: SelfSearch(10, (1,), 2))
        with pytest.raises(StoreError, match="does not find 2 of 10 vectors by themselves, and has 1 wrong"):
            reindex(library, Metric.L2)
        assert index.kept() == (SPACE,)
        assert records.space(SPACE).metric == Metric.COSINE
        assert found(library, 3, 1) == [3]


class TestInterrupted:
    @pytest.fixture
    def stopped(self, library, records, index, monkeypatch):
        """A run to L2 that ended when its index was filled and not yet switched to."""
        with monkeypatch.context() as patched:
            patched.setattr(Reindex, "_switch", interrupt)
            with pytest.raises(KeyboardInterrupt):
                reindex(library, Metric.L2)
        return next_place(records.space(SPACE), Metric.L2, index.recipe)

    def test_the_old_one_serves(self, library, index, stopped):
        assert index.kept() == (SPACE, stopped)
        assert found(library, 3, 1) == [3]
        library.maintain()
        assert library.spaces()[0].metric == Metric.COSINE

    def test_the_same_command_goes_on_where_it_stopped(self, library, records, index, stopped):
        library.add(picture(50), {"n": 50}, "Thumb")
        library.remove(Match(In("n", (3,))))
        seen = []
        done = reindex(library, Metric.L2, on_progress=lambda *progress: seen.append(progress))
        assert seen[0] == (PICTURES - 1, PICTURES)
        assert done.place == stopped
        assert index.kept() == (stopped,)
        assert found(library, 50, 1) == [50]
        assert agreed(records, index)

    def test_another_command_drops_what_it_left(self, library, index, stopped):
        done = reindex(library, Metric.IP)
        assert done.place != stopped
        assert index.kept() == (done.place,)

    def test_clear_drops_what_it_left(self, library, index, stopped):
        library.clear()
        assert index.kept() == ()

    def test_between_the_switch_and_the_end_everything_is_found(self, library, records, index, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(Reindex, "_told", interrupt)
            with pytest.raises(KeyboardInterrupt):
                reindex(library, Metric.L2)
        assert len(index.kept()) == 2
        assert found(library_over(records, index), 3, 1) == found(library, 3, 1) == [3]
        done = reindex(library)
        assert done.metric == Metric.L2
        assert index.kept() == (done.place,)

    def test_a_place_of_that_name_with_wrong_ids_is_put_right(self, library, records, index):
        place = next_place(records.space(SPACE), Metric.L2, index.recipe)
        index.open_space(Space(place, 192, Metric.L2))
        index.upsert(place, as_ids([5]), np.ones((1, 192)))
        reindex(library, Metric.L2)
        assert agreed(records, index)


class TestRivals:
    def test_of_two_that_want_different_things_one_wins(self, library, records, index, monkeypatch):
        rival = library_over(records, index)
        before(monkeypatch, "_switch", lambda: reindex(rival, Metric.IP))
        with pytest.raises(StoreError, match="Another process cleared collection 'images', or built its index anew"):
            reindex(library, Metric.L2)
        space = records.space(SPACE)
        assert space.metric == Metric.IP
        assert index.kept() == (space.indexed.name,)
        assert found(library, 3, 1) == found(rival, 3, 1) == [3]

    def test_two_that_want_the_same_both_succeed(self, library, records, index, monkeypatch):
        rival = library_over(records, index)
        before(monkeypatch, "_switch", lambda: reindex(rival, Metric.L2))
        assert reindex(library, Metric.L2).place == records.space(SPACE).indexed.name
        assert found(library, 3, 1) == found(rival, 3, 1) == [3]

    def test_one_that_finds_the_winners_index_bad_leaves_it(self, library, records, index, monkeypatch):
        rival = library_over(records, index)

        def faster():
            reindex(rival, Metric.L2)
            monkeypatch.setattr("search_by_image.reindexing.search_for_themselves", lambda *_: SelfSearch(10, (1,), 0))

        before(monkeypatch, "_accepted", faster)
        with pytest.raises(StoreError, match="1 wrong"):
            reindex(library, Metric.L2)
        assert index.kept() == (records.space(SPACE).indexed.name,)
        assert found(rival, 3, 1) == [3]

    def test_a_clear_meanwhile_wins(self, library, records, index, monkeypatch):
        other = library_over(records, index)
        before(monkeypatch, "_accepted", other.clear)
        with pytest.raises((StoreError, UnknownNameError)):
            reindex(library, Metric.L2)
        assert index.kept() == ()
        library.add(picture(3), {"n": 3}, "Thumb")
        assert found(other, 3, 1) == [3]
        assert agreed(records, index)


@pytest.mark.parametrize("grace", [0.0, 0.3])
def test_workers_import_remove_and_search_meanwhile(library, records, index, grace):
    """Each finds at once what it has imported, and never what is removed; in the end the stores agree."""
    workers = [library, library_over(records, index), library_over(records, index)]
    stop, failures = threading.Event(), []
    start = threading.Barrier(len(workers) + 1)

    def work(worker, first):
        dice, number, alive = random.Random(first), first, []
        start.wait()
        while not stop.is_set() or number < first + 5:
            worker.add(picture(number), {"n": number}, "Thumb")
            alive.append(number)
            if found(worker, number, 1) != [number]:
                failures.append(("lost", number))
            if dice.random() < 0.4:
                gone = alive.pop(dice.randrange(len(alive)))
                worker.remove(Match(In("n", (gone,))))
                if gone in found(worker, gone, 3):
                    failures.append(("back", gone))
            if dice.random() < 0.1:
                worker.maintain()
            number += 1
        return alive

    with ThreadPoolExecutor(len(workers)) as threads:
        working = [threads.submit(work, worker, 1000 * (place + 1)) for place, worker in enumerate(workers)]
        start.wait()
        try:
            for metric in (Metric.L2, Metric.IP, Metric.COSINE):
                Reindex(records, index, IndexedSpaces(records, index)).run(records.space(SPACE), metric, grace=grace)
        finally:
            stop.set()
        alive = [number for one in working for number in one.result()]
    assert failures == []
    for worker in workers:
        worker.maintain()
        assert all(found(worker, number, 1) == [number] for number in alive)
    assert worker.count() == PICTURES + len(alive)
    assert agreed(records, index)
    assert len(index.kept()) == 1


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    opened = open_library(folder, snapshot_every=15)
    opened.add_many([opened.prepare(picture(number), {"n": number}, "Thumb") for number in range(100)])
    opened.close()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("said", ["0 100", "60 100", "100 100", *STEPS])
def test_after_a_kill_everything_is_found_and_the_next_run_ends_it(filled, tmp_path, said):
    folder = shutil.copytree(filled, tmp_path / "library")
    kill_when_it_says(folder, said)
    library = open_library(folder)
    switched = said in STEPS[STEPS.index("_switch") :]
    assert library.spaces()[0].metric == (Metric.L2 if switched else Metric.COSINE)
    assert all(found(library, number, 1) == [number] for number in range(0, 100, 7))
    library.add(picture(200), {"n": 200}, "Thumb")
    library.remove(Match(In("n", (3,))))
    reindex(library, Metric.IP)
    assert found(library, 200, 1) == [200]
    assert 3 not in found(library, 3)
    assert agreed(library._records, library._index)
    assert library._index.kept() == (library.spaces()[0].indexed.name,)
    library.close()


def kill_when_it_says(folder, said):
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("reindex_child.py")), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert any(line.strip() == said for line in child.stdout)
    child.kill()
    child.wait()
    child.stdout.close()


def test_names_of_places_tell_wishes_apart(library, records):
    space = records.space(SPACE)
    names = {next_place(space, metric, recipe) for metric in (Metric.L2, Metric.IP) for recipe in ("HNSW", "FLAT")}
    assert len(names) == 4
    assert all(name.startswith(f"{SPACE}{LATER}1-") for name in names)
    tenth = replace(space, index_name=f"{SPACE}{LATER}9-01234567")
    assert next_place(tenth, Metric.L2, "HNSW").startswith(f"{SPACE}{LATER}10-")


def interrupt(*_):
    raise KeyboardInterrupt


def before(monkeypatch, step, act):
    """The first run finds that `act` has happened just before its step."""
    real = getattr(Reindex, step)

    def first(self, *args):
        monkeypatch.setattr(Reindex, step, real)
        act()
        return real(self, *args)

    monkeypatch.setattr(Reindex, step, first)
