"""The background threads: one settles, follows and retries, the other lets the index keep house."""

import logging
import threading
from collections.abc import Callable

from search_by_image.errors import SearchByImageError
from search_by_image.library import Library

logger = logging.getLogger(__name__)


class Maintenance:
    """Does what `library.maintain()` does, every `interval` seconds until stopped.

    A long build of the index does not keep the library from following other processes.

    To end: `stop`, close the library (which interrupts a long rebuild), then `join`.
    """

    def __init__(self, library: Library, interval: float) -> None:
        self._interval = interval
        self._stopped = threading.Event()
        self._threads = [self._begun("following", library.follow), self._begun("housekeeping", library.keep_house)]

    def stop(self) -> None:
        """No further round begins; one of each may still be running."""
        self._stopped.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _begun(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        thread.start()
        return thread

    def _run(self, work: Callable[[], None]) -> None:
        while not self._stopped.wait(self._interval):
            try:
                work()
            except SearchByImageError:
                if not self._stopped.is_set():
                    logger.warning("maintenance failed and will be tried again", exc_info=True)
