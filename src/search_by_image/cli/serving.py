"""`serve`: the service with its page, until it is stopped."""

from pathlib import Path
from typing import Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.opening import read_settings

EXAMPLES = """\
Examples:

search-by-image serve

search-by-image serve --config conf/server.xml --host 0.0.0.0 --port 8080

As search_by_image 2020 was started: search-by-image serve config=conf/server.xml port=8080
"""
TRUE = ("true", "1", "yes", "on")
OldWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="config=, encoding=, port=, debug=: the words of the 2020 version."),
]


def serve(
    *,
    words: OldWords = None,
    config: options.ConfigFile = None,
    host: options.Host = None,
    port: options.Port = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Start the service: the page and the REST calls.

    One process; Ctrl-C or SIGTERM stops it and saves everything.
    """
    old = _old_words(words or [])
    if config is None and "config" in old:
        config = Path(old["config"])
    encoding = options.check_encoding(old["encoding"]) if "encoding" in old else config_encoding
    given = {"flask/host": host, "flask/port": old.get("port") if port is None else port}
    settings = read_settings(config, encoding, debug or old.get("debug", "").lower() in TRUE, given)

    from search_by_image.cli.service import run_service

    run_service(settings)


def _old_words(words: list[str]) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in words)
    for key in pairs.keys() - {"config", "encoding", "port", "debug"}:
        raise typer.BadParameter(f"{key!r} is unknown. Known: config=FILE, encoding=NAME, port=N, debug=true.")
    return pairs
