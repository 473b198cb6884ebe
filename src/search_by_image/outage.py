"""Keeps callers from waiting one after another for a server that did not answer a moment ago."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from search_by_image.errors import StoreUnavailableError

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


class Outage:
    """Of one server; thread-safe.

    After a call that got no answer others fail at once during a pause. It doubles with every further failure, up to
    the time that the failed call had waited, or five seconds: a server that refuses at once is asked again soon. When
    the pause is over one call tries the server, and the others fail for another five seconds at most.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._pause = self._until = 0.0
        self._is_tried = False

    @contextmanager
    def watched(self, is_silence: Callable[[Exception], bool]) -> Iterator[None]:
        """Ask the server inside; `is_silence` tells which of the errors mean that it gave no answer.

        Raises `StoreUnavailableError` during a pause.
        """
        self._check()
        began = monotonic()
        try:
            yield
        except Exception as error:
            self._begin(monotonic() - began) if is_silence(error) else self._end()
            raise
        self._end()

    def _check(self) -> None:
        if not self._pause:
            return
        with self._lock:
            now = monotonic()
            left = self._until - now
            if left <= 0:
                self._is_tried, self._until = True, now + LONGEST_PAUSE
        if left > 0:
            raise StoreUnavailableError(
                f"{self._store} did not answer a moment ago and is asked again in a while. Try again in a few seconds."
            )

    def _begin(self, waited: float) -> None:
        with self._lock:
            now = monotonic()
            if self._is_tried or now > self._until:
                self._pause = min(max(2 * self._pause, FIRST_PAUSE), max(waited, FIRST_PAUSE), LONGEST_PAUSE)
                self._is_tried, self._until = False, now + self._pause

    def _end(self) -> None:
        if not self._pause:
            return
        with self._lock:
            self._pause = self._until = 0.0
            self._is_tried = False
