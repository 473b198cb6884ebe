"""`serve`: the service with its page, until it is stopped."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import say

if TYPE_CHECKING:
    from fastapi import FastAPI

    from search_by_image.engine import SearchEngine
    from search_by_image.settings import Settings

EXAMPLES = """\
Examples:

search-by-image serve

search-by-image serve --config conf/server.xml --host 0.0.0.0 --port 8080

As search_by_image 2020 was started: search-by-image serve config=conf/server.xml port=8080
"""
EXPOSED = (
    "Warning: this address can be reached from other machines, and there are no keys or passwords: anyone who reaches "
    "the port can search, import, list and remove. Put a proxy that asks for a password before it, or use 127.0.0.1."
)
ONE_PROCESS = "flask/processes is {}: the embedded stores belong to one process, so one is started."
TRUE = ("true", "1", "yes", "on")
OldWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="config=, encoding=, port=, debug=: the words of the 2020 version."),
]


def serve(
    words: OldWords = None,
    config: options.ConfigFile = None,
    host: options.Host = None,
    port: options.Port = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Start the service: the page, the REST calls, one process. Ctrl-C stops it and saves."""
    old = old_words(words or [])
    if config is None and "config" in old:
        config = Path(old["config"])
    encoding = options.check_encoding(old["encoding"]) if "encoding" in old else config_encoding
    given = {"flask/host": host, "flask/port": old.get("port") if port is None else port}
    settings = read_settings(config, encoding, debug or old.get("debug", "").lower() in TRUE, given)
    _serve(settings)


def old_words(words: list[str]) -> dict[str, str]:
    """Raises `typer.BadParameter` for a word that the 2020 version did not know."""
    pairs = dict(word.partition("=")[::2] for word in words)
    for key in pairs.keys() - {"config", "encoding", "port", "debug"}:
        raise typer.BadParameter(f"{key!r} is unknown. Known: config=FILE, encoding=NAME, port=N, debug=true.")
    return pairs


def _serve(settings: "Settings") -> None:
    from search_by_image.assembly import open_engine
    from search_by_image.cli.logs import log_for_service
    from search_by_image.server import listening, open_app, open_fetcher

    log_for_service(settings)
    with (
        listening(settings.flask.host, settings.flask.port) as sock,
        open_engine(settings) as engine,
        open_fetcher(settings) as fetcher,
    ):
        run_until_stopped(open_app(settings, engine, fetcher), sock, settings, lambda: _greet(sock, engine))
    say("Stopped; everything is saved.")


def run_until_stopped(app: "FastAPI", sock: socket.socket, settings: "Settings", greet: Callable[[], None]) -> None:
    from search_by_image.server import is_exposed, run

    if is_exposed(sock):
        say(EXPOSED)
    if settings.flask.processes > 1:
        say(ONE_PROCESS.format(settings.flask.processes))
    with suppress(KeyboardInterrupt):
        run(app, sock, settings, greet)


def _greet(sock: socket.socket, engine: "SearchEngine") -> None:
    from search_by_image.server import url_of

    say(f"Serving {engine.library.count()} pictures at {url_of(sock)}/ (Ctrl-C stops it)")
