"""Pages of other origins may call the service, where the settings name them."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from search_by_image.api.tracing import REQUEST_ID

PREFIXES = ("/api/SearchServer/", "/v1/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Cors:
    """CORS for the calls, not for the page and what it shows."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=("*",),
            expose_headers=(REQUEST_ID, "Retry-After", "Location", "RateLimit", "RateLimit-Policy"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_call = scope["type"] == "http" and scope["path"].startswith(PREFIXES)
        await (self._open if is_call else self._app)(scope, receive, send)
