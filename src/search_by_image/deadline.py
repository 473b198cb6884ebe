"""Time budgets: one for all steps of a fetch, one for all that a call waits for its stores.

    with limited(30):
        ...
        socket.settimeout(at_most(10))  # 10, or what is left of the 30

A call's budget is held by the context, so each store's border finds it, in whatever method of the library it is asked.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from math import ceil
from time import monotonic
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from search_by_image.errors import StoreUnavailableError

FOREVER = threading.TIMEOUT_MAX / 2
LEAST = 0.05
"""Seconds. With less left no store is asked any more."""


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = monotonic() + seconds

    def left(self, least: float = 0.0) -> float:
        """Seconds, always above `least`. Raises `TimeoutError` when no more than those are left."""
        left = self._end - monotonic()
        if left <= least:
            raise TimeoutError("the time budget is spent")
        return left

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done inside takes nothing from the budget."""
        began = monotonic()
        try:
            yield
        finally:
            self._end += monotonic() - began


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """All that is done inside waits for stores no longer than this in sum; inside another limit, that one counts."""
    if _call.get() is not None:
        yield
        return
    token = _call.set(Deadline(seconds))
    try:
        yield
    finally:
        _call.reset(token)


@contextmanager
def uncounted() -> Iterator[None]:
    """What is done inside asks no store and takes nothing from the call's limit."""
    call = _call.get()
    if call is None:
        yield
        return
    with call.paused():
        yield


def is_limited() -> bool:
    return _call.get() is not None


def at_most(seconds: float = FOREVER) -> float:
    """How long a store may be waited for now: `seconds`, or what is left of the call's limit if that is less.

    Raises `StoreUnavailableError` when the limit is used up.
    """
    call = _call.get()
    if call is None:
        return seconds
    try:
        return min(seconds, call.left(LEAST))
    except TimeoutError as error:
        raise StoreUnavailableError(
            f"The stores did not answer this call within {call.seconds:g} seconds in all (limits/store_timeout). "
            "Try again; if it stays so, is a store overloaded or away?"
        ) from error


def shortened(seconds: float) -> float:
    """`at_most` for what is under way: when the limit is used up it has a tenth of a second left, to end by itself.

    Rounded up to tenths, so that a connection whose time-out this is seldom sees another one.
    """
    try:
        return max(ceil(10 * at_most(seconds)), 1) / 10
    except StoreUnavailableError:
        return 0.1


class Limited(Protocol):
    @property
    def store_timeout(self) -> float: ...


Owner = TypeVar("Owner", bound=Limited)
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def one_call(method: Callable[Concatenate[Owner, Given], Answer]) -> Callable[Concatenate[Owner, Given], Answer]:
    """A method whose waits for stores are bounded, in sum, by its object's `store_timeout` in seconds."""

    @wraps(method)
    def call(self: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        with limited(self.store_timeout):
            return method(self, *args, **kwargs)

    return call


_call: ContextVar[Deadline | None] = ContextVar("search_by_image_call", default=None)
