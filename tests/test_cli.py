"""The real command in a process of its own."""

import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import httpx
import pytest

from cheap_library import picture

COMMAND = (sys.executable, "-m", "search_by_image")
DEADLINE = 60


@pytest.fixture
def run(tmp_path):
    """Runs the command in a folder of its own."""

    def run(*words, **options):
        return subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture
def pictures(tmp_path):
    return write_pictures(tmp_path / "pictures", 4)


def write_pictures(folder, count):
    folder.mkdir()
    for seed in range(count):
        (folder / f"{seed:03}.png").write_bytes(picture(seed))
    return folder


@contextmanager
def serving(tmp_path, *words):
    """The process and its address."""
    command = [*COMMAND, "serve", "--port", "0", *words]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process, address_in(process.stderr)
        finally:
            process.kill()


def address_in(stderr):
    for line in stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise AssertionError("it never said where it serves")


def test_import_search_list_remove_clear(run, pictures):
    imported = run("import", str(pictures), "--format", "json")
    assert imported.returncode == 0
    assert json.loads(imported.stdout)["imported"] == 4
    assert "4/4" in imported.stderr
    assert "images/s" in imported.stderr

    found = json.loads(run("search", str(pictures / "002.png"), "--top-k", "2", "-f", "json").stdout)
    assert found["pipeline"] == "DemoSearch"
    assert found["matches"][0]["document"]["id"] == "002.png"
    assert len(found["matches"]) == 2

    listed = run("list", "--page-size", "3")
    assert listed.stdout.count(".png") == 6  # id and name
    assert "3 of 4 pictures" in listed.stderr
    assert "\x1b" not in listed.stdout

    removed = run("remove", "--field", "id=001.png", input="y\n")
    assert removed.returncode == 0
    assert "Remove 1 picture?" in removed.stderr
    assert "001.png" in removed.stdout

    refused = run("clear", stdin=subprocess.DEVNULL)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    assert json.loads(run("list", "-f", "json").stdout)["total"] == 3

    assert run("clear", "--yes").returncode == 0
    assert json.loads(run("list", "-f", "json").stdout) == {"total": 0, "page": 1, "page_size": 20, "images": []}


def test_some_pictures_fail(run, pictures):
    (pictures / "broken.jpg").write_bytes(picture(9, file_format="JPEG")[:400])
    (pictures / "text.png").write_text("no picture")
    done = run("import", str(pictures), "--report", "why.jsonl")
    assert done.returncode == 3
    assert "2 pictures failed" in done.stderr
    report = (pictures.parent / "why.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["code"] for line in report} == {"truncated_image", "not_an_image"}


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_import_continues(run, tmp_path, signal_number):
    folder = write_pictures(tmp_path / "pictures", 1536)
    command = [*COMMAND, "import", str(folder)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        wait_for_the_first(tmp_path / "data" / "records.db")
        process.send_signal(signal_number)
        _, stderr = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "the same command continues" in stderr
    assert "Traceback" not in stderr

    again = json.loads(run("import", str(folder), "--format", "json").stdout)
    assert again["skipped"] > 0
    assert again["imported"] > 0
    assert again["imported"] + again["skipped"] == 1536


def wait_for_the_first(database):
    """Until the import has written something."""
    for _ in range(DEADLINE * 50):
        if database.exists() and count_images(database):
            return
        time.sleep(0.02)
    raise AssertionError("nothing was imported")


def count_images(database):
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM images").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_imported_over_http_is_there_after_the_service_stopped(run, tmp_path, signal_number):
    with serving(tmp_path) as (process, address):
        body = {
            "file": base64.b64encode(picture(1)).decode(),
            "pipeline": "DemoSearch",
            "collection": "",
            "interface_seq_id": "1",
            "image_doc": {"id": "one"},
        }
        answer = httpx.post(f"{address}/api/SearchServer/ImportByBase64", json=body, timeout=DEADLINE)
        assert answer.json()["status"] == "00000"
        assert "text/html" in httpx.get(f"{address}/").headers["content-type"]

        locked = run("list")
        assert locked.returncode == 1
        assert locked.stderr.startswith("Error: ")
        assert "Traceback" not in locked.stderr

        process.send_signal(signal_number)
        assert "Stopped; everything is saved." in process.stderr.read()
        assert process.wait(DEADLINE) == 0
    (image,) = json.loads(run("list", "-f", "json").stdout)["images"]
    assert image["document"] == {"id": "one"}


def test_a_port_in_use(run, tmp_path):
    with serving(tmp_path) as (_, address):
        done = run("serve", "--port", address.rpartition(":")[2])
    assert done.returncode == 1
    assert "another program listens there" in done.stderr
    assert "--port" in done.stderr


def test_ten_mistakes_at_once(run, tmp_path):
    (tmp_path / "server.xml").write_text(
        """<server>
        <debgu type="bool">true</debgu><max_upload_size type="float">-1</max_upload_size>
        <flask><prot type="int">1</prot><port type="int">99999</port><threaded type="bool">perhaps</threaded></flask>
        <search_config><topk type="int">many</topk><match_score type="float">80</match_score></search_config>
        <vectors><index>tree</index></vectors><models><precision>int8</precision></models>
        <limits><queue type="int">0</queue></limits></server>""",
        encoding="utf-8",
    )
    done = run("config", "check", "--config", "server.xml")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "10 mistakes in" in done.stderr
    assert "Did you mean flask/port?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_gets_no_traceback(run, pictures, tmp_path):
    assert run("import", str(pictures)).returncode == 0
    with subprocess.Popen(
        [*COMMAND, "list"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert "Traceback" not in stderr


def test_a_terminal_without_unicode(run, tmp_path):
    (tmp_path / "图.jpg").write_bytes(b"no picture")
    done = run("search", "图.jpg", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert "This is not a picture" in done.stderr


@pytest.mark.parametrize("module", ["search_by_image.cli", "search_by_image.__main__"])
def test_the_command_starts_without_heavy_imports(module):
    heavy = ["openvino", "faiss", "sqlalchemy", "fastapi", "uvicorn", "numpy", "PIL", "pydantic"]
    code = f"import sys, {module}; print(sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
