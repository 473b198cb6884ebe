"""What documents have in them: their fields, of which types, with which values. Learned from the documents."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_by_image.documents import check_field
from search_by_image.errors import InvalidInputError

DEEPEST = 8
MOST_FIELDS = 200
MOST_VALUES = 20
LONGEST_VALUE = 200
"""Characters of a text; a longer one, such as a description, is no value that many documents share."""
TYPES = {str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """`path`: dotted, as filters have it; `count`: of the documents that have it; `types`: of its values.

    `values`: the most frequent ones, with how many documents have each; `lowest`, `highest`: of its numbers.
    """

    path: str
    count: int
    types: tuple[str, ...]
    values: tuple[tuple[Any, int], ...]
    lowest: float | None
    highest: float | None


def summarise(documents: Iterable[Mapping[str, Any]]) -> list[FieldSummary]:
    """The fields that hold scalars, or lists of them, the most frequent first."""
    seen: dict[str, _Seen] = {}
    for document in documents:
        for path, scalars in _scalars(document):
            seen.setdefault(path, _Seen()).add(scalars)
    ranked = sorted(seen.items(), key=lambda item: (-item[1].count, item[0]))
    return [found.summary(path) for path, found in ranked[:MOST_FIELDS]]


@dataclass(slots=True)
class _Seen:
    count: int = 0
    types: set[str] = field(default_factory=set)
    values: Counter[str] = field(default_factory=Counter)
    numbers: tuple[float, float] | None = None

    def add(self, scalars: list[Any]) -> None:
        """Of one document."""
        self.count += 1
        self.types.update(TYPES[type(scalar)] for scalar in scalars)
        self.values.update({json.dumps(scalar) for scalar in scalars if _is_short(scalar)})
        numbers = [scalar for scalar in scalars if TYPES[type(scalar)] == "number"]
        if numbers:
            known = self.numbers or (numbers[0], numbers[0])
            self.numbers = min(known[0], *numbers), max(known[1], *numbers)

    def summary(self, path: str) -> FieldSummary:
        ranked = sorted(self.values.items(), key=lambda item: (-item[1], item[0]))[:MOST_VALUES]
        values = tuple((json.loads(text), count) for text, count in ranked)
        lowest, highest = self.numbers or (None, None)
        return FieldSummary(path, self.count, tuple(sorted(self.types)), values, lowest, highest)


def _scalars(document: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Any]]]:
    """Each path that a filter can name, with the scalars there."""
    for key, value in document.items():
        if not _is_step(key) or len(before) >= DEEPEST:
            continue
        if isinstance(value, Mapping):
            yield from _scalars(value, (*before, key))
            continue
        found = value if isinstance(value, list) else [value]
        scalars = [scalar for scalar in found if type(scalar) in TYPES]
        if scalars:
            yield ".".join((*before, key)), scalars


def _is_step(key: str) -> bool:
    if "." in key:
        return False
    try:
        return bool(check_field(key))
    except InvalidInputError:
        return False


def _is_short(scalar: Any) -> bool:
    return not isinstance(scalar, str) or len(scalar) <= LONGEST_VALUE
