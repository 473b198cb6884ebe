"""Every answer has a request id; with `debug` every request is a line in the log."""

import logging
import re
import time
from secrets import token_hex
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-Id"
USABLE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
logger = logging.getLogger("search_by_image.requests")


class Tracing:
    """Takes the caller's `X-Request-Id` where it is usable, else makes one; paths are logged without their query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started, status = _request_id(scope), time.perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, marked)
        finally:
            milliseconds = 1000 * (time.perf_counter() - started)
            path = quote(scope["path"])
            logger.info("%s %s %s %.1f ms %s", scope["method"], path, status, milliseconds, request_id)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if USABLE.fullmatch(given) else token_hex(8)
