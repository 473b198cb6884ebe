"""Which problems a call may be answered with, told in the description of the API by what the call takes."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]
METHODS = frozenset({"get", "put", "post", "patch", "delete", "head"})
OLD_CALLS = "/api/SearchServer/"
TOLD_BY_FRAMEWORK = "422"
TOLD: dict[int, tuple[str, str]] = {
    400: ("The body cannot be read as the form that it says it is", "bad_request"),
    401: ("A key is needed", "unauthenticated"),
    403: ("The key does not allow this, or the page or host that calls is not let in", "forbidden"),
    404: ("There is no such collection, pipeline or picture", "not_found"),
    408: ("The body came too slowly", "request_timeout"),
    409: ("Others change the same picture all the time", "key_taken"),
    412: ("What was expected to be there is not", "precondition_failed"),
    413: ("More bytes or pixels than allowed", "image_too_large"),
    415: ("A body of another kind is needed", "unsupported_media_type"),
    422: ("What was given cannot be used; the same call fails again", "invalid_input"),
    429: ("Too many calls; Retry-After says when to come back", "too_many_requests"),
    500: ("The service failed", "internal_error"),
    503: ("A store does not answer, or too much work is waiting; Retry-After says when to come back", "overloaded"),
}
"""What the status means, and a code that comes with it."""
ANY_CALL = (403, 408, 413, 429, 500, 503)
WITH_KEY = 401
WITH_INPUT = (404, 422)
WITH_BODY = (400, 415)
CONDITIONAL = (409, 412)
OLD = (403, 503)
"""The old calls answer 200 with a `status` of their own, once they are reached."""


def describe_problems(description: Json) -> None:
    """Add to each operation the problems that it may be answered with."""
    for path, method, operation in operations_of(description):
        answers: Json = operation["responses"]
        answers.pop(TOLD_BY_FRAMEWORK, None)
        for status in _statuses(path, operation):
            answers.setdefault(str(status), _problem(status, has_body=method != "head"))
        operation["responses"] = dict(sorted(answers.items()))


def operations_of(description: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method, and what is said of it."""
    for path, item in description["paths"].items():
        for method in item:
            if method in METHODS:
                yield path, method, item[method]


def _statuses(path: str, operation: Json) -> Iterator[int]:
    if path.startswith(OLD_CALLS):
        yield from OLD
        return
    yield from ANY_CALL
    if "security" in operation:
        yield WITH_KEY
    if "parameters" in operation or "requestBody" in operation:
        yield from WITH_INPUT
    if "requestBody" in operation:
        yield from WITH_BODY
    if any(parameter["name"] == "if-match" for parameter in operation.get("parameters", ())):
        yield from CONDITIONAL


def _problem(status: int, *, has_body: bool) -> Json:
    text, code = TOLD[status]
    if not has_body:
        return {"description": text}
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": f"{text}."}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": text, "content": {"application/problem+json": content}}
