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
WORDS = ("config", "encoding", "port", "debug")
DEBUG = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
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
    given = {
        "flask/host": host,
        "flask/port": old.get("port") if port is None else port,
        "debug": _debug(old) if "debug" in old and not debug else None,
    }
    settings = read_settings(config, encoding, debug, given)

    from search_by_image.cli.service import run_service

    run_service(settings)


def _old_words(words: list[str]) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in words)
    for key in pairs.keys() - set(WORDS):
        raise typer.BadParameter(f"{key!r} is unknown. Known: config=FILE, encoding=NAME, port=N, debug=true.")
    return {key: value.strip() for key, value in pairs.items() if value.strip()}


def _debug(old: dict[str, str]) -> bool:
    try:
        return DEBUG[old["debug"].lower()]
    except KeyError as error:
        raise typer.BadParameter(f"debug={old['debug']} is unknown. Write debug=true or debug=false.") from error
