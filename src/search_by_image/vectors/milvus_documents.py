"""What of a document goes to Milvus, written so that filters ask for it in Milvus's simplest words alone.

A JSON field holds three lists: `has`, terms such as `kind:cat` (a text), `price=10` (a number, true, false or null) and
`price~number` (what kinds of values there are at a path); `numbers` and `texts`, the least and the greatest at each
path. What is missing, of another type, nested or in an array is then no special case, in no version of Milvus.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

LARGEST: Final = 60_000
"""Bytes of JSON. Milvus takes 65,536."""
LONGEST: Final = 100
"""Bytes of a path or text that is kept as it is."""

Scalar = str | int | float | bool | None

_INTEGERS: Final = 2.0**63
_TEXT = re.compile(r'[^\x00-\x1f\x7f"\\\ud800-\udfff]*')
_PATH = re.compile(r"""[^\x00-\x1f\x7f"'\\\ud800-\udfff:=#~/\[\]]+""")


class Kind(StrEnum):
    """What there is at a path. `UNORDERED`: a text that is not kept as it is, so that its order is not known."""

    NUMBER = "number"
    TEXT = "text"
    UNORDERED = "unordered"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Filterable:
    """`content`: the value of the JSON field, `size` its bytes.

    `partial`: nothing is known of the document, so that it may match any filter.
    """

    content: Mapping[str, Any]
    size: int
    partial: bool = False


UNKNOWN: Final = Filterable({"has": []}, 0, partial=True)


def filterable(document: Mapping[str, Any]) -> Filterable:
    """Everything in the document that a filter can ask for, or nothing where that is more than Milvus takes."""
    terms: set[str] = set()
    numbers: dict[str, list[float]] = {}
    texts: dict[str, list[str]] = {}
    for path, value in _paths("", document):
        name = path_name(path)
        terms |= {kind_term(path, kind) for kind in _kinds(value)}
        scalars = [element for element in (value if isinstance(value, list) else [value]) if _is_scalar(element)]
        terms |= {value_term(path, scalar) for scalar in scalars}
        _note(numbers, name, [float(number) for number in scalars if is_number(number)])
        _note(texts, name, [text for text in scalars if isinstance(text, str) and is_plain(text)])
    content = {"has": sorted(terms), "numbers": numbers, "texts": texts}
    size = len(json.dumps(content, ensure_ascii=False).encode())
    return Filterable(content, size) if size <= LARGEST else UNKNOWN


def path_name(path: str) -> str:
    """The path, or a digest that no path is, so that nothing in it can be taken for anything else."""
    return path if _fits(path, _PATH) else f"#{_digest(path)}"


def kind_term(path: str, kind: Kind) -> str:
    return f"{path_name(path)}~{kind}"


def value_term(path: str, value: Scalar) -> str:
    """The same for equal values (`1` and `1.0`), different for all others."""
    name = path_name(path)
    if not isinstance(value, str):
        return f"{name}={_literal(value)}"
    return f"{name}:{value}" if is_plain(value) else f"{name}#{_digest(value)}"


def is_plain(text: str) -> bool:
    """Whether the text is kept as it is: short, and without what has to be escaped in an expression."""
    return _fits(text, _TEXT)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _paths(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every path in dots, each with its value; a key with a dot in it has no path."""
    for key, inner in value.items():
        if key and "." not in key:
            path = f"{prefix}{key}"
            yield path, inner
            if isinstance(inner, Mapping):
                yield from _paths(f"{path}.", inner)


def _kinds(value: Any) -> set[Kind]:
    """At least one, for a path that exists."""
    if isinstance(value, list):
        return {kind for element in value for kind in _kinds_of_one(element)} or {Kind.OTHER}
    return _kinds_of_one(value)


def _kinds_of_one(value: Any) -> set[Kind]:
    if isinstance(value, str):
        return {Kind.TEXT if is_plain(value) else Kind.UNORDERED}
    return {Kind.NUMBER if is_number(value) else Kind.OTHER}


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _note(bounds: dict[str, Any], name: str, values: list[Any]) -> None:
    if values:
        bounds[name] = [min(values), max(values)]


def _literal(value: float | bool | None) -> str:
    if isinstance(value, float) and value.is_integer() and -_INTEGERS <= value < _INTEGERS:
        return str(int(value))
    return json.dumps(value)


def _fits(text: str, allowed: re.Pattern[str]) -> bool:
    return allowed.fullmatch(text) is not None and len(text.encode()) <= LONGEST


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
