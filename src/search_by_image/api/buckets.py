"""Token buckets in this process: so many calls a minute, and so many of them at once."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What a bucket said. `remaining`: calls that may come at once now; `seconds`: until there is one more."""

    allowed: bool
    remaining: int
    seconds: float


class Buckets:
    """A bucket of `burst` tokens for each name, filled with `per_minute` a minute. To be used in one event loop.

    One number is kept for each name (GCRA): when its bucket will be full again. The oldest names are forgotten first.
    """

    def __init__(self, per_minute: float, burst: int) -> None:
        self.per_minute = per_minute
        self.burst = burst
        self._interval = 60 / per_minute
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str) -> Grant:
        now = time.monotonic()
        full_at = max(self._full_at.get(name, now), now) + self._interval
        allowed = self._tokens(full_at - now) >= 0
        full_at -= 0 if allowed else self._interval
        self._keep(name, full_at)
        missing = (full_at - now) % self._interval or self._interval
        return Grant(allowed, max(0, math.floor(self._tokens(full_at - now))), missing)

    def _tokens(self, until_full: float) -> float:
        return round(self.burst - until_full / self._interval, 6)

    def _keep(self, name: str, full_at: float) -> None:
        self._full_at[name] = full_at
        self._full_at.move_to_end(name)
        if len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)
