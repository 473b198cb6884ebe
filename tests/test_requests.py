"""What holds for every request: its id and its line in the log, and pages of other origins."""

import base64
import logging
import re
import socket
import time

import httpx
import pytest

from cheap_library import picture
from search_by_image.api.app import AppOptions, create_app
from search_by_image.cli.records import InRequest
from search_by_image.errors import InvalidInputError, StoreError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from serving import serving

CALL = "/api/SearchServer/GetImageDoc"
SHOP = "https://shop.example.com"


@pytest.fixture(autouse=True)
def _logging_as_new(monkeypatch):
    """Whatever other tests of the same process configured."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("search_by_image") and isinstance(logger, logging.Logger):
            monkeypatch.setattr(logger, "disabled", False)
            monkeypatch.setattr(logger, "propagate", True)
            logger.setLevel(logging.NOTSET)


@pytest.fixture
def client_of(engine):
    """A client of the application with these origins allowed."""
    opened = []

    def make(*origins):
        fetcher = UrlFetcher(FetchSettings())
        served = serving(create_app(engine, fetcher, AppOptions(cors_origins=origins)))
        client = httpx.Client(base_url=served.__enter__(), timeout=30)
        opened.append((client, served, fetcher))
        return client

    yield make
    for client, served, fetcher in opened:
        client.close()
        served.__exit__(None, None, None)
        fetcher.close()


def preflight(client, path, origin, method="POST"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    return client.options(path, headers=headers)


def test_without_the_setting_no_origin_is_allowed(client_of):
    client = client_of()
    for answer in (preflight(client, CALL, SHOP), client.post(CALL, json={}, headers={"Origin": SHOP})):
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", [CALL, "/v1/info"])
def test_an_origin_that_is_named_may_call(client_of, path):
    client = client_of(SHOP)
    allowed = preflight(client, path, SHOP)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "content-type" in allowed.headers["access-control-allow-headers"].lower()
    answer = client.request("POST" if path == CALL else "GET", path, json={}, headers={"Origin": SHOP})
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]


def test_an_origin_that_is_not_named_may_not(client_of):
    client = client_of(SHOP)
    other = "https://other.example.com"
    assert preflight(client, CALL, other).status_code == 400
    assert "access-control-allow-origin" not in client.post(CALL, json={}, headers={"Origin": other}).headers


def test_any_origin(client_of):
    client = client_of("*")
    assert client.post(CALL, json={}, headers={"Origin": SHOP}).headers["access-control-allow-origin"] == "*"


def test_the_page_is_not_for_other_origins(client_of):
    assert "access-control-allow-origin" not in client_of(SHOP).get("/", headers={"Origin": SHOP}).headers


def test_another_origin_reads_that_its_request_is_too_large(client_of):
    url = client_of(SHOP).base_url
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        head = f"POST {CALL} HTTP/1.1\r\nHost: x\r\nOrigin: {SHOP}\r\nContent-Length: {2**40}\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert '"status":"20003"' in answer
    assert f"access-control-allow-origin: {SHOP}" in answer


def records_of(caplog, count):
    """A request's record follows its answer: it is waited for."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [record for record in caplog.records if record.name == "search_by_image.requests"]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{len(found)} of {count} requests were logged")


@pytest.mark.parametrize("given", ["a", "a1-b_c.d:e", "x" * 64])
def test_the_callers_request_id_is_kept(client_of, given):
    assert client_of().get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\x1b[31m", "é"])
def test_an_unusable_request_id_is_replaced(client_of, given):
    answer = client_of().get("/healthz", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])


def test_a_request_is_one_line_in_the_log(client_of, caplog):
    caplog.set_level(logging.INFO, "search_by_image.requests")
    client = client_of()
    client.get("/nowhere%0A猫?token=secret", headers={"X-Request-Id": "n1"})
    client.post(CALL, json={}, headers={"X-Request-Id": "n2"})
    lines = [record.getMessage() for record in records_of(caplog, 2)]
    assert re.fullmatch(r"GET /nowhere%0A%E7%8C%AB 404 \d+\.\d ms n1", lines[0])
    assert re.fullmatch(rf"POST {CALL} 200 \d+\.\d ms n2", lines[1])


def test_a_request_that_breaks_has_its_line_too(client_of, caplog, engine, monkeypatch):
    def fail():
        raise RuntimeError("secret")

    monkeypatch.setattr(engine.library, "collections", fail)
    caplog.set_level(logging.INFO, "search_by_image.requests")
    client = client_of()
    assert client.get("/v1/info", headers={"X-Request-Id": "n3"}).status_code == 500
    (record,) = records_of(caplog, 1)
    assert re.fullmatch(r"GET /v1/info 500 \d+\.\d ms n3", record.getMessage())


def test_the_line_has_the_route_the_outcome_and_the_stages(client_of, caplog, engine):
    caplog.set_level(logging.INFO, "search_by_image.requests")
    client = client_of()
    engine.image_to_search_db(picture(1), {}, "Thumb")
    engine.library.extractor.forget()
    form = {"pipeline": "Thumb", "interface_seq_id": "s1"}
    client.post("/api/SearchServer/SearchByUpload", data=form, files={"file": ("1.png", picture(1))})
    client.post("/api/SearchServer/SearchByUpload", data=form | {"pipeline": "Nowhere"}, files={"file": picture(1)})
    client.get("/static/app.js")
    client.get("/nowhere")
    client.request("BREW", "/healthz")
    searched, failed, *others = [record.fields for record in records_of(caplog, 5)]
    assert searched["route"] == "/api/SearchServer/SearchByUpload"
    assert set(searched["stages_ms"]) == {"decode", "queue", "inference", "vectors", "records"}
    assert searched["client"] == "127.0.0.1"
    assert "outcome" not in searched
    assert failed["outcome"] == "20005"
    told = {(other["route"], other["status"]) for other in others}
    assert told == {("/static/{path}", 200), ("unmatched", 404), ("/healthz", 405)}


def test_problems_have_the_requests_id(client_of, engine, monkeypatch):
    def fail():
        raise RuntimeError("secret")

    client = client_of()
    named = {"X-Request-Id": "n7"}
    refused = client.post(CALL, json={}, headers=named | {"Origin": "https://evil.example"})
    monkeypatch.setattr(engine.library, "collections", fail)
    broken = client.get("/v1/info", headers=named)
    for answer, code in ((refused, "origin_refused"), (broken, "internal_error")):
        assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == "n7"
        assert answer.json()["code"] == code
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in broken.text


def test_what_breaks_is_logged_once_with_the_requests_id(client_of, engine, monkeypatch, caplog):
    def fail():
        raise RuntimeError("secret")

    def remember(record):
        InRequest().filter(record)
        return True

    monkeypatch.setattr(engine.library, "collections", fail)
    caplog.handler.addFilter(remember)
    client_of().get("/v1/info", headers={"X-Request-Id": "n8"})
    caplog.handler.removeFilter(remember)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.request_id == "n8"
    assert record.getMessage() == "/v1/info failed"
    assert "secret" in record.exc_text


def test_neither_pictures_nor_documents_nor_keys_are_logged(client_of, caplog):
    caplog.set_level(logging.DEBUG)
    client = client_of()
    picture_like = base64.b64encode(b"secret-not-a-picture").decode()
    body = {"file": picture_like, "pipeline": "Thumb", "image_doc": {"owner": "Mallory"}}
    headers = {"Authorization": "Bearer open-sesame", "X-Api-Key": "open-sesame"}
    client.post("/api/SearchServer/ImportByBase64", json=body, headers=headers)
    records_of(caplog, 1)
    ours = (record for record in caplog.records if record.name.startswith(("search_by_image", "uvicorn")))
    text = " ".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "ImportByBase64" in text
    assert not any(secret in text for secret in ("open-sesame", "Mallory", "secret-not-a"))


@pytest.mark.parametrize("path", [CALL, "/v1/collections"])
def test_a_store_that_fails_is_in_the_log_and_a_callers_mistake_is_not(client_of, engine, monkeypatch, caplog, path):
    failing = [StoreError("The disk is full."), StoreUnavailableError("No answer."), InvalidInputError("their secret")]

    def fail(*_, **__):
        raise failing[0]

    monkeypatch.setattr(engine.library, "numbered_page", fail)
    monkeypatch.setattr(engine.library, "collections", fail)
    client = client_of()
    while failing:
        client.post(path, json={}) if path == CALL else client.get(path)
        failing.pop(0)
    records_of(caplog, 0)
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [
        ("ERROR", "a call failed (store_error): The disk is full."),
        ("WARNING", "a call failed (store_unavailable): No answer."),
    ]
    assert "their secret" not in caplog.text


def test_a_client_that_leaves_is_no_failure(client_of, caplog):
    caplog.set_level(logging.INFO)
    url = client_of().base_url
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(f"POST {CALL} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode())
        time.sleep(0.1)
    (record,) = records_of(caplog, 1)
    assert record.fields["route"] == CALL
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
