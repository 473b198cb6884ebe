"""Imports, removes and searches beside an outage, and notes how every call ended."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from faults.pictures import PIPELINE, picture
from faults.promise import Acknowledged
from search_by_image.engine import SearchEngine
from search_by_image.errors import StoreError

PAUSE = 0.02


@dataclass
class Calls:
    """`refused`: those that ended with one of our errors about stores; `slowest`: the longest of these, in seconds."""

    answered: int = 0
    refused: int = 0
    slowest: float = 0.0
    errors: set[str] = field(default_factory=set)


class Writer:
    """A context manager; any other error than a `StoreError` ends it and is raised when it is left."""

    def __init__(self, engine: SearchEngine, first: int = 0) -> None:
        self.said = Acknowledged()
        self.calls = Calls()
        self._engine = engine
        self._number = first
        self._removable: list[int] = []
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure from error

    def imports(self, count: int, *, within: float = 90) -> float:
        """Wait until so many more were acknowledged; the seconds that it took."""
        wanted = len(self.said.added) + count
        return self._wait(lambda: len(self.said.added) >= wanted, f"{count} imports", within)

    def refusals(self, count: int, *, within: float = 90) -> float:
        wanted = self.calls.refused + count
        return self._wait(lambda: self.calls.refused >= wanted, f"{count} refused calls", within)

    def _wait(self, reached: Callable[[], bool], what: str, within: float) -> float:
        started = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: reached() or not self._thread.is_alive(), within)
            if not reached():
                raise TimeoutError(f"No {what} within {within} seconds: {self.calls}, {self._failure!r}")
        return time.monotonic() - started

    def _run(self) -> None:
        try:
            while not self._stopped.wait(PAUSE):
                self._number += 1
                self._try(self._import)
                self._try(self._search)
                if self._number % 4 == 0 and self._removable:
                    self._try(self._remove)
        except Exception as error:  # noqa: BLE001 - it is raised where the writer is left
            self._failure = error
        finally:
            self._tell()

    def _try(self, call: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            call()
        except StoreError as error:
            self.calls.refused += 1
            self.calls.errors.add(type(error).__name__)
            self.calls.slowest = max(self.calls.slowest, time.monotonic() - started)
        else:
            self.calls.answered += 1
        self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _import(self) -> None:
        number = self._number
        self._engine.image_to_search_db(picture(number), {"id": number}, PIPELINE)
        self.said.hear("+", number)
        self._removable.append(number)

    def _remove(self) -> None:
        number = self._removable.pop(0)
        self.said.hear("?", number)
        self._engine.remove_images("id", number)
        self.said.hear("-", number)

    def _search(self) -> None:
        self._engine.search(picture(self._number), PIPELINE)
