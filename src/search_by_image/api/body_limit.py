"""Request bodies are cut off while they arrive, chunked ones too."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_by_image.api.refusal import refusal
from search_by_image.errors import ImageTooLargeError


class BodyLimit:
    """Answers 413 (the old calls: 200 with their code) when a body has more than `max_bytes`, and reads no further."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _declared_length(scope) > self._max_bytes:
            await self._refuse(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            if received > self._max_bytes:
                return {"type": "http.disconnect"}
            message = await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > self._max_bytes else message

        async def unless_refused(message: Message) -> None:
            if received <= self._max_bytes:
                await send(message)

        try:
            await self._app(scope, counted, unless_refused)
        finally:
            if received > self._max_bytes:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = ImageTooLargeError(
            f"The request has more than the {self._max_bytes} bytes allowed (max_upload_size).",
            size=max(_declared_length(scope), self._max_bytes + 1),
            limit=self._max_bytes,
        )
        response = refusal(scope, error)
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0
