"""Turns pydantic's errors into our problems: the path, the value given, what is allowed, the remedy."""

from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from search_by_image.errors import Problem
from search_by_image.settings.keys import KeyPath, Keys
from search_by_image.settings.layers import Entries, came_from
from search_by_image.settings.masking import as_text, shown

LONGEST = 80
BASIC = {bool: "true or false", int: "a whole number", float: "a number", str: "text without a type"}
BOUNDS = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}


def problems_of(error: ValidationError, entries: Entries, keys: Keys) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        path = _path(details, entries, keys)
        yield Problem("/".join(path), _message(details, path, keys) + came_from(entries.get(path)))


def _path(details: ErrorDetails, entries: Entries, keys: Keys) -> KeyPath:
    names = tuple(name for name in details["loc"] if isinstance(name, str))
    beginnings = (names[:length] for length in range(len(names), 0, -1))
    return next((part for part in beginnings if part in entries or part in keys.fields), names)


def _message(details: ErrorDetails, path: KeyPath, keys: Keys) -> str:
    given = _given(path, details["input"])
    if details["type"] == "value_error":
        return f"{given}{details['ctx']['error']}"
    if field := keys.fields.get(path):
        default = shown(path[-1], field.get_default(call_default_factory=True)) or "empty"
        choice = allowed(field.annotation, field.metadata)
        return f"{given}Allowed: {choice}. Leave it out for the default ({default})."
    return f"{given}{details['msg']}."


def _given(path: KeyPath, value: object) -> str:
    if value is None:
        return "Nothing was given. "
    text = shown(path[-1], value)
    return "" if text.startswith("{") else f"{text[:LONGEST]!r} was given. "


def allowed(kind: object, limits: Sequence[object] = ()) -> str:
    """In words, what a field of this annotation and these pydantic constraints takes."""
    arguments = [argument for argument in get_args(kind) if argument not in (NoneType, Ellipsis)]
    if get_origin(kind) is Annotated:
        return allowed(arguments[0], _flat(arguments[1:]))
    if get_origin(kind) is Literal:
        return " or ".join(map(as_text, arguments))
    if get_origin(kind) is tuple:
        return f"a comma-separated list, each {allowed(arguments[0])}"
    if arguments:
        return f"{allowed(arguments[0], limits)}, or empty"
    return ", ".join([BASIC.get(kind, "a path") if isinstance(kind, type) else "text", *_bounds(limits)])


def _flat(metadata: Sequence[object]) -> list[object]:
    return [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _bounds(limits: Sequence[object]) -> Iterator[str]:
    for name, words in BOUNDS.items():
        for limit in limits:
            if (bound := getattr(limit, name, None)) is not None:
                yield words.format(bound)
