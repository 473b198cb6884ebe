"""Conditions on documents: MongoDB's operators, parsed once into a typed tree that every store translates.

`{"kind": "cat"}`, `{"price": {"$gte": 10, "$lt": 20}}`, `{"$or": [{"tags": "new"}, {"shop.id": {"$in": [1, 2]}}]}`.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from search_by_image.documents import SCALARS, check_field, check_values, value_at
from search_by_image.errors import InvalidInputError

Scalar = str | int | float | bool | None
DEPTH_LIMIT = 16
BOUND_LENGTH = 200
SHOWN = 60


class Order(StrEnum):
    GT = "$gt"
    GTE = "$gte"
    LT = "$lt"
    LTE = "$lte"

    def holds(self, value: Any, bound: Any) -> bool:
        return bool(_COMPARED[self](value, bound))

    @property
    def sign(self) -> str:
        return _SIGNS[self]


_COMPARED = {Order.GT: operator.gt, Order.GTE: operator.ge, Order.LT: operator.lt, Order.LTE: operator.le}
_SIGNS = {Order.GT: ">", Order.GTE: ">=", Order.LT: "<", Order.LTE: "<="}


@dataclass(frozen=True, slots=True)
class In:
    """The document has, at the dotted `path`, one of `values` or an array with one of them; of no values: never.

    A step of the path is the key of an object, also when it is a number; no step goes into an array. A value equals
    only a value of its own JSON type; `True` is not `1`, but `1` is `1.0`.
    """

    path: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """The value at the path, or an element of the array there, is of the bound's type and on that side of it.

    Numbers are compared as 64-bit floats, texts by their code points; nothing else has an order. A text has at most
    `BOUND_LENGTH` characters: no store need keep more of a document's texts in their order.
    """

    path: str
    order: Order
    bound: str | int | float


@dataclass(frozen=True, slots=True)
class Exists:
    """The document has something at the path, `null` included."""

    path: str


@dataclass(frozen=True, slots=True)
class And:
    """Of no parts: always."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Of no parts: never."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter = In | Compare | Exists | And | Or | Not


def parse_filter(raw: Any, *, max_conditions: int = 1000) -> Filter:
    """The tree of a filter in JSON. `max_conditions`: operators and listed values together.

    Raises `InvalidInputError` for anything that is not such a filter; it names the part, and what is allowed there.
    """
    parsed = _document(raw, DEPTH_LIMIT)
    count = sum(len(part.values) if isinstance(part, In) else 1 for part in walk(parsed))
    if count > max_conditions:
        raise InvalidInputError(
            f"The filter has {count} conditions and values; {max_conditions} are allowed (limits/filter_conditions)."
        )
    return parsed


def check_filter(condition: Filter) -> None:
    """Raises `InvalidInputError` for a tree that holds what `parse_filter` would not have let in."""
    for part in walk(condition):
        if isinstance(part, In | Compare | Exists):
            check_field(part.path)
        if isinstance(part, In):
            check_values(part.values)
        elif isinstance(part, Compare):
            _check_bound(part.path, part.order, part.bound)


def walk(condition: Filter) -> Iterator[Filter]:
    """The condition and all inside it."""
    yield condition
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from walk(part)
    elif isinstance(condition, Not):
        yield from walk(condition.part)


def names_values(condition: Filter, path: str) -> bool:
    """Whether whatever matches has one of certain values at the path."""
    if isinstance(condition, And):
        return any(names_values(part, path) for part in condition.parts)
    return isinstance(condition, In) and condition.path == path


def matches(condition: Filter, document: Mapping[str, Any]) -> bool:
    """What every store must agree with."""
    match condition:
        case And(parts):
            return all(matches(part, document) for part in parts)
        case Or(parts):
            return any(matches(part, document) for part in parts)
        case Not(part):
            return not matches(part, document)
        case Exists(path):
            return value_at(document, path, _MISSING) is not _MISSING
        case In(path, values):
            return any(_equal(element, value) for element in _elements(path, document) for value in values)
        case Compare(path, order, bound):
            return any(_in_order(element, order, bound) for element in _elements(path, document))


def _document(raw: Any, depth: int) -> Filter:
    if not isinstance(raw, Mapping):
        raise InvalidInputError(f'A filter is a JSON object such as {{"kind": "cat"}}, not {_short(raw)}.')
    if depth == 0:
        raise InvalidInputError(f"The filter is nested more than {DEPTH_LIMIT} deep. Make it flatter.")
    return _all(_part(str(key), value, depth) for key, value in raw.items())


def _part(key: str, value: Any, depth: int) -> Filter:
    match key:
        case "$and":
            return And(_list(key, value, depth))
        case "$or":
            return Or(_list(key, value, depth))
        case "$not":
            return Not(_document(value, depth - 1))
    if key.startswith("$"):
        raise InvalidInputError(
            f"{key!r} is no operator between conditions. Allowed here: $and, $or, $not, or a field's name."
        )
    return _field(check_field(key), value, depth)


def _list(key: str, value: Any, depth: int) -> tuple[Filter, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InvalidInputError(f"{key} takes a list of one or more conditions, not {_short(value)}.")
    return tuple(_document(part, depth - 1) for part in value)


def _field(path: str, value: Any, depth: int) -> Filter:
    if isinstance(value, Mapping):
        if not value:
            raise InvalidInputError(f"The field {path!r} has no condition. Allowed: a value, or {_OPERATOR_NAMES}.")
        return _all(_operator(path, str(name), operand, depth) for name, operand in value.items())
    return In(path, (_scalar(path, value),))


def _operator(path: str, name: str, operand: Any, depth: int) -> Filter:
    if name == "$not":
        if depth == 0 or not isinstance(operand, Mapping):
            raise InvalidInputError(f'$not of {path!r} takes operators such as {{"$gt": 5}}, not {_short(operand)}.')
        return Not(_field(path, operand, depth - 1))
    if name not in _OPERATORS:
        raise InvalidInputError(f"{name!r} is no operator for the field {path!r}. Allowed: {_OPERATOR_NAMES}.")
    return _OPERATORS[name](path, operand)


def _equal_to(path: str, operand: Any) -> Filter:
    return In(path, (_scalar(path, operand),))


def _one_of(path: str, operand: Any) -> Filter:
    if not isinstance(operand, Sequence) or isinstance(operand, str):
        raise InvalidInputError(f"$in and $nin of {path!r} take a list of values, not {_short(operand)}.")
    return In(path, tuple(_scalar(path, value) for value in operand))


def _exists(path: str, operand: Any) -> Filter:
    if not isinstance(operand, bool):
        raise InvalidInputError(f"$exists of {path!r} takes true or false, not {_short(operand)}.")
    return Exists(path) if operand else Not(Exists(path))


def _ordered(order: Order) -> Callable[[str, Any], Filter]:
    def compared(path: str, operand: Any) -> Filter:
        _check_bound(path, order, operand)
        return Compare(path, order, operand)

    return compared


_OPERATORS: Mapping[str, Callable[[str, Any], Filter]] = {
    "$eq": _equal_to,
    "$ne": lambda path, operand: Not(_equal_to(path, operand)),
    "$in": _one_of,
    "$nin": lambda path, operand: Not(_one_of(path, operand)),
    "$exists": _exists,
    **{order.value: _ordered(order) for order in Order},
}
_OPERATOR_NAMES = ", ".join([*_OPERATORS, "$not"])


def _scalar(path: str, value: Any) -> Scalar:
    if not isinstance(value, SCALARS):
        raise InvalidInputError(
            f"The field {path!r} is compared with {_short(value)}; allowed: text, number, true, false, null."
        )
    check_values([value])
    return value


def _check_bound(path: str, order: Order, bound: Any) -> None:
    value = _scalar(path, bound)
    if value is None or isinstance(value, bool):
        raise InvalidInputError(f"{order} of {path!r} takes a number or a text, not {_short(bound)}.")
    if isinstance(value, str) and len(value) > BOUND_LENGTH:
        raise InvalidInputError(f"{order} of {path!r} takes a text of {BOUND_LENGTH} characters, not {len(value)}.")


def _all(parts: Iterator[Filter]) -> Filter:
    together = tuple(parts)
    return together[0] if len(together) == 1 else And(together)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


_MISSING = object()


def _elements(path: str, document: Mapping[str, Any]) -> list[Any]:
    found = value_at(document, path, _MISSING)
    elements = found if isinstance(found, list) else [found]
    return [element for element in elements if isinstance(element, SCALARS)]


def _equal(one: Scalar, other: Scalar) -> bool:
    return _kind(one) is _kind(other) and one == other


def _in_order(value: Scalar, order: Order, bound: str | float) -> bool:
    if isinstance(value, str) and isinstance(bound, str):
        return order.holds(value, bound)
    if _kind(value) is float and not isinstance(bound, str):
        return order.holds(float(value or 0), float(bound))
    return False


def _kind(value: Scalar) -> type:
    """The JSON type; there is one of numbers."""
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
