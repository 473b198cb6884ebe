"""The background thread that settles, retries and lets the index keep house."""

import logging
import threading

from search_by_image.errors import SearchByImageError
from search_by_image.library import Library

logger = logging.getLogger(__name__)


class Maintenance:
    """Calls `library.maintain()` every `interval` seconds until stopped.

    To end: `stop`, close the library (which interrupts a long rebuild), then `join`.
    """

    def __init__(self, library: Library, interval: float) -> None:
        self._library = library
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No further round begins; one may still be running."""
        self._stopped.set()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self._library.maintain()
            except SearchByImageError:
                if not self._stopped.is_set():
                    logger.warning("maintenance failed and will be tried again", exc_info=True)
