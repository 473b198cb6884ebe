"""When snapshots are written, and of what."""

import os
from pathlib import Path

import numpy as np
import pytest

from search_by_image.errors import StoreError
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.durable import link_file
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from vectors.stores import NAME, SMALL, SPACE, Clusters, largest_file, line, opened, space_folder


class TestSnapshots:
    def test_are_written_after_so_many_changes(self, tmp_path):
        with opened(tmp_path, SMALL, snapshot_every=10) as index:
            index.upsert(NAME, np.arange(8), line(range(8)))
            index.delete(NAME, np.array([0]))
            index.maintain()
            assert not (space_folder(tmp_path) / "CURRENT").exists()
            index.delete(NAME, np.array([1]))
            index.maintain()
            first = (space_folder(tmp_path) / "CURRENT").read_text()
            index.maintain()
            assert (space_folder(tmp_path) / "CURRENT").read_text() == first

    def test_a_built_segment_is_kept_at_once(self, tmp_path):
        with opened(tmp_path, kind="hnsw", snapshot_every=10**9) as index:
            index.upsert(NAME, np.arange(1000), Clusters().vectors(1000))
            index.maintain()
            assert (space_folder(tmp_path) / "CURRENT").exists()

    def test_only_the_newest_stays(self, tmp_path, kind):
        with opened(tmp_path, kind=kind, snapshot_every=1) as index:
            clusters = Clusters()
            for start in range(0, 3000, 500):
                index.upsert(NAME, np.arange(start, start + 500), clusters.vectors(500))
                index.maintain()
            folder = space_folder(tmp_path)
            assert {entry.name for entry in folder.iterdir()} == {"CURRENT", next(folder.glob("snapshot-*")).name}

    def test_what_never_changes_is_linked_not_written_again(self, tmp_path):
        def inode():
            (file,) = space_folder(tmp_path).glob("snapshot-*/main.vectors.npy")
            return file.stat().st_ino

        with opened(tmp_path, kind="ivf", snapshot_every=1) as index:
            index.upsert(NAME, np.arange(1000), Clusters().vectors(1000))
            index.maintain()
            first = inode()
            index.delete(NAME, np.array([1]))
            index.maintain()
            assert inode() == first
        with opened(tmp_path, kind="ivf", snapshot_every=1) as index:
            index.delete(NAME, np.array([2]))
            index.maintain()
            assert inode() == first
            assert len(index.ids(NAME)) == 998

    def test_closing_without_changes_writes_none(self, tmp_path):
        with opened(tmp_path, SMALL) as index:
            index.upsert(NAME, np.arange(8), line(range(8)))
        before = (space_folder(tmp_path) / "CURRENT").stat().st_mtime_ns
        with opened(tmp_path, SMALL):
            pass
        assert (space_folder(tmp_path) / "CURRENT").stat().st_mtime_ns == before

    def test_a_full_disk_keeps_the_last_one_and_is_told(self, tmp_path, kind):
        clusters = Clusters()
        with opened(tmp_path, kind=kind, snapshot_every=1) as index:
            index.upsert(NAME, np.arange(1000), clusters.vectors(1000))
            index.maintain()
            kept = (space_folder(tmp_path) / "CURRENT").read_text()
            index.upsert(NAME, np.arange(1000, 1200), clusters.vectors(200))
            with largest_file(20_000), pytest.raises(StoreError, match="free space"):
                index.maintain()
            assert (space_folder(tmp_path) / "CURRENT").read_text() == kept
            assert len(index.ids(NAME)) == 1200
        with opened(tmp_path, kind=kind) as index:
            assert len(index.ids(NAME)) == 1200

    def test_a_graph_that_cannot_be_written_is_told_too(self, tmp_path):
        with opened(tmp_path, kind="hnsw") as index:
            index.upsert(NAME, np.arange(1000), Clusters().vectors(1000))
            with largest_file(50_000), pytest.raises(StoreError, match="free space"):
                index.maintain()
            assert index.stats(NAME).kind == "hnsw"
        with opened(tmp_path, kind="hnsw") as index:
            assert index.stats(NAME).kind == "hnsw"

    def test_one_space_that_fails_does_not_hold_up_the_others(self, tmp_path):
        index = EmbeddedIndex(EmbeddedSettings(tmp_path, snapshot_every=1))
        for name in ("first", "second"):
            index.open_space(Space(name, 8, Metric.L2))
            index.upsert(name, np.arange(8), line(range(8)))
        (folder,) = tmp_path.glob("first-*")
        folder.rmdir()
        folder.write_text("in the way")
        with pytest.raises(StoreError, match="first"):
            index.maintain()
        assert len(list(tmp_path.glob("second-*/CURRENT"))) == 1
        with pytest.raises(StoreError, match="first"):
            index.close()
        with opened(tmp_path, Space("second", 8, Metric.L2)) as again:
            assert len(again.ids("second")) == 8

    def test_a_graph_of_removed_rows_alone_is_kept_and_filled_again(self, tmp_path):
        vectors = Clusters().vectors(1000)
        with opened(tmp_path, kind="hnsw") as index:
            index.upsert(NAME, np.arange(1000), vectors)
            index.maintain()
            index.delete(NAME, np.arange(1000))
        with opened(tmp_path, kind="hnsw") as index:
            assert index.search(NAME, vectors[0], 3) == []
            index.upsert(NAME, np.arange(500), vectors[:500])
            index.delete(NAME, np.array([3]))
            assert [neighbour.id for neighbour in index.search(NAME, vectors[7], 1)] == [7]
            index.maintain()
            assert (index.stats(NAME).kind, index.stats(NAME).live, index.stats(NAME).removed) == ("flat", 499, 0)

    def test_a_file_in_the_place_of_the_folder_is_told(self, tmp_path):
        with opened(tmp_path, kind="hnsw") as index:
            index.upsert(NAME, np.arange(1000), Clusters().vectors(1000))
            folder = space_folder(tmp_path)
            folder.rmdir()
            folder.write_text("in the way")
            for call in (index.maintain, lambda: index.drop_space(NAME), lambda: index.open_space(SPACE)):
                with pytest.raises(StoreError, match="permissions"):
                    call()
            folder.unlink()
            index.open_space(SPACE)

    def test_without_hard_links_files_are_copied(self, tmp_path):
        source = tmp_path / "source"
        source.write_bytes(b"bytes")
        elsewhere = Path("/dev/shm") / f"search-by-image-{os.getpid()}"
        if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("needs a second file system")
        try:
            link_file(source, elsewhere)
            assert elsewhere.read_bytes() == b"bytes"
        finally:
            elsewhere.unlink(missing_ok=True)
