"""What a page of another site sends, from the browser of someone who can reach the service, is refused."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from search_by_image.api.responses import problem

PREFIXES = ("/api/", "/v1/")
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Answers 403 to other origins than its own and `origins` ('*': none), and to other hosts than `hosts`.

    Origins count for calls that a browser makes unasked and that may change something. `hosts` are names; empty: any.
    This machine's loopback addresses are always among them. Whoever lets a name lead to 127.0.0.1 (DNS rebinding) has
    the service as an own origin, but not its host.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str] = (), hosts: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(host.lower() for host in hosts if host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        for host in headers.getlist("host"):
            if not self._is_known(host):
                return _refused_host(host)
        is_guarded = scope["method"] not in HARMLESS and scope["path"].startswith(PREFIXES)
        if is_guarded and not self._may_call(headers):
            return _refused_origin(headers["origin"])
        return None

    def _is_known(self, host: str) -> bool:
        name = _name_of(host)
        return not self._hosts or name in self._hosts or name == "localhost" or is_loopback(name)

    def _may_call(self, headers: Headers) -> bool:
        """`Sec-Fetch-Site`, which no page can forge, tells its own page also behind a proxy that changes the host."""
        origin = headers.get("origin")
        if origin is None or "*" in self._origins or origin in self._origins:
            return True
        own = _netloc(origin) == headers.get("host", "").lower()
        return own or headers.get("sec-fetch-site") == "same-origin"


def is_loopback(host: str) -> bool:
    """Of an address as text, an IPv6 one without brackets; False for names."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def host_of(origin: str) -> str:
    """The name of https://photos.example.com:8443; '' when there is none."""
    return _name_of(_netloc(origin))


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name_of(host: str) -> str:
    """Without the port, in lower case; an IPv6 address without its brackets."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def _refused_host(host: str) -> Response:
    remedy = "Use 127.0.0.1 or localhost, or name the origin of the page in cors/allow_origins."
    return problem(403, "host_refused", f"This service is for its own machine and not called {host!r}. {remedy}")


def _refused_origin(origin: str) -> Response:
    remedy = "Name its origin in cors/allow_origins to allow it."
    return problem(403, "origin_refused", f"Pages of {origin!r} may not call this service. {remedy}")
