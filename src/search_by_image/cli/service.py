"""The service as a command runs it: greeting, warnings, a clean end."""

import socket
from collections.abc import Callable
from contextlib import suppress

from fastapi import FastAPI

from search_by_image.assembly import open_engine, open_fetcher
from search_by_image.cli.logs import log_for_service
from search_by_image.cli.output import pictures, say
from search_by_image.engine import SearchEngine
from search_by_image.server import is_exposed, listening, open_app, run, url_of
from search_by_image.settings import Settings

EXPOSED = (
    "Warning: this address can be reached from other machines, and there are no keys or passwords: anyone who reaches "
    "the port can search, import, list and remove. Put a proxy that asks for a password before it, or use 127.0.0.1."
)


def run_service(settings: Settings) -> None:
    """Returns when it was stopped by Ctrl-C or SIGTERM and everything is saved."""
    log_for_service(settings)
    with (
        listening(settings.flask.host, settings.flask.port) as sock,
        open_engine(settings) as engine,
        open_fetcher(settings) as fetcher,
    ):
        run_until_stopped(open_app(settings, engine, fetcher), sock, settings, lambda: _greet(sock, engine))
    say("Stopped; everything is saved.")


def run_until_stopped(app: FastAPI, sock: socket.socket, settings: Settings, greet: Callable[[], None]) -> None:
    if is_exposed(sock):
        say(EXPOSED)
    with suppress(KeyboardInterrupt):
        run(app, sock, greet, threaded=settings.flask.threaded)


def _greet(sock: socket.socket, engine: SearchEngine) -> None:
    say(f"Serving {pictures(engine.library.count())} at {url_of(sock)}/ (Ctrl-C stops it)")
