"""Keys as they were a moment ago: most requests need no look-up in the record store."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

from search_by_image.deadline import limited
from search_by_image.keys import ApiKey, Keys

REMEMBERED = 4096
LOOKUPS_AT_ONCE = 4
T = TypeVar("T")


class KnownKeys:
    """`seconds`: for how long an answer holds, and so until a key that was made or revoked is one everywhere.

    `patience`: seconds that a look-up may take. To be used in one event loop.
    """

    def __init__(self, keys: Keys, *, seconds: float, patience: float) -> None:
        self._keys = keys
        self._patience = patience
        self._found: Memory[str, ApiKey | None] = Memory(seconds, REMEMBERED)
        self._exist: Memory[None, bool] = Memory(seconds, 1)
        self._limiter: CapacityLimiter | None = None

    async def find(self, id_: str) -> ApiKey | None:
        """Raises `StoreUnavailableError`."""
        known = self._found.get(id_)
        return known[0] if known else self._found.put(id_, await self._ask(lambda: self._keys.find(id_)))

    async def exist(self) -> bool:
        """Raises `StoreUnavailableError`."""
        known = self._exist.get(None)
        return known[0] if known else self._exist.put(None, await self._ask(self._keys.exist))

    async def _ask(self, look_up: Callable[[], T]) -> T:
        """In threads of its own: those of the requests may all be at work."""
        self._limiter = self._limiter or CapacityLimiter(LOOKUPS_AT_ONCE)

        def ask() -> T:
            with limited(self._patience):
                return look_up()

        return await to_thread.run_sync(ask, limiter=self._limiter)


Key = TypeVar("Key")


class Memory(Generic[Key, T]):
    """The newest `size` values, each for `seconds`."""

    def __init__(self, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[Key, tuple[T, float]] = OrderedDict()

    def get(self, key: Key) -> tuple[T] | None:
        kept = self._kept.get(key)
        return (kept[0],) if kept and time.monotonic() < kept[1] else None

    def put(self, key: Key, value: T) -> T:
        self._kept[key] = value, time.monotonic() + self._seconds
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return value
