"""`info`: what is configured and what is there."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from search_by_image.cli import options
from search_by_image.cli.opening import opened_engine, read_settings
from search_by_image.cli.output import Format, print_json, print_table

if TYPE_CHECKING:
    from search_by_image.library import Library
    from search_by_image.settings import Settings

EXAMPLES = """\
Example:

search-by-image info --format json
"""
SHOWN = ("records/url", "vectors/path", "models/cache_path")


def info(
    *,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Show the stores, the pipelines, and how many pictures there are."""
    settings = read_settings(config, config_encoding, debug)
    with opened_engine(settings) as engine:
        facts = _facts(settings, engine.library)
    if output is Format.JSON:
        print_json(facts)
    else:
        print_table(["", ""], _rows(facts))


def _facts(settings: "Settings", library: "Library") -> dict[str, Any]:
    from search_by_image.records.base import Match
    from search_by_image.settings import settings_rows

    values = {row.path: row.value for row in settings_rows(settings)}
    return {
        "version": version("search-by-image"),
        "settings_file": str(settings.source) if settings.source else None,
        "settings": {path: values[path] for path in SHOWN},
        "pipelines": list(library.pipelines),
        "default_collection": library.options.default_collection,
        "collections": {name: library.count(Match(collection=name)) for name in library.collections()},
        "images": library.count(),
    }


def _rows(facts: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("version", facts["version"]),
        ("settings file", facts["settings_file"] or "none: the defaults"),
        *facts["settings"].items(),
        ("pipelines", ", ".join(facts["pipelines"])),
        *((f"collection {name}", count) for name, count in facts["collections"].items()),
        ("images", facts["images"]),
    ]
