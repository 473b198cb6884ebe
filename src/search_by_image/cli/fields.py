"""`--field name=value` as the condition that it stands for."""

import json
from collections.abc import Sequence

import typer

from search_by_image.documents import INTEGER_LIMIT, SCALARS

Scalar = str | int | float | bool | None
EXAMPLE = "Write name=value, such as id=cat-01, or name:=json, such as id:=5 or id:=[5,6]."


def parse_fields(texts: Sequence[str]) -> tuple[str | None, tuple[Scalar, ...]]:
    """The one field that is asked for and any of its values; without texts, (None, ()).

    `name=value`: the text, and the number that it spells; `name:=json`: exactly this scalar, or any of a list.
    Raises `typer.BadParameter`.
    """
    pairs = [_parse(text) for text in texts]
    names = list(dict.fromkeys(name for name, _ in pairs))
    if len(names) > 1:
        raise typer.BadParameter(f"--field was given for {' and '.join(names)}; all must be of one field.")
    return (names[0] if names else None), tuple(value for _, values in pairs for value in values)


def _parse(text: str) -> tuple[str, tuple[Scalar, ...]]:
    name, equals, value = text.partition("=")
    exact = name.endswith(":")
    name = name.removesuffix(":").strip()
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} names no field and value. {EXAMPLE}")
    return name, _exact(text, value) if exact else _text_and_number(value)


def _text_and_number(text: str) -> tuple[Scalar, ...]:
    try:
        number = json.loads(text)
    except (ValueError, RecursionError):
        return (text,)
    return (text, number) if _is_number(number) else (text,)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < INTEGER_LIMIT


def _exact(text: str, value: str) -> tuple[Scalar, ...]:
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{text!r}: what follows := is not JSON. {EXAMPLE}") from error
    values = tuple(parsed) if isinstance(parsed, list) else (parsed,)
    if not values or not all(isinstance(one, SCALARS) for one in values):
        raise typer.BadParameter(f"{text!r}: a field is compared with text, numbers, true, false and null. {EXAMPLE}")
    return values
