"""Every request: an id, its stages timed, an answer even when it breaks, then told to those who observe."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from secrets import token_hex

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_by_image.api.exchange import Exchange, Finished, under_way
from search_by_image.api.responses import problem
from search_by_image.api.spans import NoSpans, Spans
from search_by_image.timing import Stopwatch

REQUEST_ID = "X-Request-Id"
USABLE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
CLIENT_LEFT = 499
UNMATCHED = "unmatched"
CUT_OFF = "The service is being stopped, and this request did not end in time. Try again in a few seconds."
Observer = Callable[[Finished], None]
logger = logging.getLogger(__name__)


class Tracing:
    """Takes the caller's `X-Request-Id` where it is usable, else makes one; the answer has it, and each log record."""

    def __init__(self, app: ASGIApp, observers: Sequence[Observer] = (), spans: Spans | None = None) -> None:
        self._app = app
        self._observers = observers
        self._spans = spans or NoSpans()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange, started = Exchange(_request_id(scope)), time.perf_counter()
        answer = _Answer(send, exchange.request_id)
        with self._spans.request(scope) as span, under_way(exchange), Stopwatch(self._spans.around) as watch:
            exchange.trace_id = span.trace_id
            try:
                await self._run(scope, receive, answer)
            finally:
                seconds = time.perf_counter() - started
                finished = _finished(scope, exchange, answer.status, seconds, watch)
                for tell in (span.tell, *self._observers):
                    tell(finished)

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            answer.status = answer.status or CLIENT_LEFT
        except asyncio.CancelledError:
            if answer.status:
                raise
            await problem(503, "shutting_down", CUT_OFF, {"Retry-After": "5"})(scope, receive, answer)
        except Exception as error:
            if answer.status:
                raise
            logger.exception("%s failed", scope["path"], exc_info=error)
            await problem(500, "internal_error", "The service failed; its log says more.")(scope, receive, answer)


class _Answer:
    """Sends on what the application answers, with the request's id. `status` 0: nothing was sent yet."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
        await self._send(message)


def _finished(scope: Scope, exchange: Exchange, status: int, seconds: float, watch: Stopwatch) -> Finished:
    return Finished(
        method=scope["method"],
        route=exchange.route or UNMATCHED,
        path=scope["path"],
        status=status or 500,
        seconds=seconds,
        stages=watch.seconds,
        client=(scope.get("client") or ("",))[0],
        request_id=exchange.request_id,
        key=exchange.key,
        outcome=exchange.outcome,
    )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if USABLE.fullmatch(given) else token_hex(8)
