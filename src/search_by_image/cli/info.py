"""`info`: what is configured and what is there."""

from typing import Any

from search_by_image.cli import options
from search_by_image.cli.opening import opened_place
from search_by_image.cli.output import Format, print_json, print_table

EXAMPLES = """\
Example:

search-by-image info --format json
"""


def info(
    *,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Show the stores, the pipelines, and how many pictures there are."""
    with opened_place(server, key, config, config_encoding, debug) as place:
        facts = place.facts()
    if output is Format.JSON:
        print_json(facts)
    else:
        print_table(["", ""], _rows(facts))


def _rows(facts: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("version", facts["version"]),
        _origin(facts),
        *facts["settings"].items(),
        ("pipelines", ", ".join(facts["pipelines"])),
        *((f"collection {name}", count) for name, count in facts["collections"].items()),
        ("images", facts["images"]),
        *((f"model of {place}", name) for place, name in facts["models"].items()),
    ]


def _origin(facts: dict[str, Any]) -> tuple[str, object]:
    if facts["server"]:
        return "server", facts["server"]
    return "settings file", facts["settings_file"] or "none: the defaults"
