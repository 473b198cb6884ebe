"""A filter as Milvus's expression over what `filterable` keeps: true of every row that may match.

`Not` is moved inwards to the single conditions, each of which is written down for both cases. An expression is as deep
as its tree of `and` and `or`, and Milvus takes only so many levels, so these trees are balanced.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from search_by_image.filters import And, Compare, Exists, Filter, In, Not, Or, Order
from search_by_image.vectors.milvus_documents import Kind, is_plain, kind_term, path_name, value_term

LONGEST_EXPRESSION: Final = 65_536
"""Characters; a longer one narrows nothing."""

_OPPOSITE: Final = {Order.GT: "<=", Order.GTE: "<", Order.LT: ">=", Order.LTE: ">"}
_SYMBOL: Final = {Order.GT: ">", Order.GTE: ">=", Order.LT: "<", Order.LTE: "<="}
_LEAST, _GREATEST = 0, 1

_Word = Literal["and", "or"]
_Condition = str | bool


def expression(where: Filter | None) -> str | None:
    """Empty where every row may match, None where no row can."""
    condition = True if where is None else _condition(where, negated=False)
    if condition is False:
        return None
    if condition is True or len(condition) > LONGEST_EXPRESSION:
        return ""
    return f"(partial == true or {condition})"


def _condition(where: Filter, *, negated: bool) -> _Condition:
    match where:
        case Not(part):
            return _condition(part, negated=not negated)
        case And(parts) | Or(parts):
            word: _Word = "or" if negated is isinstance(where, And) else "and"
            return _joined(word, [_condition(part, negated=negated) for part in parts])
        case In(path, values):
            return _has((value_term(path, value) for value in values), negated=negated)
        case Exists(path):
            return _has((kind_term(path, kind) for kind in Kind), negated=negated)
        case Compare(path, order, bound):
            return _compared(path, order, bound, negated=negated)


def _compared(path: str, order: Order, bound: str | float, *, negated: bool) -> _Condition:
    if isinstance(bound, str):
        return _text_compared(path, order, bound, negated=negated)
    return _number_compared(path, order, bound, negated=negated)


def _number_compared(path: str, order: Order, bound: float, *, negated: bool) -> str:
    side = _side("numbers", path, order, repr(float(bound)), negated=negated)
    if not negated:
        return side
    return f"({_lacks(kind_term(path, Kind.NUMBER))} or {side})"


def _text_compared(path: str, order: Order, bound: str, *, negated: bool) -> _Condition:
    text, unordered = kind_term(path, Kind.TEXT), kind_term(path, Kind.UNORDERED)
    if not is_plain(bound):
        return negated or _has([text, unordered], negated=False)
    side = f"({_contains([unordered])} or {_side('texts', path, order, _quoted(bound), negated=negated)})"
    return f"({_lacks(text)} or {side})" if negated else side


def _side(field: str, path: str, order: Order, bound: str, *, negated: bool) -> str:
    """One of an array is above the bound when its greatest is, and none is when its greatest is not."""
    end = _GREATEST if order in {Order.GT, Order.GTE} else _LEAST
    symbol = (_OPPOSITE if negated else _SYMBOL)[order]
    return f"document[{_quoted(field)}][{_quoted(path_name(path))}][{end}] {symbol} {bound}"


def _has(terms: Iterable[str], *, negated: bool) -> _Condition:
    distinct = sorted(set(terms))
    if not distinct:
        return negated
    return f"not {_contains(distinct)}" if negated else _contains(distinct)


def _lacks(term: str) -> str:
    return f"not {_contains([term])}"


def _contains(terms: Sequence[str]) -> str:
    if len(terms) == 1:
        return f'json_contains(document["has"], {_quoted(terms[0])})'
    return f'json_contains_any(document["has"], [{", ".join(map(_quoted, terms))}])'


def _joined(word: _Word, conditions: list[_Condition]) -> _Condition:
    decided = word == "or"
    if any(condition is decided for condition in conditions):
        return decided
    level = [condition for condition in conditions if isinstance(condition, str)]
    while len(level) > 1:
        pairs = [level[start : start + 2] for start in range(0, len(level), 2)]
        level = [f"({pair[0]} {word} {pair[1]})" if len(pair) > 1 else pair[0] for pair in pairs]
    return level[0] if level else not decided


def _quoted(text: str) -> str:
    """Nothing in it needs to be escaped: see `is_plain` and `path_name`."""
    return f'"{text}"'
