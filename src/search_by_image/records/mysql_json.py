"""The JSON column of MySQL and MariaDB, kept so that MariaDB 10.11 can look into every document.

- It refuses JSON that is nested more than 31 deep, and documents may be 64 deep: what lies deeper than `DEPTH_LIMIT` is
  kept as JSON text in a string. A NUL character begins it, which no document's own text contains.
- Its paths cannot name a key that begins with `-`: such a key, and one that begins with `~`, is kept with a `~` more.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

from search_by_image.records.json_text import to_json

DEPTH_LIMIT = 30
FOLDED = "\0"
MARK = "~"
SIGNS_OF_CHANGE = (r"\u0000", f'"{MARK}')


def kept_key(key: str) -> str:
    return MARK + key if key.startswith(("-", MARK)) else key


class FoldedJson(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "JSON"

    def bind_processor(self, _dialect: Dialect) -> Callable[[Any], str]:
        return lambda document: to_json(_fold(document, DEPTH_LIMIT))

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Callable[[str], Any]:
        return _read


def _read(text: str) -> Any:
    document = json.loads(text)
    return _unfold(document) if any(sign in text for sign in SIGNS_OF_CHANGE) else document


def _fold(value: Any, depth: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return FOLDED + to_json(value)
    if isinstance(value, dict):
        return {kept_key(key): _fold(inner, depth - 1) for key, inner in value.items()}
    return [_fold(inner, depth - 1) for inner in value]


def _unfold(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FOLDED):
        return json.loads(value.removeprefix(FOLDED))
    if isinstance(value, dict):
        return {key.removeprefix(MARK): _unfold(inner) for key, inner in value.items()}
    return [_unfold(inner) for inner in value] if isinstance(value, list) else value
