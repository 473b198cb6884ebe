"""What cannot be done now is tried again, until the job is to halt."""

import threading
from collections.abc import Callable
from typing import TypeVar

from search_by_image.errors import OverloadedError, StoreUnavailableError
from search_by_image.jobs.lease import Lease

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
Done = TypeVar("Done")


class HaltedError(Exception):
    """The service is being stopped, or the job was cancelled."""


class Patience:
    """Thread-safe. `stopping`: set when the service is being stopped."""

    def __init__(self, stopping: threading.Event, lease: Lease) -> None:
        self._stopping = stopping
        self._lease = lease

    def check(self) -> None:
        """Raises `HaltedError`."""
        if self._stopping.is_set() or self._lease.is_cancelled:
            raise HaltedError

    def get(self, work: Callable[[], Done]) -> Done:
        """Waits while a store does not answer or too much other work is waiting. Raises `HaltedError`."""
        pause = FIRST_PAUSE
        while True:
            try:
                return work()
            except (StoreUnavailableError, OverloadedError):
                self.check()
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
