"""Pictures by URL: every hop is checked from scratch and goes to an address that the guard has admitted.

There is no connection pool, no cookie and no content decoding: a hop is one socket and one GET over it.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Self

import httpcore
import httpx

from search_by_image.deadline import Deadline
from search_by_image.errors import (
    EmptyImageError,
    FetchError,
    FetchTimeoutError,
    ImageTooLargeError,
    OverloadedError,
)
from search_by_image.fetch.guard import AddressGuard
from search_by_image.fetch.kinds import PICTURE, Kind
from search_by_image.fetch.lookups import Lookups, Resolver, system_resolver
from search_by_image.fetch.proxy_address import ProxyAddress
from search_by_image.fetch.routes import DirectRoute, ProxyRoute, Route, core_url
from search_by_image.fetch.settings import FetchSettings
from search_by_image.fetch.stream import DeadlineStream
from search_by_image.fetch.target import SHOWN, Target, parse_target, redirect_target
from search_by_image.timing import stage

OK = 200
REDIRECTS = frozenset({301, 302, 303, 307, 308})
Take = Callable[[bytes, int], object]


class UrlFetcher:
    """Thread-safe.

    Certificates are checked against certifi's authorities, or those that the environment variables SSL_CERT_FILE or
    SSL_CERT_DIR name. Proxy variables are not read; the settings may name a proxy.
    """

    def __init__(self, settings: FetchSettings, *, resolve: Resolver = system_resolver) -> None:
        self._settings = settings
        self._guard = AddressGuard(settings, resolve)
        self._route = _route(settings, self._guard, resolve)
        self._tls = httpx.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._free = threading.BoundedSemaphore(settings.at_once)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Fetches under way end by themselves; later ones raise `FetchError`."""
        self._closed = True

    @property
    def timeout(self) -> float:
        """Seconds that one call takes at most."""
        return self._settings.timeout

    def check(self, url: str) -> None:
        """All that can be told of an address without asking for it. Raises `FetchError`, `FetchRefusedError`."""
        self._guard.check_host(parse_target(url, self._settings.allowed_ports).host)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send the body to the address, which is checked as one to fetch from is; the status of the answer.

        No redirect is followed, and of the answer no more than its head is read. Raises as `fetch` does.
        """
        target = self._target(url)
        sent = {**headers, "Content-Length": str(len(body))}
        with self._place(), self._translated_errors(target.host):
            connection = self._connect(target, Deadline(self._settings.timeout))
            with closing(connection):
                return connection.handle_request(self._request(target, "POST", sent, body)).status

    def fetch(self, url: str) -> bytes:
        """The body of the answer, 1 to `max_bytes` bytes; nothing says yet that it is a picture.

        Raises `FetchRefusedError`, `FetchTimeoutError`, `ImageTooLargeError`, `EmptyImageError`, else `FetchError`;
        `OverloadedError` while `at_once` others are fetched.
        """
        body = bytearray()
        with stage("fetch"):
            self.fetch_into(url, lambda chunk, _: body.extend(chunk), PICTURE)
        return bytes(body)

    def fetch_into(self, url: str, take: Take, kind: Kind) -> None:
        """As `fetch`, for what need not fit into memory.

        `take` gets each piece as it comes, and how many bytes all will be, 0 when the answer does not say; after an
        error what it was given is to be thrown away.
        """
        target = self._target(url)
        with self._place():
            self._follow(target, Deadline(self._settings.timeout), take, kind)

    def _target(self, url: str) -> Target:
        if self._closed:
            raise FetchError("The fetcher is closed; make a new one.")
        return parse_target(url, self._settings.allowed_ports)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise OverloadedError(
                f"{self._settings.at_once} pictures are being fetched already (fetch/at_once). Try again in a second."
            )
        try:
            yield
        finally:
            self._free.release()

    def _follow(self, target: Target, deadline: Deadline, take: Take, kind: Kind) -> None:
        for _ in range(self._settings.max_redirects + 1):
            next_target = self._get(target, deadline, take, kind)
            if next_target is None:
                return
            target = next_target
        raise FetchError(f"More than {self._settings.max_redirects} redirects (fetch/max_redirects).")

    def _get(self, target: Target, deadline: Deadline, take: Take, kind: Kind) -> Target | None:
        """Where the answer leads on to, None when its body was taken."""
        wanted = {"Accept": kind.accept, "Accept-Encoding": "identity"}
        with self._translated_errors(target.host), closing(self._connect(target, deadline)) as connection:
            response = connection.handle_request(self._request(target, "GET", wanted))
            headers = httpx.Headers(response.headers)
            if response.status in REDIRECTS and "location" in headers:
                return redirect_target(target, headers["location"], self._settings.allowed_ports)
            _check_head(target.host, response.status, headers, kind)
            self._take_body(response, headers, take, kind)
            return None

    @contextmanager
    def _translated_errors(self, host: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            limit = f"{self._settings.timeout:g} seconds ({self._settings.timeout_name})"
            raise FetchTimeoutError(f"Fetching from {host!r} took longer than {limit}.") from error
        except ssl.SSLCertVerificationError as error:
            raise FetchError(f"The certificate of {host!r} is not valid: {error.verify_message}.") from error
        except OSError as error:
            raise FetchError(f"The connection to {host!r} failed: {error.strerror}.") from error
        except httpcore.ProtocolError as error:
            raise FetchError(f"{host!r} did not answer in proper HTTP, or cut its answer short.") from error

    def _connect(self, target: Target, deadline: Deadline) -> httpcore.HTTP11Connection:
        sock = self._route.open(target, deadline)
        if target.url.scheme == "https":
            sock = self._secured(sock, target.host, deadline)
        return httpcore.HTTP11Connection(core_url(target).origin, DeadlineStream(sock, deadline))

    def _secured(self, sock: socket.socket, host: str, deadline: Deadline) -> ssl.SSLSocket:
        with sock:
            sock.settimeout(deadline.left())
            return self._tls.wrap_socket(sock, server_hostname=host)

    def _request(self, target: Target, method: str, headers: Mapping[str, str], body: bytes = b"") -> httpcore.Request:
        url, headers_of_route = self._route.request_line(target)
        common = [
            ("Host", target.url.netloc.decode("ascii")),
            ("User-Agent", self._settings.user_agent),
            ("Connection", "close"),
        ]
        return httpcore.Request(method, url, headers=[*common, *headers.items(), *headers_of_route], content=body)

    def _take_body(self, response: httpcore.Response, headers: httpx.Headers, take: Take, kind: Kind) -> None:
        told = int(headers.get("content-length", 0))
        self._check_size(told)
        size = 0
        for chunk in response.iter_stream():
            size += len(chunk)
            self._check_size(size)
            take(chunk, told)
        if not size:
            raise EmptyImageError(f"The URL's answer has no content; give the address of a {kind.name}.")

    def _check_size(self, size: int) -> None:
        limit = self._settings.max_bytes
        if size > limit:
            allowed = f"at most {limit} are allowed ({self._settings.max_bytes_name})"
            text = f"The URL's answer has {size} bytes or more; {allowed}."
            raise ImageTooLargeError(text, size=size, limit=limit)


def _check_head(host: str, status: int, headers: httpx.Headers, wanted: Kind) -> None:
    if status != OK:
        raise FetchError(f"{host!r} answered with status {status}; check the URL in a browser.")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise FetchError(f"{host!r} answered with the content encoding {encoding[:SHOWN]!r}, not asked for.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in wanted.refused:
        raise FetchError(
            f"{host!r} answered with {wanted.refused[kind]} ({kind}); give the address of the {wanted.name} itself."
        )


def _route(settings: FetchSettings, guard: AddressGuard, resolve: Resolver) -> Route:
    if not settings.proxy:
        return DirectRoute(guard)
    proxy = ProxyAddress.parse(settings.proxy)
    return ProxyRoute(guard, Lookups(resolve), proxy, proxy_resolves=settings.proxy_resolves)
