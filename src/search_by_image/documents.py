"""Documents: the JSON objects that callers keep with their pictures, and how one asks for a field in them."""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from search_by_image.errors import InvalidInputError

INTEGER_LIMIT = 2**63
DEPTH_LIMIT = 64
KEY_LENGTH = 255
SCALARS = (str, int, float, bool, type(None))


def check_document(document: Any, max_bytes: int) -> dict[str, Any]:
    """A copy that is certainly JSON, and such that every record store gives it back as it is.

    Raises `InvalidInputError` for anything else: more than `max_bytes`, integers beyond 64 bits, text with a NUL
    character, objects and arrays nested more than 64 deep.
    """
    if not isinstance(document, Mapping):
        raise InvalidInputError(f"image_doc must be a JSON object, not {type(document).__name__}.")
    try:
        text = json.dumps(dict(document), allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
        if size > max_bytes:
            raise InvalidInputError(f"image_doc has {size} bytes; {max_bytes} are allowed (limits/document_bytes).")
        copied: dict[str, Any] = json.loads(text, parse_int=_integer)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"image_doc is not JSON: {error}.") from error
    _check_parts(copied)
    return copied


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A changed copy, by JSON Merge Patch (RFC 7396): `null` removes a key, an object changes an object."""
    merged = {key: value for key, value in document.items() if key not in patch or patch[key] is not None}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            inner = document.get(key)
            merged[key] = merge_patch(inner if isinstance(inner, Mapping) else {}, value)
        elif value is not None:
            merged[key] = value
    return merged


def check_key(key: str) -> str:
    """The caller's own name for a picture: 1 to 255 characters, none a control character, neither `.` nor `..`."""
    if not 1 <= len(key) <= KEY_LENGTH or key in (".", "..") or any(map(_is_control, key)):
        raise InvalidInputError(
            f"The id {key[:64]!r} cannot be used. Allowed: 1 to {KEY_LENGTH} characters, no control characters among "
            "them, but not '.' or '..'."
        )
    return key


def value_at(document: Mapping[str, Any], path: str, missing: Any = None) -> Any:
    """What the document has at the dotted path, each step of which is the key of an object."""
    found: Any = document
    for step in path.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return missing
        found = found[step]
    return found


def pick(document: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """What the document has at these paths, in the same shape."""
    picked: dict[str, Any] = {}
    for path in paths:
        found = value_at(document, path, picked)
        if found is not picked:
            *outer, last = path.split(".")
            place = picked
            for step in outer:
                place = place.setdefault(step, {})
            place[last] = found
    return picked


def check_field(field: str) -> str:
    """A dotted path into documents, such as `shop.id`."""
    if not all(_is_step(step) for step in field.split(".")):
        raise InvalidInputError(f"field_name {field!r} is not a field's name: use a path such as 'id' or 'shop.id'.")
    return field


def check_values(values: Sequence[Any]) -> None:
    """Raises `InvalidInputError` for a value that no document can hold as a scalar."""
    for value in values:
        if not isinstance(value, SCALARS) or not _comparable(value):
            raise InvalidInputError(
                f"field_values must be text, numbers (integers of 64 bits), true, false or null, not {value!r}."
            )


def _integer(text: str) -> int:
    number = int(text)
    if not -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        raise InvalidInputError(f"image_doc has the integer {text}; integers have 64 bits. Write it as text.")
    return number


def _check_parts(document: dict[str, Any]) -> None:
    nested: list[dict[str, Any] | list[Any]] = [document]
    depth = 0
    while nested and depth < DEPTH_LIMIT:
        depth += 1
        parts = [part for outer in nested for part in _parts(outer)]
        if any(isinstance(part, str) and "\0" in part for part in parts):
            raise InvalidInputError(r"image_doc has text with a NUL character (\u0000). Remove it.")
        nested = [part for part in parts if isinstance(part, dict | list)]
    if nested:
        raise InvalidInputError(f"image_doc is nested more than {DEPTH_LIMIT} deep. Make it flatter.")


def _parts(outer: dict[str, Any] | list[Any]) -> list[Any]:
    return [*outer.keys(), *outer.values()] if isinstance(outer, dict) else outer


def _is_step(text: str) -> bool:
    """JSON paths compare with the key as JSON writes it, so it must be written as it is."""
    return bool(text) and _is_plain(text) and json.dumps(text, ensure_ascii=False) == f'"{text}"'


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _is_plain(text: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def _comparable(value: Any) -> bool:
    if isinstance(value, str):
        return _is_plain(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or -INTEGER_LIMIT <= value < INTEGER_LIMIT
