"""One line a request in the log: no query, no header, no body."""

import logging
from urllib.parse import quote

from search_by_image.api.exchange import Finished

logger = logging.getLogger("search_by_image.requests")


def log_access(finished: Finished) -> None:
    """The record's `fields` hold the same by name, for logs in JSON."""
    path, milliseconds = quote(finished.path), 1000 * finished.seconds
    logger.info(
        "%s %s %d %.1f ms %s%s",
        finished.method,
        path,
        finished.status,
        milliseconds,
        finished.request_id,
        f" key={finished.key}" if finished.key else "",
        extra={"fields": _fields(finished, path, milliseconds)},
    )


def _fields(finished: Finished, path: str, milliseconds: float) -> dict[str, object]:
    given = {"key": finished.key, "outcome": finished.outcome, "client": finished.client}
    return {
        "method": finished.method,
        "route": finished.route,
        "path": path,
        "status": finished.status,
        "duration_ms": round(milliseconds, 1),
        "stages_ms": {name: round(1000 * seconds, 1) for name, seconds in finished.stages.items()},
    } | {name: value for name, value in given.items() if value}
