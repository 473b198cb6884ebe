"""The background thread that settles, retries and lets the index keep house."""

import logging
import threading

from search_by_image.errors import SearchByImageError
from search_by_image.library import Library

logger = logging.getLogger(__name__)


class Maintenance:
    """Calls `library.maintain()` every `interval` seconds until stopped."""

    def __init__(self, library: Library, interval: float) -> None:
        self._library = library
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the round that is running has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self._library.maintain()
            except SearchByImageError:
                logger.warning("maintenance failed and will be tried again", exc_info=True)
