"""What has happened in a library since it was opened, counted as it happens."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from search_by_image.errors import SearchByImageError

P = ParamSpec("P")
R = TypeVar("R")


class Tally:
    """Thread-safe. Pictures added and removed; imports that failed, by the error's code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: Counter[str] = Counter()
        self.added = 0
        self.removed = 0

    @property
    def failed(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._failed)

    def add(self, *, added: int = 0, removed: int = 0) -> None:
        with self._lock:
            self.added += added
            self.removed += removed

    def fail(self, code: str) -> None:
        with self._lock:
            self._failed[code] += 1


class Tallied(Protocol):
    @property
    def tally(self) -> Tally: ...


Owner = TypeVar("Owner", bound=Tallied)


def one_import(method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """A method that fails with an error of ours is an import that failed."""

    @wraps(method)
    def counted(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except SearchByImageError as error:
            self.tally.fail(error.code)
            raise

    return counted


class Count:
    """How many are inside just now; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        with self._lock:
            self.value += 1
        try:
            yield
        finally:
            with self._lock:
                self.value -= 1
