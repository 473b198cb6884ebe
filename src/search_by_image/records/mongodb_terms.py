"""What a document may be found by: a text `path=value` for each scalar that a `Match` can ask for.

MongoDB's own paths walk into arrays and take numbers for positions, its `null` equals a missing field, and names with
dots or a dollar sign are out of reach. Equal texts mean the same on every server.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 128


def terms_of(document: Mapping[str, Any]) -> list[str]:
    """Each once, in the document's order."""
    return list(dict.fromkeys(term(path, value) for path, value in _scalars(document)))


def term(path: str, value: Any) -> str:
    """Ambiguous for no two pairs: a path has no quotation mark, and the digest of a long text has no equals sign."""
    text = f"{path}={_canonical(value)}"
    encoded = text.encode()
    return text if len(encoded) <= LONGEST else f"#{hashlib.sha256(encoded).hexdigest()}"


def _scalars(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if not _can_be_asked_for(key):
            continue
        if isinstance(inner, Mapping):
            yield from _scalars(inner, f"{prefix}{key}.")
        else:
            elements = inner if isinstance(inner, list | tuple) else [inner]
            yield from ((prefix + key, element) for element in elements if not _is_nested(element))


def _can_be_asked_for(key: str) -> bool:
    return key != "" and not any(character in key for character in '."')


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _canonical(value: Any) -> str:
    """JSON, with one way to write each number."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else json.dumps(value, ensure_ascii=False, allow_nan=False)
