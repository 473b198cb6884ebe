"""The service run in this process, and the address it listens on."""

import json
import os
import re
import shlex
import signal
import socket
import threading
import time
from contextlib import closing

import httpx
import pytest
from typer.testing import CliRunner

from cheap_library import picture
from search_by_image.assembly import open_fetcher
from search_by_image.cli import create_cli
from search_by_image.errors import FetchRefusedError, ListenError
from search_by_image.server import is_exposed, listening, url_of
from search_by_image.settings import load_settings

pytestmark = pytest.mark.usefixtures("logging_as_before")
DEADLINE = 60


@pytest.fixture
def port():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return free.getsockname()[1]


class Visitor(threading.Thread):
    """Asks the service for one page as soon as it is up, then stops it as Ctrl-C does."""

    def __init__(self, url, path="/healthz"):
        super().__init__(daemon=True)
        self.url, self.path, self.answer = url, path, None

    def run(self):
        for _ in range(DEADLINE * 20):
            if self.is_ready():
                self.answer = httpx.get(self.url + self.path, timeout=DEADLINE)
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.05)

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/readyz", timeout=DEADLINE).status_code == 200
        except httpx.ConnectError:
            return False


def serve_once(*words, url, path="/healthz"):
    """The command's result and the answer of one request."""
    visitor = Visitor(url, path)
    visitor.start()
    done = CliRunner().invoke(create_cli(), words)
    visitor.join(DEADLINE)
    return done, visitor.answer


def test_serve(tmp_path, monkeypatch, port):
    monkeypatch.chdir(tmp_path)
    url = f"http://127.0.0.1:{port}"
    done, answer = serve_once("serve", "--port", str(port), url=url)
    assert answer.json() == {"status": "ok"}
    assert done.exit_code == 0
    assert f"Serving 0 pictures at {url}/" in done.stderr
    assert "everything is saved" in done.stderr
    assert "There is no API key: calls need none, and only this machine can make them." in done.stderr
    assert "Warning" not in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_in_the_words_of_2020(tmp_path, monkeypatch, port):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.xml").write_text(
        '<server><enable_client type="bool">false</enable_client><flask><threaded type="bool">false</threaded>'
        '<processes type="int">4</processes></flask>'
        "<search_config><collections>仓鼠</collections></search_config></server>",
        encoding="gbk",
    )
    words = ("config=old.xml", "encoding=gbk", f"port={port}", "debug=true")
    done, answer = serve_once("serve", *words, url=f"http://127.0.0.1:{port}", path="/v1/info")
    assert [one["name"] for one in answer.json()["collections"]] == ["images", "仓鼠"]
    assert done.exit_code == 0
    assert "flask/processes is 4" in done.stderr
    assert "GET /v1/info" in done.stderr


def test_without_a_key_it_does_not_start_where_others_reach_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(create_cli(), ["serve", "--host", "0.0.0.0", "--port", "0"])
    assert done.exit_code == 1
    for remedy in ("keys create --name me --scope admin", "--host 127.0.0.1", "access/allow_anonymous"):
        assert remedy in done.stderr


def test_a_demo_that_others_reach_tells_how_to_make_a_key_of_its_own(tmp_path, monkeypatch, port):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "pictures").mkdir()
    words = ("demo", "--photos", str(tmp_path / "pictures"), "--host", "0.0.0.0", "--port", str(port))
    done = CliRunner().invoke(create_cli(), words)
    assert done.exit_code == 1
    (settings,) = re.findall(r"Make one: (.*) search-by-image (keys create --name me --scope admin) \.", done.stderr)
    environment = dict(word.split("=", 1) for word in shlex.split(settings[0]))
    assert CliRunner().invoke(create_cli(), settings[1].split(), env=environment).exit_code == 0
    done, answer = serve_once(*words, url=f"http://127.0.0.1:{port}", path="/v1/info")
    assert (done.exit_code, answer.status_code) == (0, 401)


def test_where_strangers_are_let_in_on_purpose_it_warns(tmp_path, monkeypatch, port):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE__ACCESS__ALLOW_ANONYMOUS", "true")
    words = ("serve", "--host", "0.0.0.0", "--port", str(port))
    done, answer = serve_once(*words, url=f"http://127.0.0.1:{port}", path="/v1/info")
    assert answer.status_code == 200
    assert done.stderr.count("Warning: this address can be reached from other machines") == 1


def test_with_a_key_it_listens_anywhere_and_asks_for_it(tmp_path, monkeypatch, port):
    monkeypatch.chdir(tmp_path)
    make = ("keys", "create", "--name", "me", "--scope", "read", "--format", "json")
    key = json.loads(CliRunner().invoke(create_cli(), make).stdout)
    CliRunner().invoke(create_cli(), ["keys", "revoke", key["id"]])
    words = ("serve", "--host", "0.0.0.0", "--port", str(port))
    done, answer = serve_once(*words, url=f"http://127.0.0.1:{port}", path="/v1/info")
    assert (done.exit_code, answer.status_code) == (0, 401)
    assert "Calls need an API key" in done.stderr
    assert "Warning" not in done.stderr


def test_demo(tmp_path, monkeypatch, port):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.png").write_bytes(picture(1))
    url = f"http://127.0.0.1:{port}"
    words = ("demo", "--photos", str(tmp_path / "pictures"), "--port", str(port))
    done, answer = serve_once(*words, url=url, path="/demo/photos/one.png")
    assert answer.content == picture(1)
    assert done.exit_code == 0
    assert "1/1" in done.stderr
    assert f"The demo is ready, with 1 picture. Open {url}/" in done.stderr
    assert f"curl -F file=@{tmp_path}/pictures/one.png -F pipeline=DemoSearch {url}/api" in done.stderr
    assert done.stderr.endswith("Stopped.\n")


@pytest.mark.parametrize(
    ("host", "url", "exposed"),
    [
        ("127.0.0.1", "http://127.0.0.1:", False),
        ("localhost", "http://", False),
        ("0.0.0.0", "http://0.0.0.0:", True),
        pytest.param(
            "::1", "http://[::1]:", False, marks=pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
        ),
    ],
)
def test_any_free_port(host, url, exposed):
    with listening(host, 0) as sock:
        assert url_of(sock).startswith(url)
        assert int(url_of(sock).rpartition(":")[2]) > 0
        assert is_exposed(sock) is exposed


@pytest.mark.parametrize(
    ("host", "text"),
    [("nowhere.invalid", "is not known"), ("192.0.2.1", "no such address"), ("a" * 300, "is not known")],
)
def test_an_address_that_cannot_be_used(host, text):
    with pytest.raises(ListenError, match=text), listening(host, 0):
        pass


def test_the_last_port_in_use_offers_another_one():
    with listening("127.0.0.1", 0) as taken:
        taken.listen()
        port = int(url_of(taken).rpartition(":")[2])
        with pytest.raises(ListenError, match=f"--port {port + 1}"), listening("127.0.0.1", port):
            pass


def test_the_fetcher_follows_the_settings(tmp_path):
    given = {"fetch/allowed_ports": "8080", "fetch/timeout": 3, "max_upload_size": 1}
    settings = load_settings(environ={}, overrides=given)
    with open_fetcher(settings) as fetcher, pytest.raises(FetchRefusedError, match="8080"):
        fetcher.fetch("http://127.0.0.1/")
