"""spec.md, section 1: what goes through import and search, and that no picture is kept."""

import numpy as np
import pytest
from PIL import Image

from cheap_library import open_library, picture
from search_by_image.engine import SearchEngine


def test_import_and_search_run_the_same_pipeline(engine):
    """The same picture is at distance 0 only when both made the same vector."""
    engine.image_to_search_db(picture(1), {"id": 1}, "Thumb")
    engine.image_to_search_db(picture(1), {"id": 1}, "Bright")
    for pipeline in ("Thumb", "Bright"):
        (match,) = engine.search(picture(1), pipeline)
        assert match["distance"] == pytest.approx(0, abs=1e-6)


def test_the_collection_named_is_the_one_used(engine):
    assert engine.image_to_search_db(picture(1), {"id": 1}, "Thumb", "shop")[1] == "shop"
    assert [match["id"] for match in engine.search(picture(1), "Thumb", "shop")] == [1]
    assert engine.get_images(None, collection="images") == []


def test_without_a_collection_the_default_one_is_used(tmp_path):
    with SearchEngine(open_library(tmp_path, default_collection="attic")) as engine:
        assert engine.image_to_search_db(picture(1), {"id": 1}, "Thumb")[1] == "attic"
        assert engine.search(picture(1), "Thumb")[0]["collection"] == "attic"


def test_no_picture_is_kept(engine, tmp_path):
    """Noise cannot be compressed: a kept copy would show as its bytes or its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = tmp_path / "noise.png"
    Image.fromarray(noise).save(file)
    data = file.read_bytes()
    file.unlink()
    engine.image_to_search_db(data, {"id": 1}, "Thumb")
    engine.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert kept
    assert data[200:264] not in kept
    assert noise.tobytes()[:64] not in kept
