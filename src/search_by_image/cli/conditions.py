"""`--field` and `--filter`: the one condition that they are together."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from search_by_image.cli.fields import parse_fields

if TYPE_CHECKING:
    from search_by_image.filters import Filter
    from search_by_image.settings import Settings

EXAMPLE = """Write JSON such as '{"kind": "cat", "price": {"$lt": 20}}'."""


def condition_of(settings: "Settings", *, fields: Sequence[str] | None = None, text: str | None) -> "Filter | None":
    """None where neither was given. Raises `typer.BadParameter`, `InvalidInputError`."""
    from search_by_image.filters import And, In, parse_filter

    name, values = parse_fields(fields or [])
    parts: list[Filter] = [] if name is None else [In(name, values)]
    if text is not None:
        parts.append(parse_filter(_parsed(text), max_conditions=settings.limits.filter_conditions))
    return And(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"--filter {text!r} is not JSON: {error}. {EXAMPLE}") from error
