"""One call as data: what is sent, and what its answer is read as. Both clients send the same ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from search_by_image.client.errors import is_problem, refusal, unexpected

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
FILE = "file"
MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Content:
    """A body: `data` or `pieces` of the media type `kind`, or a form of `fields` and `files`, or nothing.

    `once`: the pieces can be had once only, so the call is never made again.
    """

    data: bytes | None = None
    kind: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[bytes] = ()
    pieces: Callable[[], Iterator[bytes]] | None = None
    once: bool = False

    def body(self, http: httpx.Client | httpx.AsyncClient) -> bytes | Iterator[bytes] | AsyncIterator[bytes] | None:
        if self.pieces is None:
            return self.data
        return _awaited(self.pieces()) if isinstance(http, httpx.AsyncClient) else self.pieces()


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """`repeatable`: done twice it is as if done once. `also`: statuses that are read as an answer, not an error.

    `done_if_lost`: statuses that mean success once an earlier attempt went without an answer.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    content: Content = field(default_factory=Content)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    also: frozenset[int] = frozenset()
    done_if_lost: frozenset[int] = frozenset()

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        content = self.content
        kind = {} if content.kind is None else {"Content-Type": content.kind}
        return http.build_request(
            self.method,
            self.path,
            params=self.params or None,
            headers={**kind, **self.headers},
            content=content.body(http),
            data=content.fields or None,
            files=[(FILE, ("picture", file)) for file in content.files] or None,
        )

    def result(self, answer: httpx.Response, *, lost: bool = False) -> T:
        """`lost`: an earlier attempt went without an answer. Raises `ServiceError`, `UnexpectedAnswerError`."""
        if answer.is_success or (self._is_fine(answer.status_code, lost) and is_problem(answer)):
            return self.read(answer)
        raise refusal(answer)

    def _is_fine(self, status: int, lost: bool) -> bool:
        return status in self.also or (lost and status in self.done_if_lost)


AnyCall = Call[Any]


def json_content(value: Any, kind: str = "application/json") -> Content:
    return Content(json.dumps(value, allow_nan=False).encode("ascii"), kind)


def form_content(fields: Mapping[str, Any], files: Sequence[bytes]) -> Content:
    """Texts travel as they are, everything else as JSON."""
    return Content(fields={name: text_of(value) for name, value in fields.items()}, files=files)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def reading(model: type[Model]) -> Callable[[httpx.Response], Model]:
    """Fields that a newer service adds are passed over."""

    def read(answer: httpx.Response) -> Model:
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise unexpected(answer, f"which cannot be read as {model.__name__}") from error

    return read


def optional(model: type[Model]) -> Callable[[httpx.Response], Model | None]:
    """None for an answer that is no success."""
    read = reading(model)
    return lambda answer: read(answer) if answer.is_success else None


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """What makes the pieces may wait for a disk or a network: it is given a thread."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def nothing(_answer: httpx.Response) -> None:
    return None
