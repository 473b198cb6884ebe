"""The commands in this process: their options, their output, their exit codes; those that can, at a server too."""

import json
import os
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from cheap_library import picture
from search_by_image.api.app import create_app
from search_by_image.assembly import open_engine, open_fetcher
from search_by_image.cli import create_cli
from search_by_image.keys import Keys, Scope
from search_by_image.settings import load_settings
from serving import serving

PLACES = ["here", "server"]
SERVER, KEY = "SEARCH_BY_IMAGE_SERVER", "SEARCH_BY_IMAGE_KEY"

pytestmark = pytest.mark.usefixtures("logging_as_before")


@contextmanager
def opened(place, home):
    """What the environment must say for the commands to work on a library in the folder.

    At a server they go through a service that asks for a key.
    """
    if place == "here":
        yield {}
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        fetching = {"fetch/allow_private": True, "fetch/allowed_ports": ""}
        settings = load_settings(environ={}, overrides=fetching)
    with open_engine(settings, maintain=False) as engine, open_fetcher(settings) as fetcher:
        text, _ = Keys(engine.library.ledger).create("commands", Scope.ADMIN)
        with serving(create_app(engine, fetcher)) as url:
            yield {SERVER: url, KEY: text}


def go(patch, home, environment):
    patch.chdir(home)
    for name, value in environment.items():
        patch.setenv(name, value)


@pytest.fixture(scope="module", params=PLACES)
def filled(request, tmp_path_factory):
    """A folder with a library of five pictures, 'cats' 0 to 2 and 'dogs' 3 and 4; and the environment."""
    home = tmp_path_factory.mktemp("filled")
    for seed in range(5):
        name = "cats" if seed < 3 else "dogs"
        folder = home / name
        folder.mkdir(exist_ok=True)
        (folder / f"{seed}.png").write_bytes(picture(seed))
        document = {"id": seed, "code": str(seed), "collection": name, "tags": ["all", name]}
        (folder / f"{seed}.json").write_text(json.dumps(document))
    with opened(request.param, home) as environment:
        with pytest.MonkeyPatch.context() as patch:
            go(patch, home, environment)
            assert run("import", str(home)).exit_code == 0
        yield home, environment


@pytest.fixture
def there(filled, monkeypatch):
    go(monkeypatch, *filled)
    return filled[0]


@pytest.fixture(params=PLACES)
def fresh(request, tmp_path, monkeypatch):
    """A folder with an empty library."""
    with opened(request.param, tmp_path) as environment:
        go(monkeypatch, tmp_path, environment)
        yield tmp_path


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, **options):
    return CliRunner().invoke(create_cli(), words, **options)


def data(*words, **options):
    done = run(*words, "--format", "json", **options)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def codes(*words):
    return [image["document"]["code"] for image in data("list", *words)["images"]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "01234"),
        (("--collection", "dogs"), "34"),
        (("--field", "code=2"), "2"),
        (("--field", "id=2"), "2"),
        (("--field", "id:=2"), "2"),
        (("--field", "code:=2"), ""),
        (("--field", 'code:="2"'), "2"),
        (("--field", "id=2", "--field", "id=4"), "24"),
        (("--field", "id:=[0, 4]"), "04"),
        (("--field", "tags=cats"), "012"),
        (("--filter", '{"id": {"$gte": 3}}'), "34"),
        (("--filter", '{"$or": [{"code": "1"}, {"id": 4}]}'), "14"),
        (("--filter", '{"id": {"$gt": 0}}', "--field", "tags=cats"), "12"),
        (("--filter", "{}", "--collection", "dogs"), "34"),
        (("--page-size", "0"), "01234"),
    ],
)
def test_list(there, words, found):
    assert sorted(codes(*words)) == list(found)


def test_pages_together_list_every_picture_once(there):
    pages = [codes("--page", str(number), "--page-size", "2") for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert sorted(code for page in pages for code in page) == list("01234")


def test_list_tells_the_total(there):
    answer = data("list", "--collection", "cats", "--page-size", "1")
    assert (answer["total"], answer["page"], answer["page_size"], len(answer["images"])) == (3, 1, 1, 1)
    assert answer["images"][0].keys() == {"ids", "collection", "document"}


def test_list_of_nothing_prints_no_table(there):
    done = run("list", "--field", "id=none")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "0 of 0 pictures" in done.stderr


def test_search(there):
    answer = data("search", "cats/1.png", "--collection", "cats")
    assert [answer["query"], answer["pipeline"]] == ["cats/1.png", "DemoSearch"]
    assert len(answer["matches"]) == 3
    nearest = answer["matches"][0]
    assert nearest.keys() == {"ids", "score", "distance", "collection", "document"}
    assert nearest["document"]["code"] == "1"
    assert nearest["score"] == pytest.approx(1, abs=1e-4)


def test_a_filtered_search(there):
    answer = data("search", "cats/1.png", "--collection", "cats", "--filter", '{"id": {"$ne": 1}}', "--top-k", "1")
    assert [match["document"]["id"] for match in answer["matches"]] != [1]
    assert len(answer["matches"]) == 1
    assert data("search", "cats/1.png", "--collection", "cats", "--filter", '{"id": 99}')["matches"] == []


def test_the_limit_of_a_filter_is_a_setting(empty, monkeypatch):
    monkeypatch.setenv("SEARCH_BY_IMAGE__LIMITS__FILTER_CONDITIONS", "1")
    done = run("list", "--filter", '{"id": 1, "code": "1"}')
    assert (done.exit_code, "1 are allowed (limits/filter_conditions)" in done.stderr) == (2, True)


def test_search_limits(there):
    assert len(data("search", "cats/1.png", "--collection", "cats", "--top-k", "2")["matches"]) == 2
    assert len(data("search", "cats/1.png", "--collection", "cats", "--min-score", "0.999")["matches"]) == 1


def test_search_as_a_table(there):
    done = run("search", "cats/1.png", "--collection", "cats", "--pipeline", "DemoSearch")
    first, *_ = (line for line in done.stdout.splitlines() if '"code"' in line)
    assert first.split()[:4] == ["1", "1.0000", "0.0000", "cats"]


def test_search_of_nothing(there):
    done = run("search", "cats/1.png", "--collection", "images")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Nothing looks like it" in done.stderr


@pytest.fixture
def web():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(picture(4))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/4.png"
        server.shutdown()


def test_search_by_url(there, web, monkeypatch):
    if SERVER not in os.environ:
        refused = run("search", web)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("Error: ")
    monkeypatch.setenv("SEARCH_BY_IMAGE__FETCH__ALLOW_PRIVATE", "true")
    monkeypatch.setenv("SEARCH_BY_IMAGE__FETCH__ALLOWED_PORTS", "")
    assert data("search", web, "--collection", "dogs")["matches"][0]["document"]["code"] == "4"


def test_info(there):
    answer = data("info")
    assert answer["settings_file"] is None
    assert answer["collections"] == {"cats": 3, "dogs": 2, "images": 0}
    assert answer["images"] == 5
    table = run("info").stdout
    if SERVER in os.environ:
        assert (answer["server"], answer["settings"]) == (os.environ[SERVER], {})
        assert answer["server"] in table
    else:
        assert answer["settings"]["records/url"] == f"sqlite:///{there}/data/records.db"
        assert "none: the defaults" in table
    assert "collection cats" in table


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("search", "nowhere.png"), 1, "cannot be read"),
        (("search", "cats/1.json"), 1, "not a picture"),
        (("search", "cats/1.png", "--pipeline", "Demo"), 2, "Known: DemoSearch"),
        (("search", "cats/1.png", "--collection", "fish"), 2, "Known: cats, dogs, images"),
        (("search", "cats/1.png", "--top-k", "0"), 2, "--top-k"),
        (("list", "--collection", "fish"), 2, "Known: cats, dogs, images"),
        (("list", "--field", "id"), 2, "names no field"),
        (("list", "--field", "id=1", "--field", "code=1"), 2, "all must be of one field"),
        (("list", "--field", "a..b=1"), 2, "not a field's name"),
        (("import", "cats", "--collection", "a/b"), 2, "has '/' in it"),
        (("import", "cats", "--pipeline", "Demo"), 2, "Known: DemoSearch"),
        (("list", "--filter", "{"), 2, "is not JSON"),
        (("list", "--filter", "[1]"), 2, "A filter is a JSON object"),
        (("search", "cats/1.png", "--filter", '{"a": {"$near": 1}}'), 2, "no operator for the field 'a'"),
        (("remove", "--filter", "{}", "--yes"), 2, "Say what to remove"),
    ],
)
def test_what_is_wrong_is_said_in_words(there, words, code, text):
    check_said(run(*words), code, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("list", "--config", "nowhere.xml"), "There is no such file"),
        (("list", "--config-encoding", "klingon"), "not an encoding"),
        (("list", "--page", "0"), "--page"),
        (("list", "--format", "xml"), "--format"),
        (("list", "--server", "127.0.0.1:8002"), "starts with http:// or https://"),
        (("list", "--server", "http://127.0.0.1:8002", "--key", "a b"), "characters that no key has"),
        (("list", "--server", "http://127.0.0.1:8002", "--config", "nowhere.xml"), "Leave out --config or --server"),
        (("import", "nowhere"), "does not exist"),
        (("import", ".", "--encoding", "klingon"), "not an encoding"),
        (("remove",), "--field"),
        (("serve", "prot=1"), "unknown"),
        (("serve", "--port", "99999"), "at most 65535"),
        (("nonsense",), "No such command"),
        ((), ""),
    ],
)
def test_wrong_usage_is_said_in_words(empty, words, text):
    check_said(run(*words), 2, text)


def check_said(done, code, text):
    assert done.exit_code == code
    assert text in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(there):
    done = run("search", "nowhere.png", "--debug")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert "Error: The file" in done.stderr


def test_import_reports_and_continues(fresh):
    (fresh / "pictures").mkdir()
    (fresh / "pictures" / "good.png").write_bytes(picture(1))
    (fresh / "pictures" / "bad.png").write_bytes(b"")
    first = run("import", "pictures", "--collection", "mine")
    assert first.exit_code == 3
    assert str(fresh / "import-failures.jsonl") in first.stderr
    assert json.loads((fresh / "import-failures.jsonl").read_text())["code"] == "empty_image"
    (fresh / "pictures" / "bad.png").unlink()
    again = data("import", "pictures", "--collection", "mine")
    assert again == {**again, "imported": 0, "skipped": 1, "failed": 0, "report": None}
    assert codes_of_documents("mine") == ["good.png"]


def codes_of_documents(collection):
    return [image["document"]["id"] for image in data("list", "--collection", collection)["images"]]


def test_import_reads_documents_in_their_encoding(fresh):
    (fresh / "one.png").write_bytes(picture(1))
    (fresh / "one.json").write_text('{"id": "猫"}', encoding="gbk")
    assert run("import", "one.png", "--encoding", "gbk").exit_code == 0
    assert codes_of_documents("images") == ["猫"]


def test_import_of_nothing(fresh):
    (fresh / "pictures").mkdir()
    done = run("import", "pictures")
    assert done.exit_code == 0
    assert "no pictures" in done.stderr


def test_remove_and_clear_ask(fresh):
    for seed in range(3):
        (fresh / f"{seed}.png").write_bytes(picture(seed))
    assert run("import", ".").exit_code == 0

    refused = run("remove", "--field", "id=0.png", input="n\n")
    assert refused.exit_code == 1
    assert "Nothing was removed" in refused.stderr
    nobody = run("remove", "--field", "id=0.png")
    assert nobody.exit_code == 1
    assert "--yes" in nobody.stderr
    assert data("list")["total"] == 3

    answer = data("remove", "--field", "id=0.png", "--field", "id=1.png", "--yes")
    assert answer["removed"] == 2
    assert [image["document"]["id"] for image in answer["images"]] == ["0.png", "1.png"]
    assert data("remove", "--field", "id=0.png")["removed"] == 0
    assert data("remove", "--filter", '{"id": {"$gt": "9"}}')["removed"] == 0
    assert '"id": "2.png"' in run("remove", "--field", "id=2.png", input="y\n").stdout
    assert run("import", ".").exit_code == 0

    assert run("clear", input="n\n").exit_code == 1
    assert run("clear", input="y\n").stderr.endswith("3 pictures removed\n")
    assert data("clear", "--yes") == {"removed": 0}


def test_the_same_bytes_are_imported_once(fresh):
    for name in ("a.png", "b.png"):
        (fresh / name).write_bytes(picture(1))
    first, second = data("import", "."), data("import", ".")
    assert [(one["imported"], one["skipped"]) for one in (first, second)] == [(1, 1), (0, 2)]
    assert data("list")["total"] == 1


def test_config_check(empty):
    right = run("config", "check")
    assert (right.exit_code, right.stdout) == (0, "No mistakes in the defaults\n")
    (empty / "server.xml").write_text('<server><flask><prot type="int">1</prot></flask></server>')
    wrong = run("config", "check", "-c", "server.xml", "-f", "json")
    assert wrong.exit_code == 2
    answer = json.loads(wrong.stdout)
    assert (answer["ok"], answer["source"]) == (False, str(empty / "server.xml"))
    assert [problem["path"] for problem in answer["problems"]] == ["flask/prot"]
    assert data("config", "check") == {"ok": True, "source": "the defaults", "problems": [], "notices": []}


def test_config_check_looks_at_logging_fetching_plugins_and_pipelines_at_once(empty):
    (empty / "plugins").mkdir()
    (empty / "plugins" / "broken.py").write_text("1 / 0")
    log = json.dumps({"handlers": {"x": {"class": "HiveNetLib.no_log.X", "filename": "logs/a.log"}}})
    inside = f"<logger><json_str>{log}</json_str></logger><pipeline><plugins_path>plugins</plugins_path></pipeline>"
    inside += "<fetch><proxy>socks5://me:hidden@p:1</proxy><denied_hosts>10.0.0.1/8</denied_hosts></fetch>"
    (empty / "server.xml").write_text(f"<server>{inside}</server>")
    wrong = run("config", "check", "-c", "server.xml", "-f", "json")
    assert wrong.exit_code == 2
    paths = [problem["path"] for problem in json.loads(wrong.stdout)["problems"]]
    assert "hidden" not in wrong.stdout
    assert paths == ["logger/json_str", "fetch/denied_hosts", "fetch/proxy", f"{empty}/plugins/broken.py:1"]
    assert not (empty / "logs").exists()


def test_config_check_names_what_has_no_effect(empty):
    (empty / "server.xml").write_text("<server><milvus><pool>QueuePool</pool></milvus></server>")
    done = run("config", "check", "-c", "server.xml")
    assert done.exit_code == 0
    assert done.stderr.startswith("milvus/pool has no effect")
    (notice,) = data("config", "check", "-c", "server.xml")["notices"]
    assert notice == done.stderr.rstrip()


def test_config_check_looks_into_the_pipelines(empty):
    node = '{"1": {"name": "vector", "processor": "Nowhere"}}'
    (empty / "server.xml").write_text(
        f"<server><pipeline><pipeline_config><Mine>{node}</Mine></pipeline_config></pipeline></server>"
    )
    done = run("config", "check", "-c", "server.xml")
    assert done.exit_code == 2
    assert "pipeline/pipeline_config/Mine/1/processor" in done.stderr


def test_config_show_masks_secrets(empty, monkeypatch):
    monkeypatch.setenv("SEARCH_BY_IMAGE__MILVUS__PASSWORD", "open sesame")
    answer = data("config", "show", "--debug")
    rows = {row["path"]: (row["value"], row["origin"]) for row in answer["settings"]}
    assert rows["milvus/password"] == ("******", "environment")
    assert rows["flask/port"] == ("8002", "default")
    assert rows["debug"] == ("true", "command line")
    table = run("config", "show").stdout
    assert "flask/port" in table
    assert "sesame" not in table
