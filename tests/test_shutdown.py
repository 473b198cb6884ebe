"""SIGTERM on the real service: what runs gets its answer, new calls get 503, everything is saved, exit code 0."""

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from cheap_library import picture
from raw_servers import sized
from search_by_image.assembly import open_engine
from search_by_image.client import Client
from search_by_image.server import answering_meanwhile, listening, url_of
from search_by_image.settings import load_settings
from service_process import DEADLINE, started

CALLS = "/api/SearchServer"
NDJSON = {"Content-Type": "application/x-ndjson"}
PRIVATE = {"FETCH__ALLOW_PRIVATE": "true", "FETCH__ALLOWED_PORTS": "", "FETCH__TIMEOUT": 30}


@pytest.fixture
def slow(serve):
    """A server of a picture that waits until it may answer."""

    class Slow:
        asked, may_answer = threading.Event(), threading.Event()

        def __call__(self, exchange):
            self.asked.set()
            self.may_answer.wait(DEADLINE)
            sized(picture(1, (64, 64)))(exchange)

    slow = Slow()
    slow.url = f"http://127.0.0.1:{serve(slow).port}/cat.png"
    yield slow
    slow.may_answer.set()


def import_by_url(url, picture_url):
    body = {"url": picture_url, "pipeline": "DemoSearch", "image_doc": {"id": 1}}
    return httpx.post(f"{url}{CALLS}/ImportByUrl", json=body, timeout=DEADLINE)


@pytest.mark.slow
def test_a_request_under_way_gets_its_answer_and_new_ones_503(tmp_path, slow):
    with started(tmp_path, LOGGER__FORMAT="json", LIMITS__SHUTDOWN_SECONDS=60, **PRIVATE) as (process, url):
        with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=url, timeout=DEADLINE) as kept:
            assert kept.get("/readyz").status_code == 200
            waiting = pool.submit(import_by_url, url, slow.url)
            assert slow.asked.wait(DEADLINE)
            process.send_signal(signal.SIGTERM)
            while kept.get("/readyz").status_code == 200:
                time.sleep(0.02)
            for refused in (kept.get("/readyz"), httpx.get(f"{url}/v1/info"), import_by_url(url, slow.url)):
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "5"
                assert refused.headers["content-type"] == "application/problem+json"
                assert refused.json()["code"] == "shutting_down"
            assert httpx.get(f"{url}/healthz").status_code == 200
            assert "requests_running 1.0" in httpx.get(f"{url}/metrics").text
            slow.may_answer.set()
            assert waiting.result().json()["status"] == "00000"
        _, stderr = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert stderr.endswith("Stopped; everything is saved.\n")
    assert '"exception"' not in stderr
    with open_engine(load_settings(environ=settings_of(tmp_path)), maintain=False) as engine:
        assert engine.library.count() == 1


@pytest.mark.slow
def test_who_watches_a_job_does_not_keep_the_service_and_the_job_goes_on_later(tmp_path, slow):
    """The next look at the job would be after a minute; the caller hears that there is no more to come long before."""
    given = PRIVATE | {"LIMITS__SHUTDOWN_SECONDS": 3600, "JOBS__POLL": 60, "JOBS__HEARTBEAT": 60}
    with started(tmp_path, **given) as (process, url), httpx.Client(base_url=url, timeout=20) as http:
        body = json.dumps({"id": "cat-1", "url": slow.url}) + "\n"
        job = http.post("/v1/collections/pets/imports", content=body, headers=NDJSON).json()
        assert slow.asked.wait(DEADLINE)
        with http.stream("GET", f"/v1/jobs/{job['id']}/events") as answer:
            lines = answer.iter_lines()
            assert "event: progress" in (next(lines) for _ in range(10))
            process.send_signal(signal.SIGTERM)
            assert "event: end" not in list(lines)
        slow.may_answer.set()
        _, stderr = process.communicate(timeout=DEADLINE)
    assert (process.returncode, "Traceback" in stderr) == (0, False)
    with started(tmp_path, **given | {"JOBS__POLL": 0.1}) as (process, url), Client(url) as client:
        assert client.wait_for_job(job["id"], timeout=DEADLINE).counts.created == 1


def settings_of(folder):
    stores = {"RECORDS__URL": f"sqlite:///{folder}/data/records.db", "VECTORS__PATH": f"{folder}/data/vectors"}
    return {f"SEARCH_BY_IMAGE__{name}": value for name, value in stores.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "signals"), [(0.2, 1), (3600, 2)])
def test_a_request_that_takes_too_long_or_that_nobody_wants_to_wait_for_is_told_so(tmp_path, slow, seconds, signals):
    given = PRIVATE | {"LIMITS__SHUTDOWN_SECONDS": seconds, "FETCH__TIMEOUT": 3}
    with started(tmp_path, **given) as (process, url), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(import_by_url, url, slow.url)
        assert slow.asked.wait(DEADLINE)
        process.send_signal(signal.SIGTERM)
        if signals > 1:
            while httpx.get(f"{url}/readyz").status_code == 200:
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=DEADLINE)
    assert waiting.result().status_code == 503
    assert waiting.result().json()["code"] == "shutting_down"
    assert "did not end in time" in waiting.result().json()["detail"]
    assert "Traceback" not in stderr
    assert process.returncode == 0
    assert "Stopped; everything is saved.\n" in stderr


def test_while_it_starts_callers_get_503_and_none_is_lost():
    with listening("127.0.0.1", 0) as sock:
        url = url_of(sock)
        with (
            answering_meanwhile(sock, load_settings(environ={})),
            httpx.Client(base_url=url, timeout=DEADLINE) as client,
        ):
            deadline = time.monotonic() + DEADLINE
            while True:
                try:
                    answer = client.get("/readyz", headers={"X-Request-Id": "n1"})
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < deadline
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
            assert answer.json()["code"] == "starting"
            assert answer.json()["request_id"] == answer.headers["x-request-id"] == "n1"
            assert client.get("/healthz").json() == {"status": "ok"}
            assert client.post(f"{CALLS}/GetImageDoc", json={}).status_code == 503
        with closing(socket.create_connection(sock.getsockname(), timeout=DEADLINE)):
            assert sock.fileno() > 0
