"""Copying a library into other stores: ids stay, a copy that stopped goes on, and what differs is found."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from cheap_library import open_library, picture
from search_by_image.cli import create_cli
from search_by_image.errors import InvalidInputError, StoreError, VectorMismatchError
from search_by_image.filters import In
from search_by_image.records.base import Match, State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.settings import load_settings
from search_by_image.transfer import BATCH, Progress, SpaceReport, Transfer, check_apart, overlap, search_of
from search_by_image.vectors.base import Neighbour, as_ids
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

APP = "moved"
MANY = 2 * BATCH + 10


@pytest.fixture(scope="module")
def pictures():
    return [picture(seed, (8, 8)) for seed in range(20)]


@pytest.fixture(scope="module")
def old(tmp_path_factory, pictures):
    """The folder of a library: pictures of two pipelines in 'images', many vectors in 'cats', 'dogs' is empty."""
    folder = tmp_path_factory.mktemp("old")
    library = open_library(folder, collections=("dogs",))
    for seed, data in enumerate(pictures):
        library.add(data, {"id": seed, "名字": f"猫{seed}"}, "Thumb")
        library.add(data, {"id": f"bright-{seed}"}, "Bright")
    one = library.prepare(pictures[0], {}, "Thumb", "cats")
    rows = np.random.default_rng(5).standard_normal((MANY, 192)).astype(np.float32)
    for part in np.array_split(rows, 10):
        library.add_many([replace(one, vector=row) for row in part])
    library.remove(Match(In("id", (3,))))
    library.close()
    return folder


@contextmanager
def stores(folder):
    folder.mkdir(exist_ok=True)
    index = EmbeddedIndex(EmbeddedSettings(path=folder / "vectors"))
    records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
    try:
        yield records, index
    finally:
        index.close()
        records.close()


def copied(old, new, on_progress=lambda _: None):
    with stores(old) as source, stores(new) as target:
        return Transfer(source[0], search_of(*source), *target, app_name=APP).run(on_progress)


def everything(folder):
    """All that a library holds, by the spaces' collection and pipeline; vectors as bytes."""
    with stores(folder) as (records, _):
        spaces = {(space.collection, space.pipeline): space for space in records.spaces()}
        return records.collections(), {
            key: (
                replace(space, name=""),
                [
                    replace(record, space="", vector=record.vector.tobytes())
                    for record in records.read(space.name, records.ids(space.name))
                ],
            )
            for key, space in spaces.items()
        }


def test_everything_is_copied_and_found_alike(old, tmp_path, pictures):
    new = tmp_path / "new"
    seen = []
    reports = copied(old, new, seen.append)
    assert everything(new) == everything(old)
    assert seen[0] == Progress(0, MANY + 39)
    assert seen[-1] == Progress(MANY + 39, MANY + 39)
    assert [(report.collection, report.pipeline, report.pictures) for report in reports] == [
        ("cats", "Thumb", MANY),
        ("images", "Thumb", 19),
        ("images", "Bright", 20),
    ]
    for report in reports:
        assert report.copied == report.recorded == report.indexed == report.pictures
        assert report.overlap == 1.0
        assert report.problems() == []
    assert {report.space for report in reports} == {"moved_cats", "moved_images", "moved_images_Bright"}
    assert answers(new, pictures, app_name=APP) == answers(old, pictures)


def answers(folder, pictures, **options):
    library = open_library(folder, **options)
    try:
        found = [library.search(data, pipeline) for data in pictures for pipeline in ("Thumb", "Bright")]
        return [[(hit.id, hit.collection, hit.document, hit.score, hit.distance) for hit in hits] for hits in found]
    finally:
        library.close()


def test_nothing_is_left_pending(old, tmp_path):
    copied(old, tmp_path / "new")
    with stores(tmp_path / "new") as (records, _):
        assert records.in_state(State.PENDING) == {}


def test_a_second_run_copies_nothing(old, tmp_path):
    copied(old, tmp_path / "new")
    again = copied(old, tmp_path / "new")
    assert [report.copied for report in again] == [0, 0, 0]
    assert all(report.problems() == [] and report.overlap == 1.0 for report in again)
    assert everything(tmp_path / "new") == everything(old)


def test_a_copy_that_stopped_goes_on(old, tmp_path):
    new = tmp_path / "new"

    def stop(progress):
        if progress.done > BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copied(old, new, stop)
    reports = copied(old, new)
    assert [report.copied for report in reports] == [MANY - 2 * BATCH, 19, 20]
    assert everything(new) == everything(old)


def test_what_a_killed_copy_left_is_finished(old, tmp_path):
    """Records that are pending, or half removed, and that the index lacks."""
    new = tmp_path / "new"
    copied(old, new)
    with stores(new) as (records, _):
        space = next(space for space in records.spaces() if space.pipeline == "Bright")
        kept = records.read(space.name, records.ids(space.name))
        records.begin_removal(Match(ids=tuple(record.id for record in kept[:8])))
        records.finish_removal([record.id for record in kept[:7]])
        records.put(kept[:5])
    again = copied(old, new)
    assert [report.copied for report in again] == [0, 0, 3]
    assert all(report.problems() == [] for report in again)
    assert everything(new) == everything(old)
    with stores(new) as (records, _):
        assert records.in_state(State.PENDING) == records.in_state(State.REMOVING) == {}


def test_a_target_with_other_content_under_an_id_is_refused(old, tmp_path):
    new = tmp_path / "new"
    copied(old, new)
    changed = change_one(new, lambda record: replace(record, document={"id": "other"}))
    with pytest.raises(StoreError, match=f"another picture under the id {changed}"):
        copied(old, new)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: replace(record, vector=record.vector + np.float32(1)),
        lambda record: replace(record, sha256=bytes(32)),
        lambda record: replace(record, created=record.created.replace(year=2001)),
        lambda record: replace(record, pipeline="Other"),
    ],
)
def test_every_part_of_a_record_is_compared(old, tmp_path, change):
    new = tmp_path / "new"
    copied(old, new)
    change_one(new, change)
    with pytest.raises(StoreError, match="another picture"):
        copied(old, new)


def change_one(folder, change):
    with stores(folder) as (records, _):
        space = records.spaces()[0].name
        ids = records.ids(space)[:1]
        (record,) = records.read(space, ids)
        records.begin_removal(Match(ids=(record.id,)))
        records.finish_removal([record.id])
        records.put([change(record)])
        return record.id


def test_an_id_that_another_space_of_the_target_has_is_refused(old, tmp_path):
    new = tmp_path / "new"
    with stores(old) as (records, _):
        space = records.spaces()[0]
        (taken,) = records.read(space.name, records.ids(space.name)[5:6])
    with stores(new) as (records, _):
        records.create_space(replace(space, name="elsewhere", collection="elsewhere"))
        records.put([replace(taken, space="elsewhere", collection="elsewhere")])
    with pytest.raises(StoreError, match=f"another picture under the id {taken.id}"):
        copied(old, new)


def test_a_target_with_pictures_of_its_own_is_refused(old, tmp_path, pictures):
    new = tmp_path / "new"
    new.mkdir()
    library = open_library(new)
    own = library.add(pictures[7], {}, "Thumb", "cats")
    library.close()
    before = everything(new)
    with pytest.raises(StoreError, match=f"pictures of its own \\(1, such as id {own.id}\\)"):
        copied(old, new)
    assert everything(new)[1] == before[1]


def test_a_collection_that_only_the_target_has_stays(old, tmp_path, pictures):
    new = tmp_path / "new"
    new.mkdir()
    library = open_library(new, default_collection="birds")
    library.add(pictures[7], {"kind": "bird"}, "Thumb")
    library.close()
    assert all(report.problems() == [] for report in copied(old, new))
    library = open_library(new, default_collection="birds")
    assert library.count(Match(collection="birds")) == 1
    assert library.count() == MANY + 40
    library.close()


def test_vectors_of_another_model_are_refused(old, tmp_path):
    with stores(old) as (records, _):
        space = records.spaces()[0]
    with stores(tmp_path / "new") as (records, _):
        records.create_space(replace(space, fingerprint="of another model"))
    with pytest.raises(VectorMismatchError, match="of another model"):
        copied(old, tmp_path / "new")


def test_a_source_whose_index_is_behind_is_refused_and_not_mended(old, tmp_path, pictures):
    behind = tmp_path / "behind"
    copied(old, behind)
    with stores(behind) as (records, index):
        search_of(records, index)
        space = records.spaces()[0].name
        index.delete(space, records.ids(space)[:2])
    with pytest.raises(StoreError, match="lacks 2 pictures of collection 'cats'"):
        copied(behind, tmp_path / "new")
    with pytest.raises(StoreError, match="lacks 2 pictures"):
        copied(behind, tmp_path / "new")


def test_what_is_lost_after_the_copy_is_reported(old, tmp_path):
    class Forgetful(EmbeddedIndex):
        def maintain(self):
            self.delete("moved_images", self.ids("moved_images")[:9])

    new = tmp_path / "new"
    new.mkdir()
    index = Forgetful(EmbeddedSettings(path=new / "vectors"))
    records = SqlRecordStore(f"sqlite:///{new / 'records.db'}")
    with stores(old) as source:
        reports = Transfer(source[0], search_of(*source), records, index, app_name=APP).run()
    index.close()
    records.close()
    broken = next(report for report in reports if report.space == "moved_images")
    assert (broken.pictures, broken.recorded, broken.indexed) == (19, 19, 10)
    assert broken.overlap < 0.9
    counts, found = broken.problems()
    assert "vector index 10" in counts
    assert "at least 90%" in found


def test_an_empty_space_has_nothing_to_search(tmp_path):
    empty = tmp_path / "empty"
    copied_from = open_library(tmp_path, collections=("dogs",))
    copied_from.add(picture(1), {"id": 1}, "Thumb")
    copied_from.remove(Match(In("id", (1,))))
    copied_from.close()
    (report,) = copied(tmp_path, empty)
    assert report == SpaceReport("images", "Thumb", "moved_images", 0, 0, 0, 0, None)
    assert report.problems() == []
    assert everything(empty)[0] == ("dogs", "images")


@pytest.mark.parametrize(
    ("found", "share"),
    [
        ([(1, 0.0), (2, 0.5)], 1.0),
        ([(1, 0.0), (9, 0.5)], 1.0),
        ([(1, 0.0), (9, 0.6)], 0.5),
        ([(1, 0.0)], 0.5),
        ([], 0.0),
        ([(1, 0.0), (2, 0.5), (3, 0.5)], 1.0),
    ],
)
def test_the_overlap_counts_ties_as_found(found, share):
    expected = [Neighbour(1, 0.0), Neighbour(2, 0.5)]
    assert overlap(expected, [Neighbour(*one) for one in found]) == share
    assert overlap([], [Neighbour(1, 0.0)]) == 0.0


# The command


def settings_file(folder, name, **keys):
    paths = [(*key.split("/"), value) for key, value in keys.items()]
    text = "".join(f"<{section}><{key}>{value}</{key}></{section}>" for section, key, value in paths)
    pipelines = "<pipeline><pipeline_config><Thumb>%s</Thumb></pipeline_config></pipeline>"
    node = '{"1": {"name": "v", "processor": "HsvHistogram"}}'
    file = folder / name
    file.write_text(f"<server>{text}{pipelines % node}</server>", encoding="utf-8")
    return file


def places(folder):
    return {"records/url": f"sqlite:///{folder}/records.db", "vectors/path": f"{folder}/vectors"}


def run(*words):
    return CliRunner().invoke(create_cli(), [str(word) for word in words])


def test_the_command_copies(old, tmp_path):
    source = settings_file(tmp_path, "a.xml", **places(old))
    target = settings_file(tmp_path, "b.xml", **places(tmp_path / "new"))
    done = run("copy", "--from", source, "--to", target, "--format", "json")
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert answer["problems"] == []
    assert [(space["collection"], space["copied"], space["overlap"]) for space in answer["spaces"]] == [
        ("cats", MANY, 1.0),
        ("images", 19, 1.0),
        ("images", 20, 1.0),
    ]
    assert "no pipeline 'Bright'" in done.stderr
    assert "Copying" in done.stderr
    again = run("copy", "--from", source, "--to", target)
    assert again.exit_code == 0
    rows = [line.split() for line in again.stdout.splitlines()]
    assert ["cats", "Thumb", str(MANY), "0", str(MANY), str(MANY), "1.0000"] in rows


def test_the_command_fails_where_the_target_finds_other_pictures(old, tmp_path, monkeypatch):
    monkeypatch.setattr("search_by_image.transfer.LOWEST_OVERLAP", 1.1)
    source = settings_file(tmp_path, "a.xml", **places(old))
    target = settings_file(tmp_path, "b.xml", **places(tmp_path / "new"))
    done = run("copy", "--from", source, "--to", target, "--format", "json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["ok"] is False
    assert "the target finds 100%" in done.stderr


def test_the_command_says_that_it_can_be_continued(old, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Transfer, "_add", interrupted)
    source = settings_file(tmp_path, "a.xml", **places(old))
    target = settings_file(tmp_path, "b.xml", **places(tmp_path / "new"))
    done = run("copy", "--from", source, "--to", target)
    assert done.exit_code == 130
    assert "the same command continues" in done.stderr


def test_the_command_says_when_there_is_no_library(tmp_path):
    source = settings_file(tmp_path, "a.xml", **places(tmp_path / "nothing"))
    target = settings_file(tmp_path, "b.xml", **places(tmp_path / "new"))
    done = run("copy", "--from", source, "--to", target)
    assert done.exit_code == 1
    assert "There is no library" in done.stderr
    assert not (tmp_path / "nothing").exists()
    assert not (tmp_path / "new").exists()


def settings_of(**keys):
    return load_settings(overrides=keys, environ={})


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ({}, {}, "same record store"),
        ({}, {"vectors/path": "elsewhere"}, "same record store"),
        ({"mongodb/host": "db"}, {"mongodb/host": "db", "vectors/path": "b"}, "same record store"),
        ({}, {"records/url": "sqlite:///other.db"}, "same vector index"),
        ({}, {"mongodb/host": "db"}, "same vector index"),
        ({"milvus/host": "m"}, {"milvus/host": "m", "records/url": "sqlite:///b.db"}, "same vector index"),
        ({"milvus/uri": "a.db"}, {"milvus/uri": "file:a.db", "mongodb/host": "db"}, "same vector index"),
        ({"milvus/uri": "http://m:1"}, {"milvus/uri": "http://m:1", "mongodb/host": "db"}, "same vector index"),
    ],
)
def test_stores_that_both_settings_name_are_refused(one, other, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=text):
        check_apart(settings_of(**one), settings_of(**other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"records/url": "sqlite:///other.db", "vectors/path": "elsewhere"}),
        ({}, {"mongodb/host": "db", "milvus/host": "m"}),
        (
            {"milvus/host": "m"},
            {"milvus/host": "m", "records/url": "sqlite:///b.db", "search_config/app_name": "b"},
        ),
        ({"mongodb/host": "a"}, {"mongodb/host": "b", "vectors/path": "b"}),
    ],
)
def test_stores_apart_are_taken(one, other, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_apart(settings_of(**one), settings_of(**other))


def test_ids_read_whole_are_in_order_and_only_of_the_space(old):
    with stores(old) as (records, _):
        space = next(space.name for space in records.spaces() if space.pipeline == "Bright")
        ids = records.ids(space)
        read = records.read(space, as_ids([*ids[:5][::-1].tolist(), 1]))
        assert [record.id for record in read] == ids[:5].tolist()
