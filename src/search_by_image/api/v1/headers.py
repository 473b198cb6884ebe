"""The headers that calls take and answer with beside those of their own, for the description of the API."""

from typing import Any

from search_by_image.api.v1.problems import operations_of

Json = dict[str, Any]
REQUEST_ID = "X-Request-Id"
SENT_ID = (
    "Your own id of the request, for logs: 1 to 64 letters, digits and any of `_.:-`. The answer has it again; without "
    "one, or with another text, the service makes one"
)
AN_ID = "5f1c3b0a9e7d2c48"
ANSWERED: dict[str, Json] = {
    REQUEST_ID: {"description": "The request's id: yours, or one made for it", "example": AN_ID, "required": True},
    "RateLimit-Policy": {
        "description": "The limits that count for this caller, unless there is none: so many calls at once (q), a full "
        "bucket after so many seconds (w)",
        "example": '"address";q=1000;w=1',
    },
    "RateLimit": {
        "description": "What is left of them: so many calls (r), one more in so many seconds (t)",
        "example": '"address";r=999;t=1',
    },
    "ETag": {"description": "The picture's version", "example": '"1866900000123456"', "required": True},
    "Server-Timing": {
        "description": "Milliseconds of each stage, as `timing` has them",
        "example": "decode;dur=1.9, inference;dur=6.8, vectors;dur=0.4",
        "required": True,
    },
    "Retry-After": {"description": "Seconds after which to try again", "example": "5", "required": True},
}
RATES = ("RateLimit-Policy", "RateLimit")
TIMED = frozenset({"search_collection", "search_collections"})
WITH_VERSION = frozenset({"put_image", "get_image", "head_image", "patch_image"})
READ = frozenset({"200", "201", "304"})
LATER = frozenset({"429", "503"})


def describe_headers(description: Json) -> None:
    """Add to each operation, whose answers are all described by now, the headers of requests and answers."""
    for _, _, operation in operations_of(description):
        operation.setdefault("parameters", []).append(_sent_id())
        for status, answer in operation["responses"].items():
            told = {name: _header(name) for name in _names(operation["operationId"], status)}
            answer["headers"] = {**answer.get("headers", {}), **told}


def _names(operation_id: str, status: str) -> list[str]:
    names = [REQUEST_ID, *RATES]
    if operation_id in WITH_VERSION and status in READ:
        names.append("ETag")
    if operation_id in TIMED and status == "200":
        names.append("Server-Timing")
    if status in LATER:
        names.append("Retry-After")
    return names


def _header(name: str) -> Json:
    return {**ANSWERED[name], "schema": {"type": "string"}}


def _sent_id() -> Json:
    schema = {"type": "string", "examples": [AN_ID]}
    return {"name": REQUEST_ID, "in": "header", "required": False, "description": SENT_ID, "schema": schema}
