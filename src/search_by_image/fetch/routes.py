"""How a checked target is reached: directly, or through the proxy of the settings."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Protocol

import httpcore

from search_by_image.deadline import Deadline
from search_by_image.errors import FetchError
from search_by_image.fetch.guard import AddressGuard
from search_by_image.fetch.lookups import Lookups
from search_by_image.fetch.proxy_address import ProxyAddress
from search_by_image.fetch.stream import DeadlineStream, dial
from search_by_image.fetch.target import Target

Headers = list[tuple[str, str]]


class Route(Protocol):
    def open(self, target: Target, deadline: Deadline) -> socket.socket:
        """A connection over which the target's host answers. Raises `FetchError`, `TimeoutError`, `OSError`."""
        ...

    def request_line(self, target: Target) -> tuple[httpcore.URL, Headers]:
        """What a GET asks for, and the headers that only this route needs."""
        ...


class DirectRoute:
    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def open(self, target: Target, deadline: Deadline) -> socket.socket:
        return dial(self._guard.admit(target.host, deadline), target.port, deadline)

    def request_line(self, target: Target) -> tuple[httpcore.URL, Headers]:
        return core_url(target), []


class ProxyRoute:
    """Asks the proxy for a tunnel (CONNECT) to a checked address: it never gets a name that it could resolve anew.

    `proxy_resolves`: it gets the name; then names are checked against the lists, and inner addresses are its to refuse.
    """

    def __init__(self, guard: AddressGuard, lookups: Lookups, proxy: ProxyAddress, *, proxy_resolves: bool) -> None:
        self._guard = guard
        self._lookups = lookups
        self._proxy = proxy
        self._proxy_resolves = proxy_resolves

    def open(self, target: Target, deadline: Deadline) -> socket.socket:
        if not self._proxy_resolves:
            return self._first_tunnel(self._guard.admit(target.host, deadline), target, deadline)
        self._guard.admit_unresolved(target.host)
        if target.url.scheme == "http":
            return self._dial(deadline)
        return self._first_tunnel((target.host,), target, deadline)

    def request_line(self, target: Target) -> tuple[httpcore.URL, Headers]:
        url = core_url(target)
        if not self._proxy_resolves or target.url.scheme != "http":
            return url, []
        url.target = str(target.url.copy_with(fragment=None)).encode("ascii")
        return url, self._authorization

    @property
    def _authorization(self) -> Headers:
        if not self._proxy.username:
            return []
        pair = f"{self._proxy.username}:{self._proxy.password}".encode()
        return [("Proxy-Authorization", f"Basic {b64encode(pair).decode('ascii')}")]

    def _first_tunnel(self, addresses: tuple[str, ...], target: Target, deadline: Deadline) -> socket.socket:
        *earlier, last = addresses
        for address in earlier:
            try:
                return self._tunnel(address, target, deadline)
            except FetchError:
                continue
        return self._tunnel(last, target, deadline)

    def _tunnel(self, address: str, target: Target, deadline: Deadline) -> socket.socket:
        with ExitStack() as opened:
            sock = opened.enter_context(self._dial(deadline))
            status = self._connect(DeadlineStream(sock, deadline), address, target.port)
            if not 200 <= status < 300:  # noqa: PLR2004 - every 2xx means that the tunnel is open
                raise FetchError(f"The proxy did not open a way to {target.host!r}: it answered {_meaning(status)}.")
            opened.pop_all()
        return sock

    def _dial(self, deadline: Deadline) -> socket.socket:
        addresses = tuple(map(str, self._lookups.addresses(self._proxy.host, deadline)))
        with _proxy_errors():
            return dial(addresses, self._proxy.port, deadline)

    def _connect(self, stream: DeadlineStream, address: str, port: int) -> int:
        goal = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        url = httpcore.URL(scheme="http", host=self._proxy.host, port=self._proxy.port, target=goal)
        request = httpcore.Request("CONNECT", url, headers=[("Host", goal), *self._authorization])
        with _proxy_errors():
            return httpcore.HTTP11Connection(url.origin, stream).handle_request(request).status


@contextmanager
def _proxy_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except OSError as error:
        raise FetchError(f"The connection to the proxy (fetch/proxy) failed: {error.strerror}.") from error
    except httpcore.ProtocolError as error:
        raise FetchError("The proxy (fetch/proxy) did not answer in proper HTTP.") from error


def _meaning(status: int) -> str:
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return "407, it wants a name and a password (fetch/proxy: http://name:password@host:port)"
    return f"with status {status}"


def core_url(target: Target) -> httpcore.URL:
    url = target.url
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=target.port, target=url.raw_path)
