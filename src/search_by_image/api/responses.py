"""JSON answers, and errors as RFC 9457 problems."""

import json
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from search_by_image.api.exchange import current_exchange, note_outcome
from search_by_image.errors import SearchByImageError


class SafeJSONResponse(JSONResponse):
    """Echoes any text a caller can send: a lone surrogate leaves as its JSON escape."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", errors="backslashreplace")


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> SafeJSONResponse:
    """With the id of the request under way, which the answer's header and the log have too."""
    note_outcome(code)
    exchange = current_exchange()
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    } | ({"request_id": exchange.request_id} if exchange else {})
    return SafeJSONResponse(content, status, headers, media_type="application/problem+json")


def problem_of(error: SearchByImageError) -> SafeJSONResponse:
    return problem(error.status, error.code, str(error), headers_of(error))


def headers_of(error: SearchByImageError) -> dict[str, str]:
    if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(getattr(error, "retry_after", 1))}
    if error.status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="search-by-image"'}
    return {}
