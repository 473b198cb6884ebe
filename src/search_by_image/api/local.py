"""Requests from this very machine."""

from starlette.datastructures import Headers
from starlette.types import Scope

from search_by_image.api.guard import is_loopback

FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def is_from_here(scope: Scope) -> bool:
    """From a loopback address, and not passed on by a proxy that runs here, as far as its headers tell."""
    client = scope.get("client")
    headers = Headers(scope=scope)
    return client is not None and is_loopback(client[0]) and not any(name in headers for name in FORWARDING)
