"""When a call is made once more, and how long to wait before."""

import random
from dataclasses import dataclass, field

import httpx

from search_by_image.client.call import AnyCall
from search_by_image.client.retry_after import retry_after

TOO_MANY = 429
"""Answered before anything is done."""
LOST = frozenset({502, 503, 504})
"""A store or the service itself gave no answer to whom we asked: what was sent may have been done."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
Outcome = httpx.Response | httpx.TransportError


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts`: calls in all, 1: no retry. Pauses double from `base` to `longest` seconds, less a random part.

    A `Retry-After` is kept to; one beyond `longest` ends the attempts. A call that may not be done twice is repeated
    only where the service did nothing with it.
    """

    attempts: int = 4
    base: float = 0.25
    longest: float = 30.0
    dice: random.Random = field(default_factory=random.Random)

    def pause(self, call: AnyCall, attempt: int, outcome: Outcome) -> float | None:
        """Seconds to wait before attempt `attempt + 1`, the first is 1; None: `outcome` is the last word."""
        if call.content.once or attempt >= self.attempts or not is_worth_repeating(call, outcome):
            return None
        back_off = min(self.longest, self.base * 2.0 ** (attempt - 1)) * self.dice.uniform(0.5, 1)
        asked = retry_after(outcome) if isinstance(outcome, httpx.Response) else None
        if asked is None:
            return back_off
        return None if asked > self.longest else asked + self.dice.uniform(0, min(self.base, self.longest))


def is_worth_repeating(call: AnyCall, outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code == TOO_MANY or (call.repeatable and outcome.status_code in LOST)
    return isinstance(outcome, NEVER_SENT) or (call.repeatable and not _is_our_mistake(outcome))


def is_lost(outcome: Outcome) -> bool:
    """Whether what was sent may have been done without our hearing of it."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in LOST
    return not isinstance(outcome, NEVER_SENT)


def _is_our_mistake(error: httpx.TransportError) -> bool:
    return isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError)
