"""`--field` and `--filter`: the one condition that they are together."""

import json
from collections.abc import Sequence
from typing import Any

import typer

from search_by_image.cli.fields import parse_fields

Condition = Any
"""JSON, as it was written: whether it is a filter is seen where it is used."""
EXAMPLE = """Write JSON such as '{"kind": "cat", "price": {"$lt": 20}}'."""


def condition_of(*, fields: Sequence[str] | None = None, text: str | None) -> Condition | None:
    """As JSON, in the operators of filters; None where neither was given. Raises `typer.BadParameter`."""
    name, values = parse_fields(fields or [])
    parts = [] if name is None else [{name: {"$in": list(values)}}]
    if text is not None:
        parts.append(_parsed(text))
    return {"$and": parts} if len(parts) > 1 else next(iter(parts), None)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"--filter {text!r} is not JSON: {error}. {EXAMPLE}") from error
