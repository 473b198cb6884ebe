"""The commands at a server: what is particular to it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cheap_library import open_library, picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.cli import create_cli
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from serving import serving

KEY = "SEARCH_BY_IMAGE_KEY"


def app_over(engine, fetcher):
    return create_app(engine, fetcher, AppOptions(page_size_max=3))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Its address, its library, and keys by their scope."""
    library = open_library(tmp_path_factory.mktemp("library"))
    engine, keys = SearchEngine(library), Keys(library.ledger)
    texts = {scope.value: keys.create(scope.value, scope)[0] for scope in Scope}
    with UrlFetcher(FetchSettings()) as fetcher, serving(app_over(engine, fetcher)) as url:
        yield url, library, texts
    engine.close()


@pytest.fixture
def at(service, tmp_path, monkeypatch):
    url, library, texts = service
    library.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE_SERVER", url)
    monkeypatch.setenv(KEY, texts["admin"])
    return library


def run(*words, **options):
    return CliRunner().invoke(create_cli(), words, **options)


def data(*words):
    done = run(*words, "--format", "json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def write(folder, name, seed, document=None):
    (folder / f"{name}.png").write_bytes(picture(seed))
    if document is not None:
        (folder / f"{name}.json").write_text(json.dumps(document))


def test_the_first_pipeline_is_taken(at, tmp_path):
    write(tmp_path, "a", 1)
    assert data("import", ".")["imported"] == 1
    assert at.keyed.find("images", "a.png").pipeline == "Thumb"
    assert data("search", "a.png")["pipeline"] == "Thumb"
    assert data("info")["pipelines"] == ["Thumb", "Bright"]


def test_a_picture_is_under_the_id_of_its_document(at, tmp_path):
    documents = {"text": "cat 1", "number": 7, "long": "x" * 256, "odd": True, "none": None}
    for seed, (name, id_) in enumerate(documents.items()):
        write(tmp_path, name, seed, {"id": id_})
    assert data("import", ".", "--collection", "pets")["imported"] == 5
    assert at.keyed.find("pets", "cat 1").document == {"id": "cat 1"}
    assert at.keyed.find("pets", "7").document == {"id": 7}
    assert at.count() == 5
    (tmp_path / "text.png").write_bytes(picture(99))
    again = data("import", ".", "--collection", "pets")
    assert (again["imported"], again["skipped"], at.count()) == (1, 4, 5)


def test_pages_are_put_together_from_smaller_ones(at, tmp_path):
    for n in range(8):
        write(tmp_path, f"{n}", n, {"id": n, "collection": "ab"[n % 2]})
    assert data("import", ".")["imported"] == 8
    listed = data("list", "--page-size", "0")["images"]
    assert len(listed) == 8
    assert [image["ids"] for image in listed] == sorted(image["ids"] for image in listed)
    pages = [data("list", "--page-size", "5", "--page", str(n))["images"] for n in (1, 2, 3)]
    assert [*pages[0], *pages[1]] == listed
    assert pages[2] == []


@pytest.mark.parametrize(
    ("scope", "may", "may_not"),
    [
        ("read", [("list",), ("info",), ("search", "a.png")], [("import", "."), ("remove", "--field", "n=1", "--yes")]),
        ("write", [("import", "."), ("remove", "--field", "n=1", "--yes")], [("clear", "--yes")]),
        ("admin", [("clear", "--yes")], []),
    ],
)
def test_a_key_may_do_what_it_is_for(at, service, scope, may, may_not):
    write(Path.cwd(), "a", 1, {"n": 1})
    assert run("import", ".").exit_code == 0
    key = service[2][scope]
    write(Path.cwd(), "b", 2)
    for words in may_not:
        done = run(*words, "--key", key)
        assert (done.exit_code, "this one has " + scope in done.stderr) == (1, True)
    assert at.count() == 1
    for words in may:
        assert run(*words, "--key", key).exit_code == 0


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_the_key_is_never_shown(at, service, monkeypatch, debug, caplog):
    secret = service[2]["read"].rpartition("_")[2]
    shown = caplog.text
    for words, code in (
        (("clear", "--yes", "--key", service[2]["read"]), 1),
        (("list", "--key", service[2]["read"] + "x"), 1),
        (("list", "--key", secret + " x"), 2),
        (("list", "--server", "http://127.0.0.1:9", "--key", secret), 1),
        (("list", "--server", f"http://{secret}@127.0.0.1:9"), 2),
        (("list", "--page", "0", "--key", secret), 2),
        (("list", "--help"), 0),
        (("info", "--key", service[2]["read"]), 0),
    ):
        done = run(*words, *debug)
        assert done.exit_code == code, done.stderr
        shown += done.stdout + done.stderr
    assert secret not in shown + caplog.text
    monkeypatch.setenv(KEY, secret)
    assert secret not in run("list", "--help").stdout


def test_a_server_that_is_not_there_is_named(at, monkeypatch):
    done = run("list", "--server", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "Error: 127.0.0.1 gave no answer" in done.stderr


def test_questions_name_the_server(at, service, tmp_path):
    write(tmp_path, "a", 1)
    run("import", ".")
    done = run("remove", "--field", "id=a.png", input="n\n")
    assert f"Remove 1 picture at {service[0]}?" in done.stderr
    assert at.count() == 1


def test_clear_leaves_every_collection_empty(at, tmp_path):
    write(tmp_path, "a", 1)
    run("import", ".", "--collection", "pets")
    assert data("clear", "--yes") == {"removed": 1}
    assert data("info")["collections"] == {"images": 0, "pets": 0}


def test_neither_models_nor_indexes_are_loaded(at, service, tmp_path):
    write(tmp_path, "a", 1)
    code = (
        "import sys; from typer.testing import CliRunner; from search_by_image.cli import create_cli\n"
        "for words in (['import', '.'], ['search', 'a.png'], ['list'], ['info'], ['remove', '--field', 'id=1']):\n"
        "    done = CliRunner().invoke(create_cli(), words); assert done.exit_code == 0, done.stderr\n"
        "print({'openvino', 'faiss', 'fastapi'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
