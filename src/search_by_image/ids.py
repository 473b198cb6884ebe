"""Our own ids: one integer for a picture in every store.

The upper bits are milliseconds, so ids sort by time; 53 bits in all, so JavaScript reads them exactly.
"""

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
RANDOM_BITS = 13
LONGEST_ID = 18
"""Digits that certainly fit into 64 bits."""


def id_at(*, milliseconds_ago: int = 0) -> int:
    """The smallest id that is younger than that."""
    return (_now_ms() - milliseconds_ago + 1) << RANDOM_BITS


def time_of(id_: int) -> datetime:
    """When the id was drawn, to the millisecond; for one that a caller of `put` chose, no more than a number."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=EPOCH_MS + (id_ >> RANDOM_BITS))


class IdGenerator:
    """Strictly increasing within the process. An id that another process drew is refused by the record store."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> list[int]:
        with self._lock:
            first = max((_now_ms() << RANDOM_BITS) | secrets.randbits(RANDOM_BITS), self._last + 1)
            self._last = first + count - 1
            return list(range(first, first + count))


def _now_ms() -> int:
    return max(time.time_ns() // 1_000_000 - EPOCH_MS, 1)
