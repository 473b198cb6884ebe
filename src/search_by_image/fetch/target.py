"""A URL's text as one checked, canonical target."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from search_by_image.errors import FetchError, FetchRefusedError

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
MAX_NAME = 253
MAX_URL = 8192
SHOWN = 80

_SECRETS = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
# https://url.spec.whatwg.org/#ends-in-a-number-checker: such a host is an IPv4 address or nothing
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """`host`: lower-case ASCII name without its final dot, or an IP address without brackets; the same is in `url`."""

    url: httpx.URL
    host: str
    port: int


def parse_target(text: str, ports: Collection[int]) -> Target:
    """Raises `FetchError` for what is no URL, `FetchRefusedError` for a scheme, host or port that is not allowed."""
    return _checked(_parse(text.strip()), ports)


def without_secrets(url: str) -> str:
    """As it may be shown and kept: no user name, password, query or fragment. Other texts stay as they are."""
    return _SECRETS.sub("", url) if "://" in url else url


def redirect_target(origin: Target, location: str, ports: Collection[int]) -> Target:
    """Raises as `parse_target` does, and `FetchRefusedError` for a step from https down to http."""
    target = _checked(_join(origin, location), ports)
    if origin.url.scheme == "https" and target.url.scheme == "http":
        raise FetchRefusedError(f"{origin.host!r} redirects from https to http, which is not allowed.")
    return target


def _parse(text: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(_no_url(text)) from error


def _join(origin: Target, location: str) -> httpx.URL:
    try:
        return origin.url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(f"{origin.host!r} redirects to no valid URL.") from error


def _no_url(text: str) -> str:
    return f"{without_secrets(text)[:SHOWN]!r} is not a valid URL; give one such as https://example.com/cat.jpg."


def _checked(url: httpx.URL, ports: Collection[int]) -> Target:
    _check_scheme(url)
    if len(str(url)) > MAX_URL:
        raise FetchError(f"The URL is too long; at most {MAX_URL} characters are allowed, percent-encoded.")
    if url.userinfo:
        raise FetchRefusedError("A user name or password in the URL is not allowed; remove it.")
    host = canonical_host(url)
    port = DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    _check_port(port, ports)
    return Target(url.copy_with(host=host), host, port)


def _check_scheme(url: httpx.URL) -> None:
    if url.scheme not in DEFAULT_PORTS:
        raise FetchRefusedError(f"The URL's scheme {url.scheme[:SHOWN]!r} is not allowed; only http and https are.")


def _check_port(port: int, allowed: Collection[int]) -> None:
    if not 1 <= port <= MAX_PORT:
        raise FetchRefusedError(f"The URL's port is not allowed; a port is 1 to {MAX_PORT}.")
    if allowed and port not in allowed:
        known = ", ".join(map(str, sorted(allowed)))
        raise FetchRefusedError(f"Port {port} is not allowed; allowed: {known} (fetch/allowed_ports).")


def canonical_host(url: httpx.URL) -> str:
    """In the form of `Target.host`. Raises `FetchRefusedError`."""
    host = url.raw_host.decode("ascii").removesuffix(".")
    if ":" in host or _ENDS_IN_NUMBER.search(host):
        return _canonical_address(host)
    if len(host) > MAX_NAME or not _NAME.fullmatch(host):
        raise FetchRefusedError(f"{host[:SHOWN]!r} is not a valid host name.")
    return host


def _canonical_address(host: str) -> str:
    if not _is_address(host) or "%" in host:
        raise FetchRefusedError(
            f"{host[:SHOWN]!r} is not a plain IP address; write IPv4 as four decimal numbers, IPv6 without a zone."
        )
    return str(ip_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
