"""Conditional requests (RFC 9110): a picture's version is its ETag."""

import re

from search_by_image.errors import InvalidInputError
from search_by_image.keyed import Expected

ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"')


def etag_of(version: int) -> str:
    return f'"{version}"'


def expectation(if_match: str | None, if_none_match: str | None = None) -> Expected:
    """What a change demands. Raises `InvalidInputError` for headers that no change can follow."""
    if if_none_match is not None:
        if if_none_match.strip() != "*" or if_match is not None:
            raise InvalidInputError("Of If-None-Match a change takes only *, and not beside If-Match.")
        return Expected(absent=True)
    if if_match is None:
        return Expected()
    if if_match.strip() == "*":
        return Expected(present=True)
    found = ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInputError(f'If-Match takes * or one ETag such as "123", not {if_match[:64]!r}.')
    return Expected(version=int(found[1]))


def is_unchanged(version: int, if_none_match: str | None) -> bool:
    """Whether a reader has it already."""
    return if_none_match is not None and (if_none_match.strip() == "*" or str(version) in ETAG.findall(if_none_match))
