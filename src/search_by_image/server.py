"""The web application on uvicorn: one process, stopped cleanly by a signal."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

import anyio.to_thread
import uvicorn
from fastapi import FastAPI

from search_by_image.api.access_log import log_access
from search_by_image.api.app import AppOptions, create_app
from search_by_image.api.guard import host_of, is_loopback
from search_by_image.api.lifecycle import Lifecycle
from search_by_image.api.rates import Rates
from search_by_image.api.spans import Spans
from search_by_image.api.starting import still_starting
from search_by_image.api.tracing import Tracing
from search_by_image.assembly import worker_count
from search_by_image.engine import SearchEngine
from search_by_image.errors import ListenError
from search_by_image.fetch import UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.listener import listener_config
from search_by_image.settings import Settings

CLOSING = 1  # seconds that answers have to leave, when all requests have ended or their time is up
OTHER_CALLS = 32
"""Threads that are left when as many calls compute, or wait for that, as may."""
REMEDIES = {
    errno.EADDRINUSE: "another program listens there. Stop it, or choose another port, such as --port {next}",
    errno.EACCES: "this user may not use that port. Choose one above 1023, such as --port 8002",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose another one, such as --host 127.0.0.1",
}


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; `port` 0: any free one. Raises `ListenError`."""
    family, kind, protocol, _, address = _resolved(host, port)
    with socket.socket(family, kind, protocol) as sock:
        _bind(sock, address, host, port)
        yield sock


def thread_count(settings: Settings) -> int:
    """Threads that answer calls. Whoever waits for inference has one, so there are more of them than may wait."""
    if not settings.flask.threaded:
        return 1
    computing = worker_count(settings) + settings.limits.queue
    return min(computing, settings.limits.requests) + OTHER_CALLS


def url_of(sock: socket.socket, *, tls: bool = False) -> str:
    """Where the service is to be reached: http://127.0.0.1:8002"""
    host, port = sock.getsockname()[:2]
    scheme, name = "https" if tls else "http", f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{port}"


def is_exposed(sock: socket.socket) -> bool:
    """Other machines may reach it."""
    return not is_loopback(sock.getsockname()[0])


def unprotected(sock: socket.socket, key_maker: str) -> ListenError:
    """`key_maker`: the command that makes a key."""
    return ListenError(
        f"Other machines can reach {url_of(sock)}, and there is no API key: anyone could search, import and remove. "
        f"Make one: {key_maker} . Or listen on --host 127.0.0.1. Or, behind a proxy that asks who calls, set "
        "access/allow_anonymous to true."
    )


def open_app(
    settings: Settings,
    engine: SearchEngine,
    fetcher: UrlFetcher,
    *,
    jobs: Jobs | None = None,
    spans: Spans | None = None,
) -> FastAPI:
    options = AppOptions(
        page=settings.enable_client,
        static_path=settings.static_path,
        page_size_max=settings.limits.page_size_max,
        document_bytes=settings.limits.document_bytes,
        filter_conditions=settings.limits.filter_conditions,
        cors_origins=settings.cors.allow_origins,
        allowed_hosts=_allowed_hosts(settings),
        anonymous=settings.access.allow_anonymous or _is_for_this_machine(settings),
        key_seconds=settings.access.key_seconds,
        count_seconds=settings.metrics.count_seconds,
        rates=Rates(
            address_per_minute=settings.limits.address_per_minute,
            key_per_minute=settings.limits.key_per_minute,
            burst=settings.limits.rate_burst,
        ),
        requests=settings.limits.requests,
        body_pause=settings.limits.body_pause,
        body_seconds=settings.limits.body_seconds,
    )
    return create_app(engine, fetcher, options, jobs=jobs, spans=spans)


@contextmanager
def answering_meanwhile(sock: socket.socket, settings: Settings) -> Iterator[None]:
    """Until the block ends callers get 503, and health probes 200; those who connect after that wait for `run`."""
    app = Tracing(still_starting, observers=(log_access,))
    server = uvicorn.Server(listener_config(app, settings, grace=CLOSING, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([sock.dup()],), name="starting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def run(app: FastAPI, sock: socket.socket, settings: Settings, on_started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; the handler that the signal had before runs when all is stopped.

    Requests under way have `limits/shutdown_seconds` to end, while new ones are answered with 503. After that they are
    too; their threads end by their own time limits and change nothing any more where the library is closed by then.
    """
    config = listener_config(app, settings, grace=CLOSING)
    _Server(config, app.state.lifecycle, settings, on_started).run(sockets=[sock])


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, lifecycle: Lifecycle, settings: Settings, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._on_started = on_started
        self._threads = thread_count(settings)
        self._grace = settings.limits.shutdown_seconds
        self._patience = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._lifecycle.is_stopping or not self.started:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        self._patience = monotonic() + self._grace
        self._lifecycle.stop()

    async def on_tick(self, counter: int) -> bool:
        drained = not self._lifecycle.running.value or monotonic() >= self._patience
        if self._lifecycle.is_stopping and drained:
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = self._threads
        await super().startup(sockets)
        if self.started:
            self._on_started()


def _resolved(host: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise ListenError(f"The address {host!r} is not known. Give a name or number of this machine.") from error


def _allowed_hosts(settings: Settings) -> tuple[str, ...]:
    """Empty, any, unless the service is for this machine alone."""
    origins = settings.cors.allow_origins
    if "*" in origins or not _is_for_this_machine(settings):
        return ()
    return ("localhost", settings.flask.host, *map(host_of, origins))


def _is_for_this_machine(settings: Settings) -> bool:
    address = _resolved(settings.flask.host, settings.flask.port)[4]
    return is_loopback(str(address[0]))


def _bind(sock: socket.socket, address: tuple[object, ...], host: str, port: int) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        reason = REMEDIES.get(error.errno or 0, str(error.strerror)).format(next=port % 65535 + 1)
        raise ListenError(f"Cannot listen on {host}, port {port}: {reason}.") from error
