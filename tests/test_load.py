"""A short `make load` on a cheap pipeline, and the parts that it is made of."""

import io
import itertools
import json
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmarks.load.calls import Call, Calls, Outcome
from benchmarks.load.cpu import Shares, shared
from benchmarks.load.kept import Kept
from benchmarks.load.memory import Memory
from benchmarks.load.plan import Plan
from benchmarks.load.run import LoadRun, Measured, failures
from benchmarks.load.tables import report_of
from benchmarks.load.uploads import Uploads
from PIL import Image

from cheap_library import picture

ROOT = Path(__file__).parents[1]
CHEAP = ROOT / "fuzz" / "server.xml"
DEADLINE = 120


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(picture(number, (64, 64), "JPEG"))
    return folder


@pytest.mark.slow
def test_a_short_run(pictures, tmp_path):
    plan = Plan(
        pictures,
        "Thumbnail",
        "images",
        bound=lambda: 100.0,
        config=CHEAP,
        seconds=4,
        searchers=4,
        importers=2,
        window=1,
        beside=(2,),
        job_pictures=60,
        crowd=6,
    )
    (tmp_path / "service").mkdir()
    measured = LoadRun(plan, tmp_path / "service").run()
    assert failures(measured) == []
    assert measured.load.names == ["import", "old import", "readyz", "search"]
    assert all(measured.load.of([name]) for name in measured.load.names)
    assert measured.kept.acknowledged == measured.kept.once > 0
    assert measured.kept.unasked == 0
    assert measured.memory.resident > 10_000
    assert 0 < measured.shares.callers < 1
    assert 0 < measured.shares.service < 1
    (beside,) = measured.beside
    assert beside.total >= 60
    assert beside.rate > 0
    report = report_of(measured)
    assert "| search, p99 |" in report
    assert "4 search while 2 import" in report
    assert "nan" not in report


@contextmanager
def answering(answers):
    """A server that gives these answers (status, headers, body) in turn, to whatever is asked."""
    turns = itertools.cycle(answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = next(turns)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def called(url, pictures, told, **callers):
    options = {
        "url": url,
        "collection": "images",
        "pipeline": "Thumbnail",
        "pictures": pictures,
        "calls": told,
        "seconds": 1,
        **callers,
    }
    words = [f"--{name}={option}" for name, option in options.items()]
    command = [sys.executable, "-m", "benchmarks.load.callers", *words]
    subprocess.run(command, check=True, cwd=ROOT, timeout=DEADLINE, capture_output=True)
    return Calls.read(told, 1)


def json_answer(status, told, **headers):
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(told).encode()


@pytest.mark.slow
def test_only_a_refusal_that_says_when_to_come_again_is_no_failure(pictures, tmp_path):
    answers = [
        json_answer(200, {"matches": [{}]}),
        json_answer(503, {"code": "overloaded"}, retry_after=0),
        json_answer(429, {"code": "rate_limited"}, retry_after=0),
        json_answer(503, {"code": "overloaded"}),
        json_answer(500, {"code": "store_error"}),
        json_answer(200, {"matches": []}),
    ]
    with answering(answers) as url:
        calls = called(url, pictures, tmp_path / "calls.jsonl", searchers=1)
    found = {(call.outcome, call.note.split()[0] if call.note else "") for call in calls.all}
    assert found == {
        (Outcome.DONE, ""),
        (Outcome.REFUSED, "503"),
        (Outcome.REFUSED, "429"),
        (Outcome.FAILED, "503"),
        (Outcome.FAILED, "500"),
        (Outcome.FAILED, "200"),
    }


@pytest.mark.slow
def test_a_picture_that_was_refused_is_sent_again(pictures, tmp_path):
    answers = [
        json_answer(200, {"status": "20008"}, retry_after=0),
        json_answer(200, {"status": "00000"}),
        json_answer(201, {}),
    ]
    with answering(answers) as url:
        calls = called(url, pictures, tmp_path / "calls.jsonl", importers=1)
    told = [(call.name, call.picture, call.outcome) for call in calls.all]
    assert told[:3] == [
        ("old import", "load-0", Outcome.REFUSED),
        ("old import", "load-0", Outcome.DONE),
        ("import", "load-1", Outcome.DONE),
    ]


@pytest.mark.slow
def test_a_service_that_is_not_there_is_a_failure(pictures, tmp_path):
    calls = called("http://127.0.0.1:1", pictures, tmp_path / "calls.jsonl", searchers=1, probers=1)
    assert {(call.name, call.outcome) for call in calls.all} == {
        ("search", Outcome.FAILED),
        ("readyz", Outcome.FAILED),
    }


def calls_of(*given, seconds=10.0):
    return Calls(tuple(Call(name, ended, ms, outcome) for name, ended, ms, outcome in given), seconds)


def test_rates_count_what_was_done_in_time():
    calls = calls_of(
        ("search", 1.0, 1000.0, Outcome.DONE),
        ("search", 9.0, 3000.0, Outcome.DONE),
        ("search", 10.5, 9000.0, Outcome.DONE),
        ("search", 5.0, 10.0, Outcome.FAILED),
        ("import", 2.0, 10.0, Outcome.DONE),
    )
    assert calls.rate("search") == 0.2
    assert calls.rate("search", "import") == pytest.approx(0.3)
    assert calls.percentiles("search") == (3000.0, pytest.approx(8880.0))


def test_calls_are_read_as_they_were_written(tmp_path):
    calls = (Call("search", 1.5, 20.25, Outcome.FAILED, "load-1", "500 é"), Call("readyz", 2.0, 1.0, Outcome.DONE))
    (tmp_path / "calls.jsonl").write_text("".join(call.line() for call in calls), encoding="utf-8")
    assert Calls.read(tmp_path / "calls.jsonl", 3.0) == Calls(calls, 3.0)


def test_the_slope_is_that_of_the_second_half():
    grows_then_flat = Memory([(second, min(1000 + 100 * second, 2000)) for second in range(30)])
    assert (grows_then_flat.slope, grows_then_flat.resident) == (0, 2000)
    assert grows_then_flat.along(3) == [1000, 1900, 2000, 2000]
    steady = Memory([(second, 1000 + 2 * second) for second in range(30)])
    assert steady.slope == pytest.approx(120)


def test_processors_are_told_by_who_used_them():
    busy = [sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass\ninput()"]
    with subprocess.Popen(busy, stdin=subprocess.PIPE) as service:
        with shared(service.pid) as shares:
            subprocess.run([*busy[:2], busy[2].removesuffix("input()")], check=True)
        service.communicate(b"\n", DEADLINE)
    assert shares.callers > 0
    assert shares.service > 0
    assert shares.callers + shares.service + shares.others <= 1.05


def test_what_is_kept_is_held_against_what_was_acknowledged():
    kept = Kept.of(["a", "b", "c"], ["a", "b", "b", "d"])
    assert kept == Kept(acknowledged=3, once=1, missing=1, doubled=1, unasked=1)


def test_what_must_not_be_is_told():
    fine = calls_of(("search", 1.0, 10.0, Outcome.DONE), ("search", 1.0, 10.0, Outcome.REFUSED))
    bad = calls_of(("search", 1.0, 10.0, Outcome.FAILED))
    plan = Plan(Path(), "Thumbnail", "images", bound=lambda: 1.0)
    kept = Kept(acknowledged=3, once=1, missing=1, doubled=1, unasked=0)
    assert len(failures(Measured(plan, 1.0, bad, Memory(), Shares(), 503, kept, 5.0, (), bad))) == 5
    kept = Kept(acknowledged=3, once=3, missing=0, doubled=0, unasked=1)
    assert failures(Measured(plan, 1.0, fine, Memory(), Shares(), 200, kept, 5.0, (), fine)) == []


def test_no_two_uploads_are_the_same_bytes_and_all_are_pictures(pictures):
    uploads = Uploads(pictures)
    made = [uploads.another() for _ in range(30)]
    assert len(set(made)) == 30
    pixels = Counter(Image.open(io.BytesIO(upload)).tobytes() for upload in made)
    assert sorted(pixels.values()) == [2] * 6 + [3] * 6
    with zipfile.ZipFile(io.BytesIO(uploads.zipped(20))) as archive:
        assert len({archive.read(name) for name in archive.namelist()} - set(made)) == 20
