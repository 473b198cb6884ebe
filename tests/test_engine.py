import importlib
import json
import os

import pytest

from cheap_library import open_library, picture
from search_by_image.engine import SearchEngine
from search_by_image.errors import InvalidInputError, StoreUnavailableError, UnknownNameError
from search_by_image.folder_import import SUFFIXES, picture_files, side_document


@pytest.fixture
def folder(tmp_path_factory):
    """Ten pictures with documents, two without, in sub-folders."""
    root = tmp_path_factory.mktemp("pictures")
    for n in range(10):
        place = root / f"kind{n % 2}"
        place.mkdir(exist_ok=True)
        (place / f"{n}.png").write_bytes(picture(n))
        (place / f"{n}.json").write_text(json.dumps({"id": n, "kind": n % 2}))
    (root / "plain.PNG").write_bytes(picture(10))
    (root / "kind0" / "plain.webp").write_bytes(picture(11, file_format="WEBP"))
    (root / "notes.txt").write_text("not a picture")
    return root


def test_search_answers_in_the_contracts_words(engine):
    id_, collection = engine.image_to_search_db(picture(1), {"id": "a", "score": "own"}, "Thumb")
    (match,) = engine.search(picture(1), "Thumb")
    assert collection == "images"
    assert match.pop("score") == pytest.approx(1, abs=1e-6)
    assert match.pop("distance") == pytest.approx(0, abs=1e-6)
    assert match == {"id": "a", "ids": id_, "collection": "images"}


def test_ids_are_exact_in_javascript(engine):
    id_, _ = engine.image_to_search_db(picture(1), {}, "Thumb")
    assert 0 < id_ < 2**53


def test_get_images_by_value_list_and_all(engine):
    for n in range(5):
        engine.image_to_search_db(picture(n), {"id": n, "tag": ["x", f"t{n}"]}, "Thumb", f"c{n % 2}")

    def ids(found):
        return [document["id"] for document in found]

    assert ids(engine.get_images("id", 3)) == [3]
    assert ids(engine.get_images("id", [1, 3, 9])) == [1, 3]
    assert ids(engine.get_images("tag", "t2")) == [2]
    assert ids(engine.get_images("id", [])) == []
    assert ids(engine.get_images(None)) == [0, 1, 2, 3, 4]
    assert ids(engine.get_images(None, collection="c1")) == [1, 3]
    assert engine.get_images("id", 3)[0]["collection"] == "c1"
    assert ids(engine.get_images(None, page_size=2, page_num=2)) == [2, 3]
    assert ids(engine.get_images(None, page_size=2, page_num=4)) == []
    assert len(engine.get_images(None, page_size=0)) == 5


@pytest.mark.parametrize("page", [{"page_size": -1}, {"page_num": 0}])
def test_pages_out_of_range_are_named(engine, page):
    with pytest.raises(InvalidInputError, match="page_size must be 0 or more"):
        engine.get_images(None, **page)


@pytest.mark.parametrize("field", ["", ".", "a..b", 'a"b', "a\nb"])
def test_odd_field_names_are_refused_or_match_nothing(engine, field):
    engine.image_to_search_db(picture(1), {"id": 1}, "Thumb")
    if field:
        with pytest.raises(InvalidInputError, match="field_name"):
            engine.get_images(field, 1)
    else:
        assert len(engine.get_images(field, 1)) == 1


@pytest.mark.parametrize("value", [float("nan"), 2**70, {"a": 1}, "\ud800"])
def test_values_that_no_document_holds_are_refused(engine, value):
    with pytest.raises(InvalidInputError, match="field_values"):
        engine.get_images("id", [value])


def test_an_unknown_collection_is_named(engine):
    with pytest.raises(UnknownNameError, match="shop"):
        engine.get_images(None, collection="shop")


def test_a_removal_must_name_a_field(engine):
    engine.image_to_search_db(picture(1), {"id": 1}, "Thumb")
    with pytest.raises(InvalidInputError, match="clear_search_db"):
        engine.remove_images("", None)
    assert engine.remove_images("id", 1) == [{"id": 1, "collection": "images"}]
    assert engine.get_images(None) == []


def test_clear(engine):
    engine.image_to_search_db(picture(1), {"id": 1}, "Thumb")
    engine.clear_search_db()
    assert engine.get_images(None) == []


def test_a_folder_is_imported_with_and_without_documents(engine, folder):
    seen = []
    summary = engine.import_images(folder, "Thumb", on_progress=seen.append)
    assert (summary.imported, summary.skipped, summary.failed, summary.report) == (12, 0, 0, None)
    assert summary.images_per_second > 0
    assert seen[-1].done == seen[-1].total == 12
    documents = engine.get_images(None, page_size=0)
    assert {document["id"] for document in documents} == {*range(10), "plain.PNG", "kind0/plain.webp"}
    assert engine.search(picture(4), "Thumb")[0]["kind"] == 0


def test_run_again_it_skips_what_is_there_and_continues(engine, folder):
    engine.import_images(folder, "Thumb")
    (folder / "new.png").write_bytes(picture(50))
    summary = engine.import_images(folder, "Thumb")
    assert (summary.imported, summary.skipped, summary.failed) == (1, 12, 0)


def test_the_same_bytes_twice_in_a_folder_are_imported_once(engine, folder):
    (folder / "copy.png").write_bytes(picture(10))
    summary = engine.import_images(folder, "Thumb")
    assert (summary.imported, summary.skipped) == (12, 1)


def test_twins_of_one_chunk_are_imported_once(library, tmp_path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.png").write_bytes(picture(1 if name < "c" else 2))
    engine = SearchEngine(library, threads=1)
    summary = engine.import_images(tmp_path, "Thumb")
    assert (summary.imported, summary.skipped) == (2, 2)
    assert {document["id"] for document in engine.get_images(None)} == {"a.png", "c.png"}


def test_what_another_collection_holds_is_imported_into_the_default_one(engine, folder):
    engine.import_images(folder, "Thumb", collection="copies")
    summary = engine.import_images(folder, "Thumb")
    assert (summary.imported, summary.skipped) == (12, 0)
    assert len(engine.get_images(None, collection="images", page_size=0)) == 12
    assert engine.import_images(folder, "Thumb").skipped == 12


def test_a_collection_that_the_pipeline_names_is_looked_into_too(tmp_path, folder):
    (folder / "copy.png").write_bytes(picture(10))
    (folder / "copy.json").write_text('{"id": "copy", "collection": "routed"}')
    with SearchEngine(open_library(tmp_path)) as engine:
        engine.library.pipelines["Thumb"].nodes[0].typed.para = {"collection": "routed"}
        first, second = (engine.import_images(folder, "Thumb") for _ in range(2))
        assert (first.imported, first.skipped) == (12, 1)
        assert (second.imported, second.skipped) == (0, 13)
        assert len(engine.get_images(None, collection="routed", page_size=0)) == 12


def test_the_same_bytes_in_another_collection_are_another_picture(engine, folder):
    engine.import_images(folder, "Thumb")
    assert engine.import_images(folder, "Thumb", collection="copies").imported == 12
    assert len(engine.get_images(None, collection="copies", page_size=0)) == 12


def test_the_document_may_name_its_collection(engine, folder):
    (folder / "kind0" / "0.json").write_text('{"id": 0, "collection": "special"}')
    engine.import_images(folder, "Thumb")
    assert engine.get_images("id", 0) == [{"id": 0, "collection": "special"}]


def test_one_bad_file_never_stops_the_rest(engine, folder, tmp_path):
    (folder / "broken.jpg").write_bytes(b"not a jpeg")
    (folder / "empty.png").write_bytes(b"")
    (folder / "kind0" / "0.json").write_text("{not json")
    (folder / "kind1" / "1.json").write_text("[1]")
    report = tmp_path / "reports" / "failed.jsonl"
    summary = engine.import_images(folder, "Thumb", report=report)
    assert (summary.imported, summary.skipped, summary.failed) == (10, 0, 4)
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert {line["path"].rsplit("/", 1)[1]: line["code"] for line in lines} == {
        "broken.jpg": "not_an_image",
        "empty.png": "empty_image",
        "0.png": "invalid_input",
        "1.png": "invalid_input",
    }
    assert summary.report == report


def test_names_that_are_not_utf_8_stop_nothing(engine, tmp_path):
    report = tmp_path / "failed.jsonl"
    folder = tmp_path / os.fsdecode(b"b\xfcrger")
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes(picture(1))
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    (folder / os.fsdecode(b"\xfe.png")).write_bytes(picture(2))
    (folder / os.fsdecode(b"\xfe.json")).write_text("{")
    summary = engine.import_images(tmp_path, "Thumb", report=report)
    assert (summary.imported, summary.failed) == (1, 2)
    (document,) = engine.get_images(None)
    assert (document["id"], document["name"]) == (r"b\xfcrger/caf\xe9.png", r"caf\xe9.png")
    failures = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert {failure["path"] for failure in failures} == {
        rf"{tmp_path}/b\xfcrger/\xff.png",
        rf"{tmp_path}/b\xfcrger/\xfe.png",
    }


def test_a_name_without_room_for_json_stops_nothing(engine, tmp_path):
    longest = "x" * 251 + ".png"
    (tmp_path / longest).write_bytes(picture(1))
    assert engine.import_images(tmp_path, "Thumb").imported == 1
    assert engine.get_images(None)[0]["id"] == longest


def test_a_file_of_the_same_bytes_may_do_better(engine, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(picture(1))
    (tmp_path / "a.json").write_text('{"x": 1e999}')
    summary = engine.import_images(tmp_path, "Thumb")
    assert (summary.imported, summary.skipped, summary.failed) == (1, 0, 1)
    assert engine.get_images(None)[0]["id"] == "b.png"


def test_documents_in_another_encoding(engine, tmp_path):
    (tmp_path / "cat.png").write_bytes(picture(1))
    (tmp_path / "cat.json").write_bytes('{"name": "三花猫"}'.encode("gbk"))
    assert engine.import_images(tmp_path, "Thumb").failed == 1
    assert engine.import_images(tmp_path, "Thumb", "no-such-encoding").failed == 1
    assert engine.import_images(tmp_path, "Thumb", "gbk").imported == 1
    assert engine.get_images(None)[0]["name"] == "三花猫"


def test_one_file_is_a_folder_of_one(engine, folder):
    assert engine.import_images(folder / "plain.PNG", "Thumb").imported == 1
    assert engine.get_images(None)[0]["id"] == "plain.PNG"


def test_a_path_that_does_not_exist_is_named(engine, tmp_path):
    with pytest.raises(InvalidInputError, match="nowhere"):
        engine.import_images(tmp_path / "nowhere", "Thumb")


def test_an_unknown_pipeline_stops_before_any_file(engine, folder):
    with pytest.raises(UnknownNameError):
        engine.import_images(folder, "Tumb")


def test_a_store_that_fails_stops_the_import(engine, folder, monkeypatch):
    def refuse(*_):
        raise StoreUnavailableError("down")

    monkeypatch.setattr(engine.library._records, "put", refuse)
    with pytest.raises(StoreUnavailableError):
        engine.import_images(folder, "Thumb")


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.png").write_bytes(picture(1))
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert not [file for file in picture_files(folder) if "link" in file.parts]
    assert all(file.suffix.lower() in SUFFIXES for file in picture_files(folder))


@pytest.mark.parametrize("name", ["a.jfif", "a.JPG", "a.heic"])
def test_pictures_are_known_by_their_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(picture(1))
    assert picture_files(tmp_path) == [tmp_path / name]


def test_a_made_document_tells_the_path_below_the_root(folder):
    assert side_document(folder / "kind0" / "plain.webp", folder) == {"id": "kind0/plain.webp", "name": "plain.webp"}


def test_an_engine_is_a_context_manager_with_maintenance(tmp_path):
    class Stoppable:
        calls = ()

        def stop(self):
            self.calls = (*self.calls, "stop")

        def join(self):
            self.calls = (*self.calls, "join")

    maintenance = Stoppable()
    with SearchEngine(open_library(tmp_path), maintenance=maintenance) as engine:
        engine.image_to_search_db(picture(1), {}, "Thumb")
    assert maintenance.calls == ("stop", "join")


def test_the_import_path_of_2020_leads_here():
    assert importlib.import_module("search_by_image.lib.search").SearchEngine is SearchEngine
