"""The commands `check` and `reindex` on embedded stores."""

import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from cheap_library import open_library, picture
from search_by_image.cli import create_cli
from search_by_image.cli.upkeep import MetricName
from search_by_image.records.base import Match
from search_by_image.records.sql import SqlRecordStore
from search_by_image.reindexing import Reindex
from search_by_image.vectors.base import Metric, Space, as_ids
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

PICTURES = 8
SPACE = "search_by_image_images"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    library = open_library(folder)
    for number in range(PICTURES):
        library.add(picture(number), {"n": number}, "Thumb")
    library.add(picture(1), {"n": 1}, "Bright", "cats")
    library.close()
    return folder


@pytest.fixture
def folder(filled, tmp_path):
    return shutil.copytree(filled, tmp_path / "library")


@pytest.fixture
def run(folder, tmp_path):
    file = tmp_path / "server.xml"
    file.write_text(
        f"<server><records><url>sqlite:///{folder}/records.db</url></records>"
        f"<vectors><path>{folder}/vectors</path></vectors></server>"
    )

    def run(*words):
        return CliRunner().invoke(create_cli(), [*map(str, words), "--config", str(file)])

    return run


@contextmanager
def stores(folder):
    index = EmbeddedIndex(EmbeddedSettings(path=folder / "vectors"))
    records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
    for space in records.spaces():
        index.open_space(space.indexed)
    try:
        yield records, index
    finally:
        index.close()
        records.close()


def damage(folder):
    """Two pictures are not in the index, one vector is another's, one id is too many, one picture is half imported."""
    with stores(folder) as (records, index):
        ids = records.ids(SPACE)
        index.delete(SPACE, ids[:3])
        index.upsert(SPACE, as_ids([ids[2], 5]), np.ones((2, 192)))
        (record,) = records.read(SPACE, ids[4:5])
        records.put([replace(record, id=record.id + 1)])


def contents(folder):
    """Of the stores' files; locks, and the side files that SQLite makes for readers, come and go."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".lock", ".db-shm", ".db-wal")
    ]
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in files}


class TestCheck:
    def test_a_library_in_order(self, run, folder):
        done = run("check", "--format", "json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["ok"], told["problems"], told["mended"], told["unnamed"], told["spaceless"]) == (
            True,
            [],
            [],
            [],
            0,
        )
        one, other = told["spaces"]
        assert (one["collection"], one["pipeline"]) == ("cats", "Bright")
        assert other == {
            "collection": "images",
            "pipeline": "Thumb",
            "space": SPACE,
            "role": None,
            "recorded": PICTURES,
            "indexed": PICTURES,
            "missing": 0,
            "surplus": 0,
            "pending": 0,
            "removing": 0,
            "sampled": PICTURES,
            "wrong": [],
            "unreached": 0,
        }

    def test_what_differs_is_told_and_left_as_it_is(self, run, folder):
        damage(folder)
        before = contents(folder)
        done = run("check")
        assert done.exit_code == 1
        row = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["images"])
        assert row == ["images", "Thumb", "9", "7", "3", "1", "1", "0", "6", "1", "1"]
        for text in ("lacks 3 pictures, and has 1 that", "1 pictures are half imported", "another vector of 1 of 6"):
            assert text in done.stderr
        assert contents(folder) == before
        assert run("check").exit_code == 1

    def test_it_is_mended_when_asked(self, run, folder):
        damage(folder)
        done = run("check", "--repair", "--format", "json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["ok"] is True
        assert len(told["mended"]) == 4
        assert told["spaces"][1]["recorded"] == told["spaces"][1]["indexed"] == PICTURES + 1
        assert "Mended: Collection 'images'" in done.stderr
        assert run("check").exit_code == 0
        again = open_library(folder)
        assert [hit.document["n"] for hit in again.search(picture(2), "Thumb", top_k=1)] == [2]
        again.close()

    def test_the_size_of_the_sample(self, run):
        def sampled(*words):
            return [space["sampled"] for space in json.loads(run("check", "--format", "json", *words).stdout)["spaces"]]

        assert sampled("--sample", "3") == [1, 3]
        assert sampled("--sample", "0") == [0, 0]
        assert sampled("--sample", "3", "--all") == [1, PICTURES]

    def test_leftovers_in_the_index_are_told(self, run, folder):
        with stores(folder) as (_, index):
            index.open_space(Space(f"{SPACE}@1-00000000", 3, Metric.L2))
            index.upsert(f"{SPACE}@1-00000000", as_ids([1]), np.ones((1, 3)))
        done = run("check")
        assert done.exit_code == 0
        assert f"'{SPACE}@1-00000000', which no record names" in done.stderr

    def test_where_there_is_no_library_none_is_created(self, run, folder):
        shutil.rmtree(folder)
        for command in ("check", "reindex"):
            done = run(command)
            assert done.exit_code == 1
            assert "There is no library" in done.stderr
        assert not folder.exists()

    def test_while_the_service_has_the_index_open_it_says_what_to_do(self, run, folder):
        program = "import sys; from pathlib import Path; from cheap_library import open_library;"
        program += "open_library(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
        holder = subprocess.Popen(
            [sys.executable, "-c", program, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="tests" if "tests" in sys.path else None,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        assert holder.stdout.readline()
        for command in ("check", "reindex"):
            done = run(command)
            assert done.exit_code == 1
            assert "in use by another process. Stop that process" in done.stderr
        holder.communicate()


class TestReindex:
    def test_all_collections(self, run, folder):
        done = run("reindex", "--format", "json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert [(one["collection"], one["metric"], one["pictures"]) for one in told["spaces"]] == [
            ("cats", "L2", 1),
            ("images", "COSINE", PICTURES),
        ]
        place = told["spaces"][1].pop("place")
        assert place.startswith(f"{SPACE}@1-")
        assert told["spaces"][1] == {
            "collection": "images",
            "pipeline": "Thumb",
            "metric": "COSINE",
            "kind": "flat",
            "pictures": PICTURES,
            "indexed": PICTURES,
            "sampled": PICTURES,
            "wrong": [],
            "unreached": 0,
        }
        assert "Reindexing images" in done.stderr
        assert json.loads(run("check", "--format", "json").stdout)["unnamed"] == []

    def test_one_collection_to_another_metric(self, run, folder):
        done = run("reindex", "--collection", "images", "--metric", "l2")
        assert done.exit_code == 0, done.stderr
        row = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["images"])
        assert row[:6] == ["images", "Thumb", "L2", "flat", str(PICTURES), str(PICTURES)]
        assert "cats" not in done.stdout
        again = open_library(folder)
        assert {space.collection: space.metric for space in again.spaces()} == {"cats": "L2", "images": "L2"}
        assert again.remove(Match(collection="cats"))
        again.close()
        assert run("check").exit_code == 0

    @pytest.mark.parametrize("words", [["--collection", "dogs"], ["--pipeline", "Other"]])
    def test_of_what_is_not_there_the_known_are_told(self, run, words):
        done = run("reindex", *words)
        assert done.exit_code == 2
        assert "cats (Bright); images (Thumb)" in done.stderr

    def test_a_metric_that_does_not_go_with_the_vectors_changes_nothing(self, run, folder):
        before = contents(folder)
        done = run("reindex", "--metric", "HAMMING")
        assert done.exit_code == 2
        assert "which HAMMING does not compare" in done.stderr
        assert contents(folder) == before

    def test_an_unknown_metric_is_a_wrong_usage(self, run):
        assert run("reindex", "--metric", "MANHATTAN").exit_code == 2

    def test_stopped_it_says_that_it_goes_on(self, run, folder, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Reindex, "_switch", interrupted)
            done = run("reindex", "--collection", "images")
        assert done.exit_code == 130
        assert "the same command continues" in done.stderr
        assert run("reindex", "--collection", "images").exit_code == 0


def test_the_metrics_are_all_that_there_are():
    assert [*MetricName] == [*Metric]
