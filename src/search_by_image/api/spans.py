"""What a tracing system hears of each request; `NoSpans` where there is none."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from starlette.types import Scope

from search_by_image.api.exchange import Finished
from search_by_image.timing import Around


class RequestSpan(Protocol):
    """`trace_id`: for the log; '' where there is none."""

    @property
    def trace_id(self) -> str: ...

    def tell(self, finished: Finished) -> None:
        """Once, when the request was answered."""
        ...


class Spans(Protocol):
    """`around`: what goes around each stage of a request."""

    @property
    def around(self) -> Around | None: ...

    def request(self, scope: Scope) -> AbstractContextManager[RequestSpan]:
        """Goes around all that is done for the request."""
        ...


class NoSpans:
    around = None

    def request(self, _scope: Scope) -> AbstractContextManager[RequestSpan]:
        return nullcontext(_NoSpan())


class _NoSpan:
    trace_id = ""

    def tell(self, finished: Finished) -> None:
        """Nobody listens."""
