"""Slow callers, many callers, and who they are, on a real server with raw sockets."""

import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from search_by_image.api.app import AppOptions, create_app
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.settings import load_settings
from serving import serving

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
SOON = "0.2"
JSON_OF_99 = b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


@pytest.fixture
def served(engine):
    """serve(**{"limits/head_seconds": 1}): the address of the service with these settings."""

    @contextmanager
    def serve(add_routes=lambda app: None, **given):
        settings = load_settings(
            environ={}, overrides={name.replace("__", "/"): value for name, value in given.items()}
        )
        with UrlFetcher(FetchSettings()) as fetcher:
            options = AppOptions(body_pause=settings.limits.body_pause, body_seconds=settings.limits.body_seconds)
            app = create_app(engine, fetcher, options)
            add_routes(app)
            with serving(app, settings) as url:
                yield url

    return serve


def connected(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def rest(connection):
    """All that comes until the service closes the connection."""
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X-A: 1\r\nX-B"])
def test_a_head_that_does_not_come_ends_the_connection(served, sent):
    with served(limits__head_seconds=SOON) as url, connected(url) as connection:
        connection.sendall(sent)
        assert rest(connection) == b""


def test_a_head_that_drips_ends_with_its_time(served):
    with served(limits__head_seconds=SOON) as url, connected(url) as connection:
        dripped = threading.Event()

        def drip():
            try:
                while not dripped.wait(0.02):
                    connection.sendall(b"a")
            except OSError:
                pass

        connection.sendall(HEAD + b"X-Slow: ")
        dripping = threading.Thread(target=drip)
        dripping.start()
        assert rest(connection) == b""
        dripped.set()
        dripping.join()


def test_the_second_request_of_a_connection_has_to_come_as_soon(served):
    with served(limits__head_seconds=SOON, limits__keep_alive=3600) as url, connected(url) as connection:
        connection.sendall(HEAD + b"\r\n" + HEAD)
        assert rest(connection).count(b"HTTP/1.1 200") == 1


def test_the_silence_between_two_requests_has_a_limit_of_its_own(served):
    with served(limits__head_seconds=SOON, limits__keep_alive=3600) as url, httpx.Client(base_url=url) as client:
        for _ in range(3):
            assert client.get("/healthz").status_code == 200
            threading.Event().wait(0.3)
        (connection,) = client._transport._pool.connections
        assert "Request Count: 3" in repr(connection)
    with served(limits__keep_alive=1) as url, connected(url) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert rest(connection).startswith(b"HTTP/1.1 200")


def test_a_call_that_takes_long_is_not_cut_off(served):
    with served(add_slow_route, limits__head_seconds="0.05", limits__body_pause="0.05") as url:
        assert httpx.get(url + "/v1/slow", timeout=60).json() == "done"


def add_slow_route(app):
    from search_by_image.api.callers import PUBLIC

    @app.get("/v1/slow", dependencies=[PUBLIC])
    def slow() -> str:
        threading.Event().wait(0.5)
        return "done"


def test_a_body_that_does_not_come_is_told_so(served):
    with served(limits__body_pause=SOON) as url, connected(url) as connection:
        connection.sendall(b"POST /v1/compare HTTP/1.1\r\nHost: x\r\n" + JSON_OF_99)
        answer = rest(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"request_timeout" in answer


def test_a_chunked_body_without_end_is_cut_off(served):
    with served() as url, connected(url) as connection:
        head = b"POST /api/SearchServer/ImportByUpload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(head + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n")
        try:
            for _ in range(1000):
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        except OSError:
            return
        assert b"20003" in rest(connection)


def test_the_rest_of_a_body_that_was_refused_is_not_waited_for(served, engine):
    with served(limits__head_seconds=SOON, limits__keep_alive=3600) as url, connected(url) as connection:
        connection.sendall(b"POST /v1/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        assert rest(connection).startswith(b"HTTP/1.1 404")


def test_an_answer_that_nobody_takes_is_given_up(served):
    with served(add_long_route, limits__body_pause=SOON) as url, connected(url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /v1/long HTTP/1.1\r\nHost: x\r\n\r\n")
        assert LEFT.wait(60)
        LEFT.clear()


LEFT = threading.Event()


def add_long_route(app):
    from starlette.responses import StreamingResponse

    from search_by_image.api.callers import PUBLIC

    @app.get("/v1/long", dependencies=[PUBLIC])
    async def long():
        async def parts():
            try:
                for _ in range(10_000):
                    yield b"x" * 65536
            finally:
                LEFT.set()

        return StreamingResponse(parts())


def test_a_head_that_is_too_large_is_refused(served):
    with served(limits__head_bytes=1024) as url, connected(url) as connection:
        connection.sendall(HEAD + b"X-Long: " + b"a" * 2000)
        assert rest(connection).startswith(b"HTTP/1.1 400")


def test_more_connections_than_allowed_are_refused(served):
    with served(limits__connections=2) as url, connected(url) as first:
        first.sendall(HEAD)
        assert httpx.get(url + "/healthz").status_code == 503
        first.close()
        while httpx.get(url + "/healthz").status_code != 200:
            pass


def test_the_software_is_not_named(served):
    with served() as url:
        assert "server" not in httpx.get(url + "/healthz").headers


@pytest.mark.parametrize(
    ("proxies", "sent", "seen"),
    [
        ("", "10.1.1.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.1.1.1", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.0/8,10.0.0.0/8", "203.0.113.9, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
    ],
)
def test_a_forwarded_address_counts_when_a_trusted_proxy_names_it(served, proxies, sent, seen):
    with served(add_mirror, access__trusted_proxies=proxies) as url:
        headers = {"X-Forwarded-For": sent, "X-Forwarded-Proto": "https"}
        assert httpx.get(url + "/v1/mirror", headers=headers).json() == [
            seen,
            "https" if seen != "127.0.0.1" else "http",
        ]


def add_mirror(app):
    from fastapi import Request

    from search_by_image.api.callers import PUBLIC

    @app.get("/v1/mirror", dependencies=[PUBLIC])
    def mirror(request: Request) -> list[str]:
        return [request.client.host, request.url.scheme]
