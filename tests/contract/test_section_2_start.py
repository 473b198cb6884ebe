"""spec.md, section 2, the command line: python server.py config="..." port=... encoding=... debug=..."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from search_by_image.cli import create_cli

ROOT = Path(__file__).parents[2]
DEADLINE = 60


@contextmanager
def started(folder, *words):
    """The process, its address, and what it wrote until then."""
    command = [sys.executable, str(ROOT / "server.py"), *words]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SEARCH_BY_IMAGE__")}
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, address_in(process.stderr)
        finally:
            process.kill()


def address_in(stderr):
    for line in stderr:
        if found := re.search(r"Serving 0 pictures at (http://127\.0\.0\.1:\d+)", line):
            return found[1]
    raise AssertionError("it never said where it serves")


def write(path, inside, encoding="utf-8"):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<server>{inside}</server>", encoding=encoding)


def test_the_file_in_conf_is_found(tmp_path):
    write(tmp_path / "conf" / "server.xml", "<flask><port type='int'>0</port></flask><debug type='bool'>true</debug>")
    with started(tmp_path) as (process, url):
        answer = httpx.get(f"{url}/healthz?secret=1", headers={"X-Request-Id": "mine-1"}, timeout=DEADLINE)
        assert answer.headers["X-Request-Id"] == "mine-1"
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert re.search(r"INFO search_by_image\.requests: GET /healthz 200 \d+\.\d ms mine-1\n", stderr)
    assert "secret" not in stderr
    assert (tmp_path / "data" / "records.db").exists()


def test_every_word_counts(tmp_path):
    write(
        tmp_path / "old.xml",
        "<flask><port type='int'>1</port></flask><debug type='bool'>true</debug>"
        "<search_config><collections>仓鼠</collections></search_config>",
        "gbk",
    )
    with started(tmp_path, "config=old.xml", "port=0", "encoding=gbk", "debug=false") as (process, url):
        names = [one["name"] for one in httpx.get(f"{url}/v1/info", timeout=DEADLINE).json()["collections"]]
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=DEADLINE)
    assert names == ["images", "仓鼠"]
    assert process.returncode == 0
    assert "/v1/info" not in stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("config=nowhere.xml",), "There is no such file"),
        (("port=abc",), "'abc' was given"),
        (("debug=maybe",), "debug=maybe is unknown. Write debug=true or debug=false"),
        (("encoding=none",), "'none' is not an encoding"),
        (("prot=1",), "'prot' is unknown. Known: config=FILE"),
        (("8003",), "'8003' is unknown"),
    ],
)
def test_wrong_words(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(create_cli(), ["serve", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert said in done.stderr


def test_empty_words_say_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "conf" / "server.xml", "<flask><port>x</port></flask>")
    done = CliRunner().invoke(create_cli(), ["serve", "config=", "port=", "encoding=", "debug="])
    assert "'x' was given" in done.stderr
