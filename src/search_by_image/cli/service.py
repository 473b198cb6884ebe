"""The service as a command runs it: greeting, warnings, a clean end."""

import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

from fastapi import FastAPI

from search_by_image.allocator import keep_little
from search_by_image.assembly import open_engine, open_fetcher, open_jobs, worker_count
from search_by_image.cli.logs import log_for_service
from search_by_image.cli.output import pictures, say
from search_by_image.engine import SearchEngine
from search_by_image.keys import Keys
from search_by_image.server import (
    answering_meanwhile,
    is_exposed,
    listening,
    open_app,
    run,
    unprotected,
    url_of,
)
from search_by_image.settings import Settings
from search_by_image.telemetry import open_spans

EXPOSED = (
    "Warning: this address can be reached from other machines, and calls need no API key (access/allow_anonymous): "
    "anyone who reaches the port can search, import, list and remove. Is there a proxy before it that asks who calls?"
)
MAKE_KEY = "search-by-image keys create --name me --scope admin"
FOR_THIS_MACHINE = "There is no API key: calls need none, and only this machine can make them."
WITH_KEYS = "Calls need an API key (search-by-image keys list)."


def run_service(settings: Settings) -> None:
    """Returns when it was stopped by Ctrl-C or SIGTERM and everything is saved."""
    log_for_service(settings)
    keep_little(worker_count(settings))
    with listening(settings.flask.host, settings.flask.port) as sock, ExitStack() as opened:
        with answering_meanwhile(sock, settings):
            engine = opened.enter_context(open_engine(settings))
            fetcher = opened.enter_context(open_fetcher(settings))
            spans = opened.enter_context(open_spans(settings))
            check_access(sock, settings, engine)
            jobs = opened.enter_context(open_jobs(settings, engine, fetcher))
        app = open_app(settings, engine, fetcher, jobs=jobs, spans=spans)
        run_until_stopped(app, sock, settings, lambda: _greet(sock, settings, engine))
    say("Stopped; everything is saved.")


def run_until_stopped(app: FastAPI, sock: socket.socket, settings: Settings, greet: Callable[[], None]) -> None:
    with suppress(KeyboardInterrupt):
        run(app, sock, settings, greet)


def check_access(sock: socket.socket, settings: Settings, engine: SearchEngine, *, key_maker: str = MAKE_KEY) -> None:
    """Say who may call; raises `ListenError` where strangers could, and nothing asks them for a key."""
    if Keys(engine.library.ledger).exist():
        say(WITH_KEYS)
    elif not is_exposed(sock):
        say(FOR_THIS_MACHINE)
    elif settings.access.allow_anonymous:
        say(EXPOSED)
    else:
        raise unprotected(sock, key_maker)


def _greet(sock: socket.socket, settings: Settings, engine: SearchEngine) -> None:
    tls = settings.tls.certfile is not None
    say(f"Serving {pictures(engine.library.count())} at {url_of(sock, tls=tls)}/ (Ctrl-C stops it)")
