"""Request bodies are cut off while they arrive, chunked ones too: when they are too large, or come too slowly."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_by_image.api.exchange import current_exchange
from search_by_image.api.refusal import refusal
from search_by_image.errors import ImageTooLargeError, RequestTimeoutError, SearchByImageError

DISCONNECT: Message = {"type": "http.disconnect"}


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`max_bytes`: of one body; `pause`: seconds between two parts of it; `seconds`: for the whole.

    `size_setting`, `time_settings`: what they are called where they are set.
    """

    max_bytes: int
    pause: float
    seconds: float
    size_setting: str = "max_upload_size"
    time_settings: str = "limits/body_pause, limits/body_seconds"


class Bodies:
    """Answers 413 or 408 (the old calls: 200 with their code), and reads no further.

    `special`: the limits of single calls, by the template of their path.
    """

    def __init__(self, app: ASGIApp, *, limits: BodyLimits, special: Mapping[str, BodyLimits] = {}) -> None:
        self._app = app
        self._limits = limits
        self._special = special

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits = self._limits_of_route()
        if (declared := _declared_length(scope)) > limits.max_bytes:
            await _refuse(_too_large(declared, limits), scope, receive, send)
        else:
            body = _Body(receive, send, limits)
            try:
                await self._app(scope, body.receive, body.send)
            finally:
                if body.error is not None and not body.answered:
                    await _refuse(body.error, scope, receive, send)

    def _limits_of_route(self) -> BodyLimits:
        exchange = current_exchange()
        return self._special.get(exchange.route, self._limits) if exchange else self._limits


class _Body:
    """Once there is an `error` the application reads that the caller left, and is not heard any more."""

    def __init__(self, receive: Receive, send: Send, limits: BodyLimits) -> None:
        self._receive = receive
        self._send = send
        self._limits = limits
        self._end = time.monotonic() + limits.seconds
        self._received = 0
        self._complete = False
        self.answered = False
        self.error: SearchByImageError | None = None

    async def receive(self) -> Message:
        if self.error is not None:
            return DISCONNECT
        if self._complete:
            return await self._receive()
        message = await self._next_part()
        return DISCONNECT if self.error else message

    async def send(self, message: Message) -> None:
        if self.error is None or self.answered:
            self.answered = True
            await self._send(message)

    async def _next_part(self) -> Message:
        with anyio.move_on_after(min(self._limits.pause, self._end - time.monotonic())):
            message = await self._receive()
            self._received += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._received > self._limits.max_bytes:
                self.error = _too_large(self._received, self._limits)
            return message
        self.error = RequestTimeoutError(
            f"The request's body came too slowly ({self._limits.time_settings}). Try again on a faster connection, "
            "or send less."
        )
        return DISCONNECT


async def _refuse(error: SearchByImageError, scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal(scope, error)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


def _too_large(size: int, limits: BodyLimits) -> ImageTooLargeError:
    message = f"The request has more than the {limits.max_bytes} bytes allowed ({limits.size_setting})."
    return ImageTooLargeError(message, size=size, limit=limits.max_bytes)


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
