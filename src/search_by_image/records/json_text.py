"""Documents as JSON text. A number has one way of being written, so equal values are found by comparing texts."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

INTEGER_LIMIT = 2**63


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def texts_equal_to(values: Iterable[Any]) -> list[str]:
    """Every text that `to_json` writes for a value equal to one of these: `1` for `1` and `1.0` alike."""
    return sorted({text for value in values for text in _texts(value)})


def _texts(value: Any) -> Iterator[str]:
    yield to_json(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if float(value) == value:
        yield to_json(float(value))
    if value == int(value) and -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        yield to_json(int(value))
    if value == 0:
        yield "-0.0"
