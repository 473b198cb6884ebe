"""What is particular to the embedded index: its kinds, its recall, crashes and the lock."""

import os
import random
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from search_by_image.errors import StoreError, StoreLockedError
from search_by_image.vectors.base import Metric, Neighbour, Space
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from vectors.stores import (
    DIMENSION,
    NAME,
    SMALL,
    Clusters,
    found,
    line,
    opened,
    recall,
    true_distances,
    vectors_for,
)


class TestKinds:
    @pytest.mark.parametrize("metric", [Metric.COSINE, pytest.param(Metric.L2, marks=pytest.mark.soak)])
    def test_churn_keeps_the_recall(self, tmp_path, kind, metric):
        clusters, generator = Clusters(), np.random.default_rng(1)
        ids, vectors, next_id = np.arange(4000), clusters.vectors(4000), 4000
        with opened(tmp_path, Space(NAME, DIMENSION, metric), kind=kind) as index:
            index.upsert(NAME, ids, vectors)
            index.maintain()
            for _ in range(10):
                gone = generator.random(4000) < 0.3
                index.delete(NAME, ids[gone])
                ids[gone] = np.arange(next_id, next_id + gone.sum())
                next_id += 4000
                index.upsert(NAME, ids[gone], vectors[gone])
                queries = clusters.vectors(50)
                assert recall(index, ids, vectors, queries, metric=metric) >= 0.98
                index.maintain()
                assert recall(index, ids, vectors, queries, metric=metric) >= 0.98
            stats = index.stats(NAME)
            assert index.ids(NAME).tolist() == sorted(ids.tolist())
            assert (stats.kind, stats.live) == (kind, 4000)
            assert stats.removed <= 0.26 * 4000

    @pytest.mark.parametrize("top_k", [1, 30, 100, 400])
    def test_more_neighbours_are_found_as_surely(self, tmp_path, kind, top_k):
        clusters = Clusters()
        vectors = clusters.vectors(4000)
        with opened(tmp_path, kind=kind) as index:
            index.upsert(NAME, np.arange(4000), vectors)
            index.maintain()
            assert recall(index, np.arange(4000), vectors, clusters.vectors(60), top_k=top_k) >= 0.97

    def test_many_equal_vectors_do_not_hide_the_others(self, tmp_path, kind):
        clusters = Clusters()
        vectors = clusters.vectors(3000)
        vectors[:1000] = vectors[0]
        with opened(tmp_path, kind=kind) as index:
            index.upsert(NAME, np.arange(3000), vectors)
            index.maintain()
            alone = [index.search(NAME, vectors[number], 1)[0].id for number in range(1000, 3000, 10)]
            assert np.mean(np.array(alone) == np.arange(1000, 3000, 10)) >= 0.98

    @pytest.mark.parametrize("far_kind", ["hnsw", "ivf"])
    def test_allowed_ones_far_from_the_query_are_found(self, tmp_path, far_kind):
        generator = np.random.default_rng(0)
        vectors = generator.normal(size=(6000, 16)).astype(np.float32)
        vectors[3000:, 0] += 100
        with opened(tmp_path, Space(NAME, 16, Metric.L2), kind=far_kind) as index:
            index.upsert(NAME, np.arange(6000), vectors)
            index.maintain()
            answer = index.search(NAME, vectors[0], 5, only=range(3000, 6000))
            truth = 3000 + np.argsort(np.linalg.norm(vectors[3000:] - vectors[0], axis=1))[:5]
            assert [neighbour.id for neighbour in answer] == truth.tolist()

    def test_auto_goes_from_exact_to_hnsw_to_ivf(self, tmp_path):
        clusters = Clusters()
        with opened(tmp_path, ivf_above=1500) as index:
            kinds = []
            for start in range(0, 2100, 700):
                index.upsert(NAME, np.arange(start, start + 700), clusters.vectors(700))
                index.maintain()
                kinds.append(index.stats(NAME).kind)
            assert kinds == ["flat", "hnsw", "ivf"]
            index.delete(NAME, np.arange(1000))
            index.maintain()
            assert index.stats(NAME).kind == "hnsw"
            index.delete(NAME, np.arange(1000, 1500))
            index.maintain()
            assert index.stats(NAME).kind == "flat"
            assert index.ids(NAME).tolist() == list(range(1500, 2100))

    def test_auto_leaves_hnsw_as_soon_as_it_is_outgrown_and_does_not_hurry_back(self, tmp_path):
        kinds = []
        for ivf_above in (5000, 1000, 5000):
            with opened(tmp_path, ivf_above=ivf_above) as index:
                index.upsert(NAME, np.arange(1200), Clusters().vectors(1200))
                index.maintain()
                kinds.append(index.stats(NAME).kind)
        assert kinds == ["hnsw", "ivf", "ivf"]

    def test_just_below_the_bound_is_exact_just_at_it_is_not(self, tmp_path):
        with opened(tmp_path) as index:
            vectors = Clusters().vectors(1000)
            index.upsert(NAME, np.arange(999), vectors[:999])
            index.maintain()
            assert index.stats(NAME).kind == "flat"
            index.upsert(NAME, np.array([999]), vectors[999:])
            index.maintain()
            assert index.stats(NAME).kind == "hnsw"

    @pytest.mark.parametrize("before, after", [("hnsw", "ivf"), ("ivf", "hnsw"), ("hnsw", "flat"), ("flat", "ivf")])
    def test_another_kind_in_the_settings_is_built_at_the_next_start(self, tmp_path, before, after):
        vectors = Clusters().vectors(1200)
        for kind in (before, after):
            with opened(tmp_path, kind=kind) as index:
                index.upsert(NAME, np.arange(1200), vectors)
                index.maintain()
                assert index.stats(NAME).kind == kind
                assert index.ids(NAME).tolist() == list(range(1200))

    def test_a_higher_recall_target_is_tuned_for_at_the_next_start(self, tmp_path):
        generator = np.random.default_rng(0)
        vectors, queries = (generator.normal(size=(n, 32)).astype(np.float32) for n in (8000, 100))
        reached = []
        for target in (0.5, 0.99):
            with opened(tmp_path, Space(NAME, 32, Metric.L2), kind="ivf", recall_target=target) as index:
                index.upsert(NAME, np.arange(8000), vectors)
                index.maintain()
                reached.append(recall(index, np.arange(8000), vectors, queries, metric=Metric.L2))
        assert 0.5 <= reached[0] < 0.98 <= reached[1]

    def test_a_recall_that_codes_cannot_reach_is_told(self, tmp_path, caplog):
        generator = np.random.default_rng(0)
        vectors = generator.normal(size=(12_000, 32)) * np.exp(3 * generator.normal(size=(12_000, 1)))
        with opened(tmp_path, Space(NAME, 32, Metric.IP), kind="ivf", recall_target=1.0) as index:
            index.upsert(NAME, np.arange(12_000), vectors)
            index.maintain()
            assert "reaches a recall of 0." in caplog.text


SNAPSHOTS_FOR_EVER = """
import sys
from pathlib import Path
import numpy as np
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

index = EmbeddedIndex(EmbeddedSettings(Path(sys.argv[1]), kind=sys.argv[2], exact_below=257, snapshot_every=1))
index.open_space(Space("app_pictures", 8, Metric.L2))
start = len(index.ids("app_pictures"))
while True:
    ids = np.arange(start, start + 40)
    index.upsert("app_pictures", ids, np.outer(ids, np.ones(8)).astype(np.float32))
    index.maintain()
    start += 40
    print(start, flush=True)
"""


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric.is_binary])
def test_bits_are_searched_exactly_whatever_the_kind_and_the_number(tmp_path, kind, metric):
    generator = np.random.default_rng(2)
    vectors = vectors_for(metric, generator.normal(size=(2000, 16)))
    kept = np.flatnonzero(np.arange(2000) % 3)
    space = Space(NAME, 16, metric)
    with opened(tmp_path, space, kind=kind) as index:
        index.upsert(NAME, np.arange(2000), vectors)
        index.maintain()
        index.delete(NAME, np.arange(0, 2000, 3))
        assert index.stats(NAME).kind == "flat"
    with opened(tmp_path, space, kind=kind) as index:
        for query in vectors_for(metric, generator.normal(size=(5, 16))):
            expected = true_distances(metric, vectors[kept], query)
            nearest = kept[np.argsort(expected, kind="stable")[:30]]
            assert found(index.search(NAME, query, 30)) == nearest.tolist()


class TestCrash:
    def test_killed_while_it_writes_snapshots_the_last_complete_one_is_read(self, tmp_path, kind, caplog):
        chance = random.Random(7)
        for _ in range(4):
            acknowledged = self.killed_after(tmp_path, kind, chance.randint(1, 12), chance)
            with opened(tmp_path, SMALL, kind=kind, exact_below=257) as index:
                ids = index.ids(NAME)
                assert ids.tolist() == list(range(len(ids)))
                assert len(ids) - acknowledged in (0, 40)
                for number in ids[::37].tolist():
                    assert index.search(NAME, line([number])[0], 1, only=[number]) == [Neighbour(number, 0.0)]
        assert caplog.text == ""

    def killed_after(self, path, kind, rounds, chance):
        """Give the number of the last snapshot that the process told of before it was killed at some moment after."""
        with subprocess.Popen(
            [sys.executable, "-c", SNAPSHOTS_FOR_EVER, str(path), kind], stdout=subprocess.PIPE, text=True
        ) as process:
            lines = [process.stdout.readline() for _ in range(rounds)]
            threading.Event().wait(chance.random() * 0.03)
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        return int([told for told in lines if told.endswith("\n")][-1])


OPEN_AND_WAIT = """
import sys
from pathlib import Path
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

index = EmbeddedIndex(EmbeddedSettings(Path(sys.argv[1])))
print("open", flush=True)
sys.stdin.read()
"""


class TestLock:
    def test_a_second_process_is_refused_until_the_first_dies(self, tmp_path):
        command = [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "open\n"
            with pytest.raises(StoreLockedError, match=str(tmp_path)):
                EmbeddedIndex(EmbeddedSettings(tmp_path))
            process.kill()
        EmbeddedIndex(EmbeddedSettings(tmp_path)).close()

    def test_a_second_index_in_this_process_is_refused_too(self, tmp_path):
        first = EmbeddedIndex(EmbeddedSettings(tmp_path))
        with pytest.raises(StoreLockedError, match="Stop that process"):
            EmbeddedIndex(EmbeddedSettings(tmp_path))
        closer = threading.Thread(target=first.close)
        closer.start()
        closer.join()
        EmbeddedIndex(EmbeddedSettings(tmp_path)).close()

    def test_a_path_that_cannot_be_a_folder_is_told(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="file"):
            EmbeddedIndex(EmbeddedSettings(tmp_path / "file" / "vectors"))


def test_the_builds_leave_half_of_the_cores(tmp_path):
    cores = len(os.sched_getaffinity(0))
    assert EmbeddedSettings(tmp_path).build_threads == max(1, cores // 2)
    assert EmbeddedSettings(tmp_path, threads=3).build_threads == 3


def test_memory_grows_with_the_vectors_not_with_the_calls(tmp_path):
    with opened(tmp_path, SMALL) as index:
        for number in range(3000):
            index.upsert(NAME, np.array([number]), line([number]))
        rows = index._spaces[NAME]._tail.rows
        assert len(rows) == 3000
        assert rows.vectors.base.nbytes <= 2 * 3000 * 8 * 4
