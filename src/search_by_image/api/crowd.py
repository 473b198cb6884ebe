"""So many calls are answered at once; to one more the service says that it is busy."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_by_image.api.callers import ANYONE, caller_in
from search_by_image.api.refusal import refusal
from search_by_image.errors import OverloadedError

EVENTS = "text/event-stream"


class Crowd:
    """Answers 503 beyond `limit` calls at once. What is open to anyone, and streams of events, do not count."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or caller_in(scope) is ANYONE:
            await self._app(scope, receive, send)
        elif self._inside >= self._limit:
            await refusal(scope, self._busy())(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        counts = True
        self._inside += 1

        def leave() -> None:
            nonlocal counts
            self._inside -= counts
            counts = False

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                leave()
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            leave()

    def _busy(self) -> OverloadedError:
        return OverloadedError(f"{self._limit} calls are being answered already (limits/requests). Try again in 1 s.")


def _is_stream(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(EVENTS)
