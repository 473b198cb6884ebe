"""Request bodies are cut off while they arrive, chunked ones too: when they are too large, or come too slowly."""

import time

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_by_image.api.refusal import refusal
from search_by_image.errors import ImageTooLargeError, RequestTimeoutError, SearchByImageError

DISCONNECT: Message = {"type": "http.disconnect"}


class Bodies:
    """Answers 413 or 408 (the old calls: 200 with their code), and reads no further.

    `max_bytes`: of one body; `pause`: seconds between two parts of it; `seconds`: for the whole.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, pause: float, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._pause = pause
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (declared := _declared_length(scope)) > self._max_bytes:
            await _refuse(_too_large(declared, self._max_bytes), scope, receive, send)
        else:
            body = _Body(receive, send, self._max_bytes, self._pause, self._seconds)
            try:
                await self._app(scope, body.receive, body.send)
            finally:
                if body.error is not None and not body.answered:
                    await _refuse(body.error, scope, receive, send)


class _Body:
    """Once there is an `error` the application reads that the caller left, and is not heard any more."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, pause: float, seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._pause = pause
        self._end = time.monotonic() + seconds
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
        with anyio.move_on_after(min(self._pause, self._end - time.monotonic())):
            message = await self._receive()
            self._received += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._received > self._max_bytes:
                self.error = _too_large(self._received, self._max_bytes)
            return message
        self.error = RequestTimeoutError(
            "The request's body came too slowly (limits/body_pause, limits/body_seconds). Try again on a faster "
            "connection, or send less."
        )
        return DISCONNECT


async def _refuse(error: SearchByImageError, scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal(scope, error)
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


def _too_large(size: int, limit: int) -> ImageTooLargeError:
    message = f"The request has more than the {limit} bytes allowed (max_upload_size)."
    return ImageTooLargeError(message, size=size, limit=limit)


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
