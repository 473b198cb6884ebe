"""What a command works with: the settings and, where it needs them, the stores. Heavy imports wait until here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search_by_image.engine import SearchEngine
    from search_by_image.settings import Settings


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
