"""What a command works with: the settings and, where it needs them, the stores. Heavy imports wait until here."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from search_by_image.cli.places.base import Place
    from search_by_image.client import Client
    from search_by_image.engine import SearchEngine
    from search_by_image.records.base import RecordStore
    from search_by_image.settings import Settings
    from search_by_image.vectors.base import VectorIndex


def read_settings(
    config: Path | None,
    encoding: str,
    debug: bool,
    given: Mapping[str, str | int | None] = {},
) -> "Settings":
    """`given`: what the command line says about keys, by their path ('flask/port'); None: nothing."""
    from search_by_image.settings import load_settings

    said = {path: value for path, value in given.items() if value is not None}
    return load_settings(config, overrides=said | ({"debug": True} if debug else {}), encoding=encoding)


SCHEMES = ("http://", "https://")


@contextmanager
def opened_engine(settings: "Settings", *, maintain: bool = False) -> Iterator["SearchEngine"]:
    from search_by_image.assembly import open_engine
    from search_by_image.cli.logs import log_for_command

    log_for_command(settings)
    with open_engine(settings, maintain=maintain) as engine:
        yield engine


@contextmanager
def opened_place(
    server: str | None, key: str | None, config: Path | None, encoding: str, debug: bool
) -> Iterator["Place"]:
    """What the command works on: the service at `server`, else the library of the settings."""
    if not server:
        from search_by_image.cli.places.library import LibraryPlace

        with ExitStack() as opened:
            yield LibraryPlace(read_settings(config, encoding, debug), opened)
        return
    if config is not None:
        raise typer.BadParameter("A server was given, too; it has settings of its own. Leave out --config or --server.")
    from search_by_image.cli.places.server import ServerPlace

    with opened_client(server, key, debug) as client:
        yield ServerPlace(client, server)


@contextmanager
def opened_client(server: str, key: str | None, debug: bool) -> Iterator["Client"]:
    from search_by_image.client import Client

    if debug:
        logging.basicConfig(level=logging.INFO)
    with Client(server, key or None) as client:
        yield client


@contextmanager
def opened_stores(settings: "Settings") -> Iterator[tuple["RecordStore", "VectorIndex"]]:
    """The stores alone: no models, no pipelines."""
    from search_by_image.cli.logs import log_for_command
    from search_by_image.stores import open_index, open_records

    log_for_command(settings)
    with ExitStack() as opened:
        index = open_index(settings)
        opened.callback(index.close)
        records = open_records(settings)
        opened.callback(records.close)
        yield records, index


@contextmanager
def opened_records(settings: "Settings") -> Iterator["RecordStore"]:
    """The record store alone, beside a service that may have the index open. Raises `StoreError` for a new library."""
    from search_by_image.cli.logs import log_for_command
    from search_by_image.stores import open_records

    check_there(settings)
    log_for_command(settings)
    with ExitStack() as opened:
        records = open_records(settings)
        opened.callback(records.close)
        yield records


def check_there(settings: "Settings") -> None:
    """A new library would be created where there is none, and nothing found in it."""
    from search_by_image.errors import StoreError
    from search_by_image.transfer import sqlite_file

    file = sqlite_file(settings)
    if file is not None and not file.is_file():
        raise StoreError(f"There is no library: {file} does not exist. Correct records/url, or give other settings.")


def bytes_of(picture: str, settings: "Settings") -> bytes:
    """Of a file, or from an http(s) URL."""
    from search_by_image.assembly import image_limits, open_fetcher
    from search_by_image.images import read_limited

    if picture.lower().startswith(SCHEMES):
        with open_fetcher(settings) as fetcher:
            return fetcher.fetch(picture)
    return read_limited(Path(picture), image_limits(settings))


def pipeline_of(settings: "Settings", asked: str) -> str:
    """The pipeline asked for, else the first one configured."""
    return asked or next(iter(settings.pipeline.pipeline_config), "")
