"""What a document is found by: texts that stand in an index, and the ranges of them that a filter asks for.

- `path=value` for each scalar, for `In`;
- `"path"n` and sixteen digits that sort as the number does, `"path"t` and how a text begins, for `Compare`;
- `"path"e` where there is a value and none of these; so a path with any value has a text that begins with `"path"`.

MongoDB's own paths walk into arrays and take numbers for positions, its `null` equals a missing field, its comparisons
depend on types, and names with dots or a dollar sign are out of reach. Texts mean the same on every server.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from search_by_image.filters import BOUND_LENGTH, Order

FORM = 2
"""Changes when the same document gets other terms."""

LONGEST = 128
OVERHEAD = 15
"""Bytes that BSON needs for a text beside the text itself, at most."""

SIGN = 1 << 63
ALL_BITS = (1 << 64) - 1


def terms_of(document: Mapping[str, Any]) -> list[str]:
    """Each once, in the document's order."""
    return list(dict.fromkeys(term for path, value in _values(document) for term in _terms(path, value)))


def size_of(document: str, terms: Iterable[str]) -> int:
    """In bytes, as MongoDB keeps them."""
    return sum(len(text.encode()) + OVERHEAD for text in (document, *terms))


def term(path: str, value: Any) -> str:
    """Ambiguous for no two pairs: a path has no quotation mark, and the digest of a long text has no equals sign."""
    return _short(f"{path}={_canonical(value)}")


def range_of(path: str, order: Order, bound: str | float) -> dict[str, str]:
    """The terms, as MongoDB's operators, of values of the bound's type on that side of it."""
    ordered = _ordered(path, bound)
    of_type, type_after = _ordered_as(path, bound), _head(path) + ("u" if isinstance(bound, str) else "o")
    if order in (Order.GT, Order.GTE):
        return {order.value: ordered, "$lt": type_after}
    return {"$gte": of_type, order.value: ordered}


def range_of_all(path: str) -> dict[str, str]:
    """The terms that a path with a value has one of; `#` follows the quotation mark."""
    head = _head(path)
    return {"$gte": head, "$lt": head[:-1] + "#"}


def _values(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if _can_be_asked_for(key):
            yield prefix + key, inner
            if isinstance(inner, Mapping):
                yield from _values(inner, f"{prefix}{key}.")


def _terms(path: str, value: Any) -> Iterator[str]:
    elements = value if isinstance(value, list | tuple) else [value]
    scalars = [element for element in elements if not _is_nested(element)]
    with_order = [scalar for scalar in scalars if _has_order(scalar)]
    yield from (term(path, scalar) for scalar in scalars)
    yield from (_ordered(path, scalar) for scalar in with_order)
    if not with_order:
        yield _head(path) + "e"


def _ordered(path: str, value: str | float) -> str:
    payload = value[: BOUND_LENGTH + 1] if isinstance(value, str) else _sortable(float(value))
    return _ordered_as(path, value) + payload


def _ordered_as(path: str, value: str | float) -> str:
    return _head(path) + ("t" if isinstance(value, str) else "n")


def _head(path: str) -> str:
    """What no `term` begins with, as a path has no quotation mark; nor does the head of another path."""
    return f'"{path}"' if len(path.encode()) <= LONGEST else f'""{_digest(path)}"'


def _sortable(number: float) -> str:
    """The bits, those of negative numbers turned round."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number or 0.0))
    return f"{bits ^ ALL_BITS if bits & SIGN else bits ^ SIGN:016x}"


def _short(text: str) -> str:
    return text if len(text.encode()) <= LONGEST else f"#{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _has_order(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _can_be_asked_for(key: str) -> bool:
    return key != "" and not any(character in key for character in '."')


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _canonical(value: Any) -> str:
    """JSON, with one way to write each number."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else json.dumps(value, ensure_ascii=False, allow_nan=False)
