"""The export is what docs/moving.md says, to whoever reads it, and comes back as it was."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cheap_library import open_library, picture
from search_by_image.cli import create_cli
from search_by_image.documents import check_document
from search_by_image.errors import InvalidInputError, StoreError
from search_by_image.exported import ExportedLibrary
from search_by_image.interchange import BATCH, export
from search_by_image.records.base import Record, SpaceRecord
from search_by_image.records.sql import SqlRecordStore
from search_by_image.transfer import Progress, Transfer, search_of
from search_by_image.vectors.base import Metric, Space, as_ids
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

LIMIT = 262_144
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678_912, UTC)


class Held:
    """A source of records in memory."""

    def __init__(self, records, spaces, collections=("images",)):
        self._records = {record.id: record for record in records}
        self._spaces = spaces
        self._collections = collections

    def collections(self):
        return self._collections

    def spaces(self):
        return self._spaces

    def ids(self, space):
        return as_ids(sorted(record.id for record in self._records.values() if record.space == space))

    def read(self, space, ids):
        return [self._records[id_] for id_ in ids.tolist() if id_ in self._records]


def space(metric=Metric.L2, dimension=4):
    return SpaceRecord("app_images", "images", "Thumb", dimension, metric.value, "f" * 16)


def record(id_, document=None, *, vector=None, created=CREATED, key=None):
    return Record(
        id_,
        "images",
        "Thumb",
        "app_images",
        {"n": id_} if document is None else document,
        np.random.default_rng(id_).standard_normal(4).astype(np.float32) if vector is None else vector,
        hashlib.sha256(str(id_).encode()).digest(),
        created,
        key,
    )


def same(one):
    return replace(one, vector=one.vector.tobytes())


@pytest.fixture
def folder(tmp_path):
    export(Held([record(2), record(5), record(9)], (space(),), ("images", "动物")), tmp_path / "export")
    return tmp_path / "export"


def opened(folder, document_bytes=LIMIT):
    return ExportedLibrary(folder, document_bytes=document_bytes)


def test_the_format(folder):
    assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "records-1.jsonl", "vectors-1.npy"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert datetime.fromisoformat(manifest.pop("created")).utcoffset() == timedelta(0)
    assert manifest == {
        "format": "search-by-image-export",
        "version": 1,
        "collections": ["images", "动物"],
        "spaces": [
            {
                "name": "app_images",
                "collection": "images",
                "pipeline": "Thumb",
                "dimension": 4,
                "metric": "L2",
                "fingerprint": "f" * 16,
                "count": 3,
                "records": "records-1.jsonl",
                "records_sha256": hashlib.sha256((folder / "records-1.jsonl").read_bytes()).hexdigest(),
                "vectors": "vectors-1.npy",
                "vectors_sha256": hashlib.sha256((folder / "vectors-1.npy").read_bytes()).hexdigest(),
            }
        ],
    }
    lines = [json.loads(line) for line in (folder / "records-1.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert [line["id"] for line in lines] == [2, 5, 9]
    assert lines[1] == {
        "row": 1,
        "id": 5,
        "collection": "images",
        "pipeline": "Thumb",
        "sha256": hashlib.sha256(b"5").hexdigest(),
        "created": "2026-01-02T03:04:05.678912+00:00",
        "document": {"n": 5},
    }
    vectors = np.load(folder / "vectors-1.npy", allow_pickle=False)
    assert (vectors.dtype, vectors.shape) == (np.dtype("<f4"), (3, 4))
    assert np.array_equal(vectors, np.stack([record(id_).vector for id_ in (2, 5, 9)]))


def test_it_comes_back_as_it_was(folder):
    library = opened(folder)
    assert library.collections() == ("images", "动物")
    assert library.spaces() == (space(),)
    assert library.ids("app_images").tolist() == [2, 5, 9]
    read = library.read("app_images", as_ids([9, 77, 2]))
    assert [same(one) for one in read] == [same(record(2)), same(record(9))]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(texts, parts, max_size=4),
    max_leaves=12,
)


keys = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=3, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_document_vector_and_time_comes_back(tmp_path_factory, data):
    documents = data.draw(st.lists(st.dictionaries(texts, json_values, max_size=4), max_size=5))
    vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=4, max_size=4)
    tokyo = timezone(timedelta(hours=9))
    times = st.integers(0, 10**15).map(lambda number: (CREATED + timedelta(microseconds=number)).astimezone(tokyo))
    records = [
        record(
            number,
            check_document(document, LIMIT),
            vector=np.array(data.draw(vectors), np.float32),
            created=data.draw(times),
            key=data.draw(keys),
        )
        for number, document in enumerate(documents, 1)
    ]
    folder = tmp_path_factory.mktemp("any") / "export"
    export(Held(records, (space(),)), folder)
    read = opened(folder).read("app_images", as_ids(range(9)))
    assert [same(one) for one in read] == [same(one) for one in records]
    assert [json.dumps(one.document) for one in read] == [json.dumps(one.document) for one in records]


def test_more_than_a_batch_with_progress(tmp_path):
    many = [record(number) for number in range(1, BATCH + 4)]
    seen = []
    export(Held(many, (space(),)), tmp_path / "export", seen.append)
    assert seen == [Progress(0, BATCH + 3), Progress(BATCH, BATCH + 3), Progress(BATCH + 3, BATCH + 3)]
    library = opened(tmp_path / "export")
    assert len(library.ids("app_images")) == BATCH + 3
    assert same(library.read("app_images", as_ids([BATCH + 3]))[0]) == same(many[-1])


def test_an_empty_space(tmp_path):
    export(Held([], (space(),)), tmp_path)
    library = opened(tmp_path)
    assert len(library.ids("app_images")) == 0
    assert library.read("app_images", as_ids([1])) == []
    assert library.search(space(), np.ones((1, 4), np.float32), 3) == [[]]
    assert np.load(tmp_path / "vectors-1.npy").shape == (0, 4)


@pytest.mark.parametrize("metric", list(Metric))
def test_its_search_is_exact(tmp_path, metric):
    rows = np.random.default_rng(1).standard_normal((5000, 4)).astype(np.float32)
    rows = (rows > 0).astype(np.float32) if metric.is_binary else rows
    export(Held([record(n, vector=row) for n, row in enumerate(rows, 1)], (space(metric),)), tmp_path / "export")
    index = EmbeddedIndex(EmbeddedSettings(path=tmp_path / "vectors"))
    index.open_space(Space("app_images", 4, metric))
    index.upsert("app_images", np.arange(1, 5001), rows)
    found = opened(tmp_path / "export").search(space(metric), rows[:20], 10)
    for one, row in zip(found, rows[:20], strict=True):
        expected = index.search("app_images", row, 10)
        assert [neighbour.id for neighbour in one] == [neighbour.id for neighbour in expected]
        assert np.allclose([n.distance for n in one], [n.distance for n in expected])
    index.close()


def test_a_folder_with_files_is_refused(folder):
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(InvalidInputError, match="not empty"):
        export(Held([], ()), folder)
    assert (folder / "manifest.json").read_bytes() == before


def test_a_source_that_loses_pictures_meanwhile_makes_no_export(tmp_path):
    class Losing(Held):
        def read(self, space, ids):
            return super().read(space, ids)[1:]

    with pytest.raises(StoreError, match="were removed while"):
        export(Losing([record(1), record(2)], (space(),)), tmp_path / "export")
    with pytest.raises(InvalidInputError, match="not finished"):
        opened(tmp_path / "export")


# Damage


def test_no_export(tmp_path):
    with pytest.raises(InvalidInputError, match=r"no .*manifest\.json"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["records-1.jsonl", "vectors-1.npy"])
def test_a_missing_or_changed_file(folder, name):
    file = folder / name
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(InvalidInputError, match=f"{name} is damaged"):
        opened(folder)
    file.unlink()
    with pytest.raises(InvalidInputError, match=f"{name} is missing"):
        opened(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", "other"), ("version", 2), ("collections", "images"), ("more", 1), ("created", "yesterday")],
)
def test_a_manifest_of_another_kind(folder, key, value):
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(InvalidInputError, match=f"no manifest of version 1: {key}"):
        opened(folder)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_manifest_that_is_none(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(InvalidInputError, match="no manifest of version 1"):
        opened(folder)


@pytest.mark.parametrize(("key", "value"), [("records", "../x-1.jsonl"), ("metric", "L3"), ("count", -1)])
def test_a_manifest_with_a_wrong_space(folder, key, value):
    write_space(folder, **{key: value})
    with pytest.raises(InvalidInputError, match=rf"spaces\.0\.{key}"):
        opened(folder)


def write_space(folder, **changes):
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["spaces"][0] |= changes
    file.write_text(json.dumps(manifest))


def rewrite(folder, name, data):
    """As somebody who edits an export does it, with the right SHA-256."""
    (folder / name).write_bytes(data)
    key = "records_sha256" if name.endswith("jsonl") else "vectors_sha256"
    write_space(folder, **{key: hashlib.sha256(data).hexdigest()})


def lines_of(folder):
    return (folder / "records-1.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (b"no json\n", "line 2 of .*: not JSON"),
        (b"{}\n", "line 2 of .*: row: Field required"),
        (b"[" * 100_000 + b"\n", "line 2 of .*: not JSON"),
        (b"\xff\n", "line 2 of .*: not JSON"),
    ],
)
def test_a_line_that_is_none(folder, changed, text):
    one, _, three = lines_of(folder)
    rewrite(folder, "records-1.jsonl", one + changed + three)
    with pytest.raises(InvalidInputError, match=text):
        opened(folder)


def test_lines_in_another_order_or_number(folder):
    one, two, three = lines_of(folder)
    for lines in ((two, one, three), (one, two), (one, one, three)):
        rewrite(folder, "records-1.jsonl", b"".join(lines))
        with pytest.raises(InvalidInputError, match="3 lines in the order of their ids"):
            opened(folder)


@pytest.mark.parametrize(("key", "value"), [("row", 0), ("collection", "cats"), ("pipeline", "Other")])
def test_a_line_of_another_space(folder, key, value):
    one, two, three = lines_of(folder)
    changed = json.dumps(json.loads(two) | {key: value}).encode() + b"\n"
    rewrite(folder, "records-1.jsonl", one + changed + three)
    with pytest.raises(InvalidInputError, match="must have row 1, collection 'images' and pipeline 'Thumb'"):
        opened(folder).read("app_images", as_ids([5]))


def test_documents_that_the_library_does_not_take(folder):
    with pytest.raises(InvalidInputError, match="limits/document_bytes"):
        opened(folder, document_bytes=3).read("app_images", as_ids([5]))
    write_space(folder, collection="a/b")
    with pytest.raises(InvalidInputError, match="has '/' in it"):
        opened(folder)


@pytest.mark.parametrize("data", [b"", b"no matrix", b"\x93NUMPY\x01\x00"])
def test_a_matrix_that_is_none(folder, data):
    rewrite(folder, "vectors-1.npy", data)
    with pytest.raises(InvalidInputError, match=r"not a \.npy file"):
        opened(folder)


@pytest.mark.parametrize("matrix", [np.zeros((3, 5), np.float32), np.zeros((2, 4), np.float32), np.zeros((3, 4))])
def test_a_matrix_of_another_shape_or_type(folder, matrix):
    np.save(folder / "other.npy", matrix)
    rewrite(folder, "vectors-1.npy", (folder / "other.npy").read_bytes())
    with pytest.raises(InvalidInputError, match=r"float32 of shape \(3, 4\)"):
        opened(folder)


# A whole library there and back


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    home = tmp_path_factory.mktemp("filled")
    library = open_library(home, collections=("dogs",))
    for seed in range(30):
        library.add(picture(seed), {"id": seed, "名字": f"猫{seed}"}, "Thumb", "cats" if seed < 10 else "")
        library.add(picture(seed), {"id": seed}, "Bright")
    library.close()
    return home


def test_a_restored_library_answers_alike(filled, tmp_path):
    records = SqlRecordStore(f"sqlite:///{filled / 'records.db'}")
    export(records, tmp_path / "export")
    records.close()
    exported = opened(tmp_path / "export")
    new = tmp_path / "new"
    index = EmbeddedIndex(EmbeddedSettings(path=new / "vectors"))
    records = SqlRecordStore(f"sqlite:///{new / 'records.db'}")
    reports = Transfer(exported, exported.search, records, index, app_name="search_by_image").run()
    assert [(report.pictures, report.overlap, report.problems()) for report in reports] == [
        (10, 1.0, []),
        (30, 1.0, []),
        (20, 1.0, []),
    ]
    search_of(records, index)
    index.close()
    records.close()
    assert answers(new) == answers(filled)


def answers(folder):
    library = open_library(folder)
    found = [library.search(picture(seed), pipeline) for seed in range(30) for pipeline in ("Thumb", "Bright")]
    library.close()
    return found, library.options


def run(*words):
    return CliRunner().invoke(create_cli(), [str(word) for word in words])


def settings_file(file, home):
    file.write_text(
        f"<server><records><url>sqlite:///{home}/records.db</url></records>"
        f"<vectors><path>{home}/vectors</path></vectors></server>"
    )
    return file


def test_the_commands(filled, tmp_path):
    source = settings_file(tmp_path / "a.xml", filled)
    target = settings_file(tmp_path / "b.xml", tmp_path / "new")
    done = run("export", tmp_path / "out", "--config", source, "--format", "json")
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["folder"] == str(tmp_path / "out")
    assert answer["pictures"] == 60
    assert [(one["collection"], one["pipeline"], one["count"], one["metric"]) for one in answer["spaces"]] == [
        ("cats", "Thumb", 10, "COSINE"),
        ("images", "Bright", 30, "L2"),
        ("images", "Thumb", 20, "COSINE"),
    ]
    done = run("restore", tmp_path / "out", "--config", target, "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert [space["copied"] for space in json.loads(done.stdout)["spaces"]] == [10, 30, 20]
    assert answers(tmp_path / "new") == answers(filled)
    assert run("restore", tmp_path / "out", "--config", target).exit_code == 0


def test_the_export_runs_beside_the_service(filled, tmp_path):
    library = open_library(filled)
    done = run("export", tmp_path / "out", "--config", settings_file(tmp_path / "a.xml", filled))
    library.close()
    assert done.exit_code == 0, done.stderr
    assert "records-2.jsonl" in done.stdout


def test_the_command_refuses_what_is_no_export(tmp_path):
    done = run("restore", tmp_path, "--config", settings_file(tmp_path / "b.xml", tmp_path / "new"))
    assert done.exit_code == 2
    assert "this is no export" in done.stderr
    assert not (tmp_path / "new").exists()


def test_restoring_nothing(tmp_path):
    export(Held([], (), ()), tmp_path / "out")
    done = run("restore", tmp_path / "out", "--config", settings_file(tmp_path / "b.xml", tmp_path / "new"))
    assert done.exit_code == 0
    assert "There were no pictures in it." in done.stderr
