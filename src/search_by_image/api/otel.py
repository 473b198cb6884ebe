"""Spans of requests, their stages and calls of the stores, for OpenTelemetry."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, format_trace_id
from starlette.datastructures import Headers
from starlette.types import Scope

from search_by_image.api.exchange import Finished
from search_by_image.api.spans import RequestSpan

SERVER_ERROR = 500


class OtelSpans:
    """A request that comes with a `traceparent` continues that trace.

    Spans hold names, numbers and codes: no query, header or body, and no text of an error.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def request(self, scope: Scope) -> Iterator[RequestSpan]:
        parent = extract(Headers(scope=scope))
        with self._tracer.start_as_current_span(
            scope["method"], parent, SpanKind.SERVER, record_exception=False
        ) as span:
            yield _RequestSpan(span)

    def around(self, stage: str, detail: str) -> AbstractContextManager[Span]:
        name = f"{stage} {detail}" if detail else stage
        return self._tracer.start_as_current_span(name, record_exception=False)


class _RequestSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        return format_trace_id(self._span.get_span_context().trace_id)

    def tell(self, finished: Finished) -> None:
        self._span.update_name(f"{finished.method} {finished.route}")
        known: dict[str, str | int] = {
            "http.request.method": finished.method,
            "http.route": finished.route,
            "http.response.status_code": finished.status,
            "search_by_image.request_id": finished.request_id,
            "search_by_image.outcome": finished.outcome,
            "search_by_image.key": finished.key,
        }
        self._span.set_attributes({name: value for name, value in known.items() if value})
        if finished.status >= SERVER_ERROR:
            self._span.set_status(Status(StatusCode.ERROR))
