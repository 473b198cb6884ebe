"""The header `Retry-After` (RFC 9110): seconds, or a date."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

HEADER = "retry-after"


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait; None when the answer does not say."""
    text = answer.headers.get(HEADER, "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    return _seconds_until(text)


def _seconds_until(text: str) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
