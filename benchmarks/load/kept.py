"""What the library holds of that which was acknowledged."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import httpx

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """Numbers of pictures. `unasked`: there, but no answer said so, as when a call failed."""

    acknowledged: int
    once: int
    missing: int
    doubled: int
    unasked: int

    @classmethod
    def of(cls, acknowledged: Iterable[str], there: Iterable[str]) -> Self:
        names, found = set(acknowledged), Counter(there)
        return cls(
            acknowledged=len(names),
            once=sum(found[name] == 1 for name in names),
            missing=sum(found[name] == 0 for name in names),
            doubled=sum(count > 1 for count in found.values()),
            unasked=len(found.keys() - names),
        )


def imported_names(http: httpx.Client, collection: str) -> Iterator[str]:
    """Of the pictures that the callers imported, as their documents say."""
    return (image["document"]["load"] for image in _images(http, collection) if "load" in image["document"])


def _images(http: httpx.Client, collection: str) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] | None = {"limit": PAGE}
    while query is not None:
        page = http.get(f"/v1/collections/{collection}/images", params=query).raise_for_status().json()
        yield from page["images"]
        query = {"limit": PAGE, "cursor": page["next_cursor"]} if page["next_cursor"] else None
