"""Where a recorded picture's bytes come from again."""

import sys

import pytest

from cheap_library import picture
from search_by_image.errors import ImageError, InvalidInputError, NotFoundError, PluginError
from search_by_image.images import ImageLimits
from search_by_image.picture_sources import DocumentSource, plugged_in


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    (tmp_path / "photos" / "deep" / "a.png").write_bytes(picture(1))
    (tmp_path / "secret.png").write_bytes(picture(2))
    (tmp_path / "photos" / "link.png").symlink_to(tmp_path / "secret.png")
    return tmp_path / "photos"


@pytest.fixture
def fetched():
    return []


@pytest.fixture
def source_of(folder, fetched):
    def fetch(url):
        fetched.append(url)
        return b"fetched"

    def make(*, folders=(folder,), **options):
        return DocumentSource(folders, ImageLimits(), fetch, **options)

    return make


def test_a_file_below_a_folder(source_of, folder, tmp_path):
    for path in ("deep/a.png", "./deep/../deep/a.png", str(folder / "deep" / "a.png")):
        assert source_of()({"path": path, "url": "https://example.com/"}) == picture(1)
    (tmp_path / "other").mkdir()
    assert source_of(folders=(tmp_path / "other", folder))({"path": "deep/a.png"}) == picture(1)


@pytest.mark.parametrize(
    "path", ["../secret.png", "link.png", "/etc/passwd", "deep", "nowhere.png", "x" * 5000, "a\0b"]
)
def test_nothing_outside_of_it(source_of, tmp_path, path):
    with pytest.raises((NotFoundError, ImageError)):
        source_of()({"path": path})
    with pytest.raises((NotFoundError, ImageError)):
        source_of()({"path": str(tmp_path / "secret.png")})


def test_a_link_to_itself(source_of, folder):
    (folder / "loop.png").symlink_to(folder / "loop.png")
    with pytest.raises((NotFoundError, ImageError)):
        source_of()({"path": "loop.png"})


@pytest.mark.parametrize("url", ["http://[::1/x.jpg", "http://ex\u2100mple.com/"])
def test_a_url_that_is_none(source_of, fetched, url):
    for base_url in ("", "https://example.com/"):
        with pytest.raises(InvalidInputError, match="is none"):
            source_of(base_url=base_url)({"url": url})
    assert fetched == []


def test_a_url_where_there_is_no_file(source_of, fetched):
    document = {"path": "nowhere.png", "url": "https://example.com/a.png"}
    assert source_of()(document) == source_of(folders=())(document) == b"fetched"
    assert fetched == ["https://example.com/a.png"] * 2


def test_a_relative_url_needs_a_base(source_of, fetched):
    with pytest.raises(InvalidInputError, match=r"'/photos/a.png' is relative.*--base-url"):
        source_of()({"url": "/photos/a.png"})
    for base in ("http://127.0.0.1:8002", "http://127.0.0.1:8002/page/"):
        source_of(base_url=base)({"url": "/photos/a.png"})
    assert fetched == ["http://127.0.0.1:8002/photos/a.png"] * 2


def test_other_fields(source_of, fetched):
    source = source_of(path_field="file.name", url_field="link")
    assert source({"file": {"name": "deep/a.png"}}) == picture(1)
    source({"link": "https://example.com/b.png"})
    assert fetched == ["https://example.com/b.png"]


@pytest.mark.parametrize("document", [{}, {"path": 5, "url": None}, {"path": "", "url": ""}])
def test_a_document_that_leads_nowhere(source_of, document):
    with pytest.raises(InvalidInputError, match=r"neither 'path' nor 'url'.*--source"):
        source_of()(document)


def test_a_file_without_a_folder(source_of):
    with pytest.raises(InvalidInputError, match="--folder"):
        source_of(folders=())({"path": "deep/a.png"})


def test_a_plug_in(tmp_path, monkeypatch):
    text = "def right(document): return document['n']\nwrong = 5\n"
    (tmp_path / "my_pictures_of_a_test.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    read = plugged_in("my_pictures_of_a_test:right")
    assert read({"n": b"bytes"}) == b"bytes"
    with pytest.raises(PluginError, match="answered int"):
        read({"n": 5})
    with pytest.raises(PluginError, match="failed: KeyError: 'n'"):
        read({})
    with pytest.raises(PluginError, match="is int, not a function"):
        plugged_in("my_pictures_of_a_test:wrong")
    for name in ("my_pictures_of_a_test:nothing", "no_such_module_anywhere:x", "nothing", ""):
        with pytest.raises(PluginError, match="There is no picture source"):
            plugged_in(name)
    del sys.modules["my_pictures_of_a_test"]
