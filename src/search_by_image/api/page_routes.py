"""Our page, or a folder of the user's in its place."""

from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from search_by_image.api.callers import PUBLIC

PAGE = Path(__file__).parent / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https: data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
}


SMALLEST_PACKED = 512
"""Bytes; less is sent as it is."""


class GuardedFiles(StaticFiles):
    """Static files with the page's security headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            await send(message)

        await super().__call__(scope, receive, with_headers)


class PageFiles(GuardedFiles):
    """Texts, which are sent gzipped to whoever takes that; not so a part of one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_part = "range" in Headers(scope=scope)
        files = super().__call__
        packed = files if is_part else GZipMiddleware(files, minimum_size=SMALLEST_PACKED)
        await packed(scope, receive, send)


class PackedFile(FileResponse):
    """Sent gzipped to whoever takes that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await GZipMiddleware(super().__call__, minimum_size=SMALLEST_PACKED)(scope, receive, send)


def add_page(app: FastAPI, static_path: Path | None) -> None:
    """`static_path`: a folder to serve at `/` in place of our page."""
    if static_path is not None:
        app.mount("/", StaticFiles(directory=static_path, html=True), "page")
        return

    @app.get("/", include_in_schema=False, dependencies=[PUBLIC])
    async def index() -> Response:
        return PackedFile(PAGE / "index.html", headers=HEADERS)

    app.mount("/static", PageFiles(directory=PAGE), "static")
