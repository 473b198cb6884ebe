"""What is known of the request under way, from every thread that works for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from search_by_image.errors import SearchByImageError, UnknownNameError


@dataclass(slots=True)
class Exchange:
    """`route`: the path's template, such as /v1/collections/{collection}/images; `key`: the name of the API key.

    `collections`: the only ones that it may touch; empty: all. `outcome`: the code of a problem, or an old call's
    status. '' is unknown.
    """

    request_id: str
    route: str = ""
    key: str = ""
    collections: tuple[str, ...] = ()
    outcome: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that was answered. `route`: the path's template, 'unmatched' for none; `stages`: seconds by name."""

    method: str
    route: str
    path: str
    status: int
    seconds: float
    stages: Mapping[str, float]
    client: str
    request_id: str
    key: str
    outcome: str


def current_exchange() -> Exchange | None:
    return _current.get()


@contextmanager
def under_way(exchange: Exchange) -> Iterator[None]:
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


def note_outcome(code: str) -> None:
    """For the log and the metrics: how the request under way ended."""
    exchange = current_exchange()
    if exchange is not None:
        exchange.outcome = code


def note_key(name: str, collections: tuple[str, ...]) -> None:
    """Whose API key came with the request under way, for the log, and what of others it must not hear."""
    exchange = current_exchange()
    if exchange is not None:
        exchange.key, exchange.collections = name, collections


def told(error: SearchByImageError) -> str:
    """The error's text for the caller: to a key with collections none of the others is named."""
    exchange = current_exchange()
    if exchange and exchange.collections and isinstance(error, UnknownNameError) and error.kind == "collection":
        return str(UnknownNameError(error.kind, error.name, set(error.known) & set(exchange.collections)))
    return str(error)


def note_route(template: str) -> None:
    """For the log and the metrics: where the request under way goes; no part of it is the caller's text."""
    exchange = current_exchange()
    if exchange is not None:
        exchange.route = template


_current: ContextVar[Exchange | None] = ContextVar("search_by_image_exchange", default=None)
