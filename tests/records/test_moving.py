"""A library moves from SQLite into each record store, and from there into another one of its kind."""

from dataclasses import replace

import pytest

from cheap_library import open_library, picture
from search_by_image.exported import ExportedLibrary
from search_by_image.interchange import export
from search_by_image.records.base import State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.transfer import Transfer, search_of
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    library = open_library(folder, collections=("狗",))
    for seed in range(30):
        document = {"id": seed, "名字": f"猫{seed}", "price": seed / 7, "tags": ["x", None, {"deep": [1, 2.5, True]}]}
        library.add(picture(seed), document, "Thumb", "cats" if seed % 3 else "")
        library.add(picture(seed), {}, "Bright")
    library.close()
    return folder


@pytest.fixture
def indexes(tmp_path):
    opened = [EmbeddedIndex(EmbeddedSettings(path=tmp_path / name)) for name in ("one", "two")]
    yield opened
    for index in opened:
        index.close()


@pytest.fixture
def source(old):
    records = SqlRecordStore(f"sqlite:///{old / 'records.db'}")
    index = EmbeddedIndex(EmbeddedSettings(path=old / "vectors"))
    yield records, index
    index.close()
    records.close()


def everything(records):
    """Times to the millisecond: MongoDB keeps no more."""
    return records.collections(), {
        (space.collection, space.pipeline): [
            replace(
                one,
                space="",
                vector=one.vector.tobytes(),
                created=one.created.replace(microsecond=one.created.microsecond // 1000 * 1000),
            )
            for one in records.read(space.name, records.ids(space.name))
        ]
        for space in records.spaces()
    }


def test_a_library_moves_on_and_on(source, make_records, indexes, tmp_path):
    one, two = make_records(), make_records()
    first = Transfer(source[0], search_of(*source), one, indexes[0], app_name="a").run()
    second = Transfer(one, search_of(one, indexes[0]), two, indexes[1], app_name="b").run()
    again = Transfer(source[0], search_of(*source), two, indexes[1], app_name="b").run()
    for reports, copied in ((first, 60), (second, 60), (again, 0)):
        assert sum(report.copied for report in reports) == copied
        assert all(report.overlap == 1.0 and report.problems() == [] for report in reports)
    assert everything(one) == everything(two) == everything(source[0])
    assert two.in_state(State.PENDING) == {}


def test_an_export_of_each_store_fills_the_same_library(source, make_records, indexes, tmp_path):
    one, two = make_records(), make_records()
    Transfer(source[0], search_of(*source), one, indexes[0], app_name="a").run()
    export(one, tmp_path / "export")
    exported = ExportedLibrary(tmp_path / "export", document_bytes=262_144)
    reports = Transfer(exported, exported.search, two, indexes[1], app_name="b").run()
    assert all(report.problems() == [] for report in reports)
    assert everything(two) == everything(source[0])
