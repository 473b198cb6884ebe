"""JSON answers, and errors as RFC 9457 problems."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from search_by_image.api.exchange import current_exchange, note_outcome, told
from search_by_image.api.failure_log import log_failure
from search_by_image.errors import SearchByImageError

SHOWN_MISTAKES = 5
COME_BACK = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)


class SafeJSONResponse(JSONResponse):
    """Echoes any text a caller can send: a lone surrogate leaves as its JSON escape."""

    def render(self, content: Any) -> bytes:
        return safe_json(content)


def safe_json(content: Any) -> bytes:
    """One line of JSON in UTF-8."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="backslashreplace")


def problem(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> SafeJSONResponse:
    """With the id of the request under way, which the answer's header and the log have too, and further `members`."""
    note_outcome(code)
    exchange = current_exchange()
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **({"request_id": exchange.request_id} if exchange else {}),
        **members,
    }
    return SafeJSONResponse(content, status, dict(headers or {}), media_type="application/problem+json")


def problem_of(error: SearchByImageError) -> SafeJSONResponse:
    log_failure(error)
    return problem(error.status, error.code, told(error), headers_of(error))


def headers_of(error: SearchByImageError) -> dict[str, str]:
    if error.status in COME_BACK:
        return {"Retry-After": str(getattr(error, "retry_after", 1))}
    if error.status is HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="search-by-image"'}
    return {}


def problem_of_validation(error: RequestValidationError) -> SafeJSONResponse:
    """Every mistake with its place; the first ones in the text."""
    errors = [{"path": _place(found["loc"]), "message": str(found["msg"])} for found in error.errors()]
    detail = "; ".join(f"{found['path']}: {found['message']}" for found in errors[:SHOWN_MISTAKES])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=errors)


def problem_of_status(error: HTTPException) -> SafeJSONResponse:
    """What the framework itself refuses: an address or a method that is not there, a form that cannot be read."""
    status = HTTPStatus(error.status_code)
    return problem(status, status.phrase.lower().replace(" ", "_"), str(error.detail), error.headers)


def _place(steps: Sequence[object]) -> str:
    return ".".join(map(str, steps)) or "request"
