"""`list`, `remove`, `clear`: the pictures that are there."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.asking import answered_yes
from search_by_image.cli.conditions import Condition, condition_of
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_place
from search_by_image.cli.output import Format, pictures, print_json, print_table, say
from search_by_image.cli.places.base import Listed, Wanted

LIST_EXAMPLES = """\
Examples:

search-by-image list --collection cats --page 2 --page-size 50

search-by-image list --field kind=dog --format json

search-by-image list --filter '{"price": {"$gte": 10, "$lt": 20}, "tags": "new"}'
"""
REMOVE_EXAMPLES = """\
Examples:

search-by-image remove --field id=cat-01 --field id=cat-02

search-by-image remove --field shop.id:=5 --collection cats --yes

search-by-image remove --filter '{"sold": {"$lt": "2026-01-01"}}'
"""
CLEAR_EXAMPLES = """\
Example:

search-by-image clear --yes
"""
Collection = Annotated[str, typer.Option(metavar="NAME", help="Of this collection only.")]
PageNumber = Annotated[int, typer.Option("--page", metavar="N", min=1, help="Which page.")]
PageSize = Annotated[int, typer.Option(metavar="N", min=0, help="Pictures on a page; 0: all.")]


def list_(
    *,
    field: options.Fields = None,
    filter_: options.Filter = None,
    collection: Collection = "",
    page: PageNumber = 1,
    page_size: PageSize = 20,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """List the documents of the pictures, oldest first."""
    wanted = Wanted(condition_of(fields=field, text=filter_), collection)
    with opened_place(server, key, config, config_encoding, debug) as place:
        total = place.count(wanted)
        found = place.page(wanted, number=page, size=page_size)
    if output is Format.JSON:
        print_json({"total": total, "page": page, "page_size": page_size, "images": _documents(found)})
    else:
        _print_stored(found)
        say(f"{len(found)} of {pictures(total)}")


def remove(
    *,
    field: options.Fields = None,
    filter_: options.Filter = None,
    collection: Collection = "",
    yes: options.Yes = False,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Remove the pictures whose document matches; asks first."""
    wanted = Wanted(_narrow(condition_of(fields=field, text=filter_)), collection)
    with opened_place(server, key, config, config_encoding, debug) as place:
        count = place.count(wanted)
        if count and not yes:
            _confirm(f"Remove {pictures(count)}{place.where}?")
        removed = place.remove(wanted) if count else []
    if output is Format.JSON:
        print_json({"removed": len(removed), "images": _documents(removed)})
    else:
        _print_stored(removed)
        say(f"{pictures(len(removed))} removed")


def clear(
    *,
    yes: options.Yes = False,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Remove all pictures of all collections; asks first."""
    with opened_place(server, key, config, config_encoding, debug) as place:
        count = place.count(Wanted())
        if not yes:
            _confirm(f"Remove {pictures(count)}, all that there are in all collections{place.where}?")
        place.clear()
    if output is Format.JSON:
        print_json({"removed": count})
    else:
        say(f"{pictures(count)} removed")


def _narrow(where: Condition | None) -> Condition:
    """What says nothing would remove everything."""
    from search_by_image.filters import And, parse_filter

    if where is None or parse_filter(where, max_conditions=sys.maxsize) == And(()):
        raise typer.BadParameter("Say what to remove with --field or --filter. All: search-by-image clear.")
    return where


def _confirm(question: str) -> None:
    if not answered_yes(question):
        say("Nothing was removed.")
        raise typer.Exit(ExitCode.FAILED)


def _documents(found: Sequence[Listed]) -> list[dict[str, object]]:
    return [{"ids": one.ids, "collection": one.collection, "document": dict(one.document)} for one in found]


def _print_stored(found: Sequence[Listed]) -> None:
    if found:
        print_table(["ids", "collection", "document"], [[one.ids, one.collection, one.document] for one in found])
