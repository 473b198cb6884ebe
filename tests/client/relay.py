"""A relay before the real service that fails as networks, proxies and busy services do, call by call."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

LOST = "lost"
"""The service does it, its answer never arrives."""
CUT = "cut"
"""The connection breaks before the service hears of it."""

KEPT = {"content-type", "etag", "retry-after"}


class Relay(ThreadingHTTPServer):
    """Plays `faults` first, one a call: `LOST`, `CUT`, or an answer of (status, headers, body); then passes on."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = target
        self.faults: list = []
        self.calls: list[tuple[str, str]] = []
        self.http = httpx.Client(base_url=target, timeout=30)
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self):
        with self.lock:
            return self.faults.pop(0) if self.faults else None

    def handle_error(self, *_):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def relay(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.calls.append((self.command, self.path))
        fault = self.server.next_fault()
        if fault == CUT:
            self.cut()
            return
        if isinstance(fault, tuple):
            self.answer(*fault)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = self.server.http.request(self.command, self.path, content=body, headers=headers)
        if fault == LOST:
            self.cut()
            return
        kept = {
            name: value for name, value in answer.headers.items() if name in ("content-type", "etag", "retry-after")
        }
        self.answer(answer.status_code, kept, answer.content)

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.relay
        raise AttributeError(name)


@contextmanager
def relay_to(target: str) -> Iterator[Relay]:
    relay = Relay(target)
    thread = threading.Thread(target=relay.serve_forever, daemon=True)
    thread.start()
    yield relay
    relay.shutdown()
    thread.join()
    relay.server_close()
    relay.http.close()
