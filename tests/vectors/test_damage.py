"""Damaged, foreign and half-written files never stop a start."""

import json
import logging
import os
import shutil
import zlib

import numpy as np
import pytest

from conftest import wants_every_case
from search_by_image.vectors.base import Metric, Space
from vectors.stores import NAME, SPACE, Clusters, opened, space_folder


@pytest.fixture(scope="module", params=["flat", "hnsw", "ivf"])
def kept(request, tmp_path_factory):
    """A store with one snapshot that holds every file there can be."""
    path = tmp_path_factory.mktemp("kept") / "store"
    with opened(path, kind=request.param) as index:
        index.upsert(NAME, np.arange(1000), Clusters().vectors(1000))
        index.maintain()
        index.upsert(NAME, np.arange(1000, 1100), Clusters(1).vectors(100))
        index.delete(NAME, np.array([3, 1003]))
    return path, request.param


def truncate(file):
    os.truncate(file, file.stat().st_size // 2)


def flip(position):
    def damage(file):
        content = bytearray(file.read_bytes())
        content[int(position * (len(content) - 1))] ^= 0x10
        file.write_bytes(content)

    return damage


DAMAGES = {
    "truncated": truncate,
    "emptied": lambda file: os.truncate(file, 0),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "first byte": flip(0.0),
    "middle byte": flip(0.5),
    "last byte": flip(1.0),
    "removed": lambda file: file.unlink(),
}
TAIL = ["CURRENT", "meta.json", "tail.ids.npy", "tail.alive.npy", "tail.vectors.npy"]
GRAPH = [*TAIL, "main.ids.npy", "main.norms.npy", "main.alive.npy", "main.index.faiss"]
FILES = {"flat": TAIL, "hnsw": GRAPH, "ivf": [*GRAPH, "main.vectors.npy"]}

CASES = [(kind, name, damage) for damage in DAMAGES for kind, names in FILES.items() for name in names]
SOME_CASES = CASES if wants_every_case() else CASES[::5]


class TestDamage:
    def test_undamaged_it_is_read(self, kept, caplog):
        path, kind = kept
        with opened(path, kind=kind) as index:
            assert index.ids(NAME).tolist() == [number for number in range(1100) if number not in (3, 1003)]
            assert index.stats(NAME).kind == kind
            assert index.stats(NAME).removed == 2
        assert caplog.text == ""

    def test_every_file_is_named_here(self, kept):
        path, kind = kept
        files = {file.name for file in space_folder(path).rglob("*") if file.is_file()}
        assert files == set(FILES[kind])

    @pytest.mark.parametrize("kept, name, damage", SOME_CASES, indirect=["kept"])
    def test_of_any_file_starts_the_space_empty(self, kept, tmp_path, caplog, name, damage):
        path, kind = kept
        shutil.copytree(path, tmp_path / "store")
        (file,) = space_folder(tmp_path / "store").rglob(name)
        DAMAGES[damage](file)
        told = (name, damage) != ("CURRENT", "removed")
        self.starts_empty_and_recovers(tmp_path / "store", caplog, kind=kind, told=told)

    def starts_empty_and_recovers(self, path, caplog, *, kind="flat", told=True, space=SPACE):
        with opened(path, space, kind=kind) as index:
            assert index.ids(NAME).tolist() == []
            warned = [record for record in caplog.records if record.levelno == logging.WARNING]
            assert len(warned) == int(told)
            assert all(NAME in record.getMessage() for record in warned)
            index.upsert(NAME, np.arange(50), np.random.default_rng(0).normal(size=(50, space.dimension)))
        caplog.clear()
        with opened(path, space, kind=kind) as index:
            assert index.ids(NAME).tolist() == list(range(50))
        assert caplog.text == ""

    @pytest.mark.parametrize(
        "content", [b"", b"\xff\xfe", b"snapshot-00000009 00000000\n", b"../../etc 00000000\n", b"snapshot-00000001\n"]
    )
    def test_of_current_by_any_content(self, kept, tmp_path, caplog, content):
        shutil.copytree(kept[0], tmp_path / "store")
        (space_folder(tmp_path / "store") / "CURRENT").write_bytes(content)
        self.starts_empty_and_recovers(tmp_path / "store", caplog)

    @pytest.mark.parametrize("change", [{"format": 2}, {"metric": "IP"}, {"dimension": 63}, {"name": "x"}, {"new": 1}])
    def test_a_snapshot_of_another_format_or_space_is_passed_over(self, kept, tmp_path, caplog, change):
        shutil.copytree(kept[0], tmp_path / "store")
        folder = space_folder(tmp_path / "store")
        (file,) = folder.glob("*/meta.json")
        text = json.dumps(json.loads(file.read_text()) | change).encode()
        file.write_bytes(text)
        (folder / "CURRENT").write_text(f"{file.parent.name} {zlib.crc32(text):08x}\n")
        self.starts_empty_and_recovers(tmp_path / "store", caplog)

    def test_a_description_that_current_does_not_vouch_for_is_passed_over(self, kept, tmp_path, caplog):
        shutil.copytree(kept[0], tmp_path / "store")
        (file,) = space_folder(tmp_path / "store").glob("*/meta.json")
        file.write_text(json.dumps(json.loads(file.read_text())))
        self.starts_empty_and_recovers(tmp_path / "store", caplog)

    def test_opened_as_another_space_it_is_passed_over(self, kept, tmp_path, caplog):
        shutil.copytree(kept[0], tmp_path / "store")
        self.starts_empty_and_recovers(tmp_path / "store", caplog, space=Space(NAME, 32, Metric.COSINE))

    def test_leftovers_of_a_crash_are_removed(self, kept, tmp_path, caplog):
        path, kind = kept
        shutil.copytree(path, tmp_path / "store")
        folder = space_folder(tmp_path / "store")
        for name in ("draft-snapshot-00000002", "build-x1", "snapshot-00000007"):
            (folder / name).mkdir()
            (folder / name / "meta.json").write_text("half")
        (folder / "CURRENT.new").write_text("half")
        with opened(tmp_path / "store", kind=kind) as index:
            assert len(index.ids(NAME)) == 1098
            assert not list(folder.glob("draft-*")) + list(folder.glob("build-*")) + list(folder.glob("*7"))
            index.delete(NAME, np.array([5]))
        with opened(tmp_path / "store", kind=kind) as index:
            assert len(index.ids(NAME)) == 1097
        assert caplog.text == ""
