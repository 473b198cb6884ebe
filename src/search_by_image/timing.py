"""How long the stages of a call take, told to whoever listens: work reports to no one by name, a door listens.

    with Stopwatch() as watch:
        library.search(...)
    watch.seconds  # {"decode": 0.004, "queue": ..., "inference": ..., "vectors": ..., "records": ...}

What listens is held by the context: threads that take it over (as those that answer requests do) report to it too.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from time import perf_counter
from types import TracebackType
from typing import NamedTuple, Self, TypeVar, cast

T = TypeVar("T")
Around = Callable[[str, str], AbstractContextManager[object]]


class Stopwatch:
    """Adds up the seconds of each stage while it runs; thread-safe. Watches may run within each other.

    `around`: makes what is entered around each stage, of its name and what is done there ('' or a method's name).
    """

    def __init__(self, around: Around | None = None) -> None:
        self.around = around
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._tokens: list[Token[_Heard | None]] = []

    @property
    def seconds(self) -> Mapping[str, float]:
        """By the stage's name, in the order in which stages first ended; time in an inner stage counts there only."""
        with self._lock:
            return dict(self._seconds)

    def server_timing(self) -> str:
        """The value of a `Server-Timing` header, in milliseconds: decode;dur=4.1, inference;dur=12.0"""
        return ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in self.seconds.items())

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def __enter__(self) -> Self:
        watches, outer = _heard.get() or ((), None)
        self._tokens.append(_heard.set(_Heard((*watches, self), outer)))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        _heard.reset(self._tokens.pop())


def stage(name: str, detail: str = "") -> AbstractContextManager[object]:
    """Time the block of a `with` statement; where nobody listens it costs one look-up."""
    heard = _heard.get()
    return _NOBODY if heard is None else _Stage(name, detail, heard)


@contextmanager
def unheard() -> Iterator[None]:
    """What is done inside is reported to nobody: it is not the caller's work."""
    token = _heard.set(None)
    try:
        yield
    finally:
        _heard.reset(token)


def timed(target: T, name: str) -> T:
    """The same object to its callers, each call of a method within the stage `name`."""
    return cast("T", _Timed(target, name))


class _Heard(NamedTuple):
    """Who listens in this context, and the stage that is under way."""

    watches: tuple[Stopwatch, ...]
    outer: "_Stage | None"


class _Stage:
    def __init__(self, name: str, detail: str, heard: _Heard) -> None:
        self._name = name
        self._watches, self._outer = heard
        self._around = [watch.around(name, detail) for watch in self._watches if watch.around is not None]
        self.inner_seconds = 0.0

    def __enter__(self) -> None:
        self._token = _heard.set(_Heard(self._watches, self))
        for around in self._around:
            around.__enter__()
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        whole = perf_counter() - self._began
        for around in reversed(self._around):
            around.__exit__(kind, value, tb)
        _heard.reset(self._token)
        if self._outer is not None:
            self._outer.inner_seconds += whole
        for watch in self._watches:
            watch.add(self._name, max(0.0, whole - self.inner_seconds))


class _Timed:
    def __init__(self, target: object, name: str) -> None:
        self._target = target
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        found = getattr(self._target, attribute)
        return _within(self._name, found) if callable(found) else found


def _within(name: str, method: Callable[..., object]) -> Callable[..., object]:
    def call(*args: object, **kwargs: object) -> object:
        with stage(name, getattr(method, "__name__", "")):
            return method(*args, **kwargs)

    return call


_NOBODY = nullcontext()
_heard: ContextVar[_Heard | None] = ContextVar("search_by_image_heard", default=None)
