"""`search-by-image jobs` at a running service, and the Python of docs/imports.md."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cheap_library import picture
from job_service import job_service, ndjson, web_server, zipped
from search_by_image.api.app import AppOptions
from search_by_image.cli import create_cli
from search_by_image.client import Client

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def serving_jobs(tmp_path_factory):
    with job_service(tmp_path_factory.mktemp("service"), AppOptions(key_seconds=0)) as service:
        yield service


@pytest.fixture
def service(serving_jobs, tmp_path, monkeypatch):
    serving_jobs.library.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE_SERVER", str(serving_jobs.http.base_url))
    return serving_jobs


@pytest.fixture
def web():
    with web_server() as web:
        yield web


def run(*words):
    return CliRunner().invoke(create_cli(), ["jobs", *words])


def data(*words, exit_code=0):
    done = run(*words, "--format", "json")
    assert done.exit_code == exit_code, done.stderr
    return json.loads(done.stdout)


def start(name, content, *words, exit_code=0):
    Path(name).write_bytes(content)
    return data("start", name, "--collection", "pets", "--pipeline", "Thumb", *words, exit_code=exit_code)


def test_a_file_is_sent_and_watched(service):
    job = start("two.zip", zipped({"a.png": picture(1), "b.png": picture(2)}), "--watch")
    assert (job["state"], job["format"], job["counts"]["created"], job["errors"]) == ("succeeded", "zip", 2, [])
    assert set(service.stored()) == {"a.png", "b.png"}
    job = start("two.zip", zipped({"a.png": picture(3)}), "--watch", "--on-duplicate", "skip")
    assert job["counts"]["skipped"] == 1
    job = start("list.txt", ndjson([{"url": "x"}]), "--kind", "ndjson")
    assert data("watch", job["id"], exit_code=3)["counts"]["failed"] == 1


def test_where_to_is_the_default_collection_of_the_service(service):
    Path("one.zip").write_bytes(zipped({"a.png": picture(1)}))
    job = data("start", "one.zip", "--pipeline", "Thumb", "--watch")
    assert (job["collection"], set(service.stored("images"))) == ("images", {"a.png"})


def test_failed_items_are_shown_and_all_of_them_where_asked_for(service):
    job = start("bad.ndjson", ndjson([{"id": str(n)} for n in range(12)]), "--watch", exit_code=3)
    assert len(data("show", job["id"])["errors"]) == 10
    assert [error["number"] for error in data("show", job["id"], "--errors")["errors"]] == list(range(1, 13))
    shown = run("show", job["id"])
    assert "12 pictures failed, 10 shown:" in shown.stderr
    assert re.search(r"state +succeeded", shown.stdout)
    assert re.search(r"failed +12", shown.stdout)


def test_jobs_are_listed(service):
    ids = [start(f"{n}.zip", zipped({"a.png": picture(n)}), "--watch")["id"] for n in range(3)]
    found = [job["id"] for job in data("list", "--collection", "pets", "--limit", "2")["jobs"]]
    assert found == [ids[2], ids[1]]
    table = run("list", "--state", "succeeded")
    assert all(id_ in table.stdout for id_ in ids)
    assert "There is no such import job." in run("list", "--collection", "none").stderr


def test_a_job_is_cancelled(service, web):
    web.may_answer.clear()
    try:
        job = start("many.ndjson", ndjson([{"url": f"{web.url}/{n}.png"} for n in range(50)]))
        assert data("cancel", job["id"])["state"] in ("cancelling", "cancelled")
        assert data("watch", job["id"], exit_code=1)["state"] == "cancelled"
    finally:
        web.may_answer.set()


def test_the_secret_of_a_webhook_is_shown_once(service, web):
    Path("one.zip").write_bytes(zipped({"a.png": picture(1)}))
    done = run("start", "one.zip", "--pipeline", "Thumb", "--webhook", f"{web.url}/heard", "--watch")
    assert done.exit_code == 0
    (secret,) = re.findall(r"signed with (whsec_\S+)\.", done.stderr)
    job = data("list", "--limit", "1")["jobs"][0]
    assert secret not in done.stdout + run("show", job["id"]).stdout
    assert job["webhook"]["host"] == "127.0.0.1"
    Path("two.zip").write_bytes(zipped({"a.png": picture(1)}))
    told = data("start", "two.zip", "--pipeline", "Thumb", "--webhook", f"{web.url}/heard")
    assert told["webhook"]["secret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("list", "--server", ""), 2, "Import jobs are done by a service: name it with --server"),
        (("show", "0" * 21), 2, "Error: There is no job '000"),
        (("start", "none.zip"), 2, "none.zip"),
        (("start", "file.dat"), 2, "the format must be said"),
        (("list", "--server", "http://127.0.0.1:9"), 1, "127.0.0.1 gave no answer"),
    ],
)
def test_mistakes_are_told(service, words, code, said):
    Path("file.dat").write_bytes(b"x")
    done = run(*words)
    assert (done.exit_code, said in done.stderr.replace("\n", " ")) == (code, True), done.stderr


@pytest.mark.parametrize("page", ["imports.md", "imports.zh-CN.md"])
def test_the_python_of_the_page_runs(page, service, capsys):
    Path("photos").mkdir()
    for n in range(3):
        Path(f"photos/{n}.jpg").write_bytes(picture(n, file_format="JPEG"))
    Path("photos/bad.jpg").write_bytes(b"no picture")
    text = (DOCS / page).read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "start_import" in block]
    with Client(str(service.http.base_url)) as client:
        client.put_image("pets", "first", picture(9), pipeline="Thumb")
    exec(compile(code.replace("http://127.0.0.1:8002", str(service.http.base_url)), page, "exec"), {})
    assert len(service.stored()) == 4
    told = capsys.readouterr().out
    assert "4 of 4" in told
    assert re.search(r"^\d photos/bad\.jpg \w", told, re.MULTILINE)
