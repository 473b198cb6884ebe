"""What `maintain` makes of a space, and what goes on meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from search_by_image.errors import StoreError
from search_by_image.vectors.base import Metric, Neighbour, Space
from vectors.stores import NAME, SPACE, Clusters, largest_file, opened, recall, space_folder


@contextmanager
def building(index, path) -> Iterator[threading.Thread]:
    """The body runs after a build took its view and before it ends."""
    builder = threading.Thread(target=index.maintain)
    builder.start()
    folder = space_folder(path)
    while not list(folder.glob("build-*")):
        assert builder.is_alive()
    yield builder
    builder.join()


class TestRebuild:
    def test_a_tail_is_added_to_the_graph_not_built_anew(self, tmp_path, kind):
        clusters = Clusters()
        vectors = clusters.vectors(3000)
        with opened(tmp_path, kind=kind) as index:
            index.upsert(NAME, np.arange(1500), vectors[:1500])
            index.maintain()
            index.delete(NAME, np.arange(100))
            index.upsert(NAME, np.arange(1500, 2000), vectors[1500:2000])
            index.maintain()
            assert index.stats(NAME).removed == 100
            assert index.stats(NAME).tail == 0
            assert recall(index, np.arange(100, 2000), vectors[100:2000], clusters.vectors(50)) >= 0.98
            index.upsert(NAME, np.arange(2000, 3000), vectors[2000:])
            index.upsert(NAME, np.arange(10), vectors[:10])
            index.maintain()
            assert index.stats(NAME).removed == {"flat": 100, "hnsw": 100, "ivf": 0}[kind]
        with opened(tmp_path, kind=kind) as index:
            ids = np.r_[0:10, 100:3000]
            assert index.ids(NAME).tolist() == ids.tolist()
            assert recall(index, ids, vectors[ids], clusters.vectors(50)) >= 0.98

    def test_a_tail_of_removed_rows_is_cleared_and_the_graph_kept(self, tmp_path):
        vectors = Clusters().vectors(2600)
        with opened(tmp_path, kind="hnsw") as index:
            index.upsert(NAME, np.arange(2000), vectors[:2000])
            index.maintain()
            index.upsert(NAME, np.arange(2000, 2600), vectors[2000:])
            index.delete(NAME, np.r_[0:5, 2000:2590])
            index.maintain()
            stats = index.stats(NAME)
            assert (stats.removed, stats.tail, stats.live) == (5, 10, 2005)
            assert [neighbour.id for neighbour in index.search(NAME, vectors[2595], 1)] == [2595]

    def test_removed_rows_over_the_share_are_compacted(self, tmp_path, kind):
        vectors = Clusters().vectors(3000)
        with opened(tmp_path, kind=kind) as index:
            index.upsert(NAME, np.arange(3000), vectors)
            index.maintain()
            index.delete(NAME, np.arange(700))
            index.maintain()
            assert index.stats(NAME).removed == 700
            index.delete(NAME, np.arange(700, 800))
            index.maintain()
            assert index.stats(NAME).removed == 0
            assert index.ids(NAME).tolist() == list(range(800, 3000))

    def test_nothing_is_lost_while_it_runs(self, tmp_path, kind):
        space = Space(NAME, 16, Metric.L2)
        vectors = np.random.default_rng(0).normal(size=(6000, 16)).astype(np.float32)
        with opened(tmp_path, space, kind=kind, exact_below=300, rebuild_share=0.05) as index:
            index.upsert(NAME, np.arange(2000), vectors[:2000])
            self.maintain_beside_other_threads(index, vectors)
            expected = [*range(0, 1000, 5), *range(1000, 6000)]
            assert index.ids(NAME).tolist() == expected
        with opened(tmp_path, space, kind=kind, exact_below=300) as index:
            assert index.ids(NAME).tolist() == expected
            for number in expected[::97]:
                assert index.search(NAME, vectors[number], 1, only=[number]) == [Neighbour(number, 0.0)]

    def maintain_beside_other_threads(self, index, vectors):
        done = threading.Event()

        def add():
            for number in range(2000, 6000, 10):
                index.upsert(NAME, np.arange(number, number + 10), vectors[number : number + 10])

        def remove_and_return():
            for number in range(0, 1000, 5):
                index.delete(NAME, np.arange(number, number + 5))
                index.upsert(NAME, np.array([number]), vectors[number : number + 1])

        def search(seed):
            generator = np.random.default_rng(seed)
            while not done.is_set():
                kept = int(generator.integers(1000, 2000))
                assert index.search(NAME, vectors[kept], 1, only=[kept]) == [Neighbour(kept, 0.0)]
                assert len({neighbour.id for neighbour in index.search(NAME, vectors[kept], 20)}) == 20

        with ThreadPoolExecutor(4) as threads:
            readers = [threads.submit(search, seed) for seed in range(2)]
            writers = [threads.submit(work) for work in (add, remove_and_return)]
            while not all(writer.done() for writer in writers):
                index.maintain()
            done.set()
        for work in (*writers, *readers):
            work.result()

    @pytest.mark.parametrize("kind", ["hnsw", "ivf"])
    def test_what_changes_during_a_build_is_in_the_result(self, tmp_path, kind):
        """Removed, added, and removed and added again with another vector, all between the view and the swap."""
        vectors = Clusters().vectors(15_000)
        with opened(tmp_path, kind=kind, threads=1) as index:
            index.upsert(NAME, np.arange(15_000), vectors)
            with building(index, tmp_path) as builder:
                index.delete(NAME, np.array([2000, 2001]))
                index.upsert(NAME, np.array([2001, 15_000]), np.stack([vectors[7] + 1, vectors[8] + 1]))
                assert builder.is_alive()
            assert index.stats(NAME).kind == kind
            assert index.ids(NAME).tolist() == [*range(2000), *range(2001, 15_001)]
            for number, vector in ((2001, vectors[7] + 1), (15_000, vectors[8] + 1)):
                assert index.search(NAME, vector, 1)[0].id == number
            assert index.search(NAME, vectors[2001], 1, only=[2000, 2001])[0].distance > 0.01

    def test_close_stops_it_and_keeps_everything(self, tmp_path):
        vectors = Clusters().vectors(15_000)
        with opened(tmp_path, kind="hnsw", threads=1) as index:
            index.upsert(NAME, np.arange(15_000), vectors)
            with building(index, tmp_path):
                index.close()
        with opened(tmp_path, kind="hnsw") as index:
            assert index.stats(NAME).kind == "flat"
            assert len(index.ids(NAME)) == 15_000

    def test_drop_stops_it_and_leaves_no_file(self, tmp_path):
        with opened(tmp_path, kind="hnsw", threads=1) as index:
            index.upsert(NAME, np.arange(15_000), Clusters().vectors(15_000))
            with building(index, tmp_path):
                index.drop_space(NAME)
            assert [entry for entry in tmp_path.iterdir() if entry.is_dir()] == []
            index.open_space(SPACE)
            assert index.stats(NAME).live == 0

    def test_a_failed_build_leaves_all_as_it_was_and_is_tried_again(self, tmp_path):
        vectors = Clusters().vectors(4000)
        with opened(tmp_path, kind="ivf") as index:
            index.upsert(NAME, np.arange(4000), vectors)
            with largest_file(100_000), pytest.raises(StoreError, match="Could not build"):
                index.maintain()
            assert index.stats(NAME).kind == "flat"
            assert index.search(NAME, vectors[5], 1)[0].id == 5
            assert list(space_folder(tmp_path).iterdir()) == []
            index.maintain()
            assert index.stats(NAME).kind == "ivf"
