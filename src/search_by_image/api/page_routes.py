"""Our page, or a folder of the user's in its place."""

from pathlib import Path

from fastapi import FastAPI
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


class GuardedFiles(StaticFiles):
    """Static files with the page's security headers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            await send(message)

        await super().__call__(scope, receive, with_headers)


def add_page(app: FastAPI, static_path: Path | None) -> None:
    """`static_path`: a folder to serve at `/` in place of our page."""
    if static_path is not None:
        app.mount("/", StaticFiles(directory=static_path, html=True), "page")
        return

    @app.get("/", include_in_schema=False, dependencies=[PUBLIC])
    async def index() -> Response:
        return FileResponse(PAGE / "index.html", headers=HEADERS)

    app.mount("/static", GuardedFiles(directory=PAGE), "static")
