"""spec.md, section 5: the methods of `SearchEngine`, under the import path of 2020."""

import inspect
import io
import json

import numpy as np
import pytest
from PIL import Image

from cheap_library import open_library, picture
from search_by_image.lib.search import SearchEngine


@pytest.fixture
def engine(tmp_path):
    with SearchEngine(open_library(tmp_path / "stores", collections=("shop",))) as engine:
        yield engine


def fill(engine, count=5, collection=""):
    for n in range(count):
        engine.image_to_search_db(picture(n), {"id": n, "kind": f"k{n % 2}"}, "Thumb", collection)


def ids(documents):
    return [document["id"] for document in documents]


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("search", ["image_data", "pipeline", "init_collection"]),
        ("image_to_search_db", ["image_data", "image_doc", "pipeline", "init_collection"]),
        ("import_images", ["path", "pipeline", "encoding"]),
        ("get_images", ["field_name", "field_values", "collection", "page_size", "page_num"]),
        ("remove_images", ["field_name", "field_values", "collection"]),
        ("clear_search_db", []),
    ],
)
def test_the_signatures_of_old_callers(method, names):
    parameters = list(inspect.signature(getattr(SearchEngine, method)).parameters)[1:]
    assert parameters[: len(names)] == names


def test_search(engine):
    """The stored document, plus `ids`, `score` 0..1, `distance` and `collection`; nearest first."""
    fill(engine)
    found = engine.search(picture(3), "Thumb")
    assert ids(found)[0] == 3
    assert found[0]["kind"] == "k1"
    assert [match["distance"] for match in found] == sorted(match["distance"] for match in found)
    for match in found:
        assert {"ids", "score", "distance", "collection"} <= match.keys()
        assert 0 <= match["score"] <= 1


def test_the_score_of_l2(engine):
    """Brightness is a three-dimensional L2 pipeline; its vectors are computed anew here."""
    fill(engine)
    for n in range(5):
        engine.image_to_search_db(picture(n), {"id": n}, "Bright")

    def mean(seed):
        with Image.open(io.BytesIO(picture(seed))) as image:
            return np.asarray(image, np.float64).mean((0, 1)) / 255

    for match in engine.search(picture(0), "Bright"):
        distance = float(np.linalg.norm(mean(0) - mean(match["id"])))
        assert match["distance"] == pytest.approx(distance, abs=1e-5)
        assert match["score"] == pytest.approx(1 / (1 + distance), abs=1e-5)


def test_image_to_search_db_answers_with_id_and_collection(engine):
    id_, collection = engine.image_to_search_db(picture(1), {"id": 1}, "Thumb", "shop")
    assert collection == "shop"
    assert engine.search(picture(1), "Thumb", "shop")[0]["ids"] == id_


def test_import_images(engine, tmp_path):
    """A same-named `.json` beside each picture, which may hold `collection`; one bad file never stops the rest."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.png").write_bytes(picture(n))
        document = {"id": n, "name": f"图{n}"} | ({"collection": "shop"} if n == 3 else {})
        (folder / f"{n}.json").write_text(json.dumps(document, ensure_ascii=False), encoding="gb18030")
    (folder / "2.png").write_bytes(b"no picture")
    engine.import_images(str(folder), "Thumb", "gb18030")
    assert sorted(ids(engine.get_images(None, page_size=0))) == [0, 1, 3]
    assert engine.get_images("id", 1)[0]["name"] == "图1"
    assert engine.get_images("id", 3) == [{"id": 3, "name": "图3", "collection": "shop"}]


def test_get_images(engine):
    fill(engine, 5)
    fill(engine, 3, "shop")
    assert ids(engine.get_images("id", [1, 4], "images")) == [1, 4]
    assert ids(engine.get_images("kind", "k1", "shop")) == [1]
    assert ids(engine.get_images(None, None, "shop")) == [0, 1, 2]
    assert len(engine.get_images(None, None, "", 0)) == 8


@pytest.mark.parametrize("size", [1, 3, 7, 8, 15])
def test_pages_go_across_all_collections(engine, size):
    """Nothing lost, nothing repeated (the original lost and repeated rows)."""
    fill(engine, 5)
    fill(engine, 3, "shop")
    pages = [engine.get_images(None, None, "", size, number) for number in range(1, 10)]
    laid = [(document["collection"], document["id"]) for page in pages for document in page]
    assert len(laid) == 8
    assert len(set(laid)) == 8
    assert all(len(page) <= size for page in pages)


def test_remove_images(engine):
    fill(engine, 4)
    fill(engine, 4, "shop")
    engine.remove_images("id", [1, 2], "shop")
    assert ids(engine.get_images(None, None, "shop")) == [0, 3]
    engine.remove_images("kind", "k0")
    assert ids(engine.get_images(None, None, "", 0)) == [1, 3, 3]
    assert ids(engine.search(picture(1), "Thumb", "shop")) == [3]


def test_clear_search_db(engine):
    fill(engine, 3)
    fill(engine, 3, "other")
    engine.clear_search_db()
    assert engine.get_images(None) == []
    assert engine.search(picture(1), "Thumb") == []
    assert engine.library.collections() == ("images", "shop")
    fill(engine, 2)
    assert ids(engine.search(picture(1), "Thumb"))[0] == 1
