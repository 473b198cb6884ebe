"""What can go wrong between the client and the service.

A refusal by the service is a `ServiceError`, and also the error of `search_by_image.errors` that it was there: who
catches `NotFoundError` catches it whether the library is in the same process or behind HTTP. Other facts than those of
`ServiceError` did not travel; they are in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import cast

import httpx

from search_by_image.api.v1 import schemas
from search_by_image.client.retry_after import retry_after
from search_by_image.errors import SearchByImageError

PROBLEM = "application/problem+json"


class ClientError(SearchByImageError):
    """The root of what the client itself raises."""

    code = "client_error"


class NoAnswerError(ClientError):
    """The service could not be reached, or fell silent; what was sent may have been done."""

    code = "no_answer"


class NotEndedError(ClientError):
    """The job that is waited for has not ended in the time given; it goes on at the service."""

    code = "not_ended"


class UnexpectedAnswerError(ClientError):
    """An answer that is not the service's: from a proxy before it, or a service of another kind."""

    code = "unexpected_answer"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.http_status = status


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a problem answer. `retry_after`: seconds to wait, when the service said so."""

    status: int
    code: str
    detail: str
    request_id: str | None
    errors: Sequence[schemas.Mistake]
    retry_after: float | None


class ServiceError(ClientError):
    """The service refused or failed. `code` is stable and made for programs; `request_id` finds it in the log."""

    code = "service_error"

    def __init__(self, facts: Facts) -> None:
        Exception.__init__(self, facts.detail)
        self.status = HTTPStatus(facts.status)
        self.code = facts.code
        self.detail = facts.detail
        self.request_id = facts.request_id
        self.errors = tuple(facts.errors)
        self.retry_after = facts.retry_after


def no_answer(error: httpx.TransportError, url: httpx.URL) -> NoAnswerError:
    reason = str(error) or type(error).__name__
    return NoAnswerError(f"{url.host or url} gave no answer: {reason}. Is the service running, is the address right?")


def refusal(answer: httpx.Response) -> ServiceError | UnexpectedAnswerError:
    """The error that an answer stands for."""
    facts = _facts(answer)
    if facts is None:
        return unexpected(answer, "which is not an answer of search-by-image")
    return _class_of(facts.code)(facts)


def unexpected(answer: httpx.Response, why: str) -> UnexpectedAnswerError:
    """What it says is not shown: a page for developers may repeat the request, key and all."""
    what = f"{answer.status_code} {answer.headers.get('content-type', '')}".strip()
    message = f"{answer.url.host} answered {what}, {why}. Is the address that of the service?"
    return UnexpectedAnswerError(message, status=answer.status_code)


def is_problem(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("content-type", "").partition(";")[0] == PROBLEM)


def _facts(answer: httpx.Response) -> Facts | None:
    """None for what is no problem answer."""
    problem = _problem(answer) if is_problem(answer) else None
    if problem is None:
        return None
    return Facts(
        status=answer.status_code,
        code=problem.code,
        detail=problem.detail,
        request_id=problem.request_id or answer.headers.get("x-request-id"),
        errors=problem.errors or (),
        retry_after=retry_after(answer),
    )


def _problem(answer: httpx.Response) -> schemas.Problem | None:
    """An answer to HEAD has no body; its status says all."""
    try:
        phrase = HTTPStatus(answer.status_code).phrase
        if answer.request.method != "HEAD":
            return schemas.Problem.model_validate_json(answer.content)
    except ValueError:
        return None
    code = phrase.lower().replace(" ", "_")
    return schemas.Problem(type="", title=phrase, status=answer.status_code, code=code, detail=f"{phrase}.")


@cache
def _class_of(code: str) -> type[ServiceError]:
    known = next((kind for kind in _kinds(SearchByImageError) if kind.code == code), None)
    if known is None:
        return ServiceError
    made = type(known.__name__, (ServiceError, known), {"__doc__": known.__doc__, "__module__": __name__})
    return cast("type[ServiceError]", made)


def _kinds(kind: type[SearchByImageError]) -> Iterator[type[SearchByImageError]]:
    """Below the root; the client's own are not the service's."""
    for below in kind.__subclasses__():
        if not issubclass(below, ClientError):
            yield below
            yield from _kinds(below)
