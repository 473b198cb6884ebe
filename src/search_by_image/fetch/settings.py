"""What may be fetched, how much of it and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from search_by_image.errors import ConfigError, FetchError, Problem
from search_by_image.fetch.hosts import parse_entry
from search_by_image.fetch.proxy_address import ProxyAddress
from search_by_image.fetch.target import MAX_PORT

MAX_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """Raises `ConfigError`, naming every mistake at once.

    The entries of the three lists are host names, `*.suffix` (every name below it, not the suffix itself), IP addresses
    and networks such as 10.0.0.0/8.

    allow_private: lifts the address check for every host (loopback, private, link-local with the cloud's metadata
        service, ...): only for a service that nobody but its owner can reach.
    allowed_hosts: exempt from the address check only.
    only_hosts: unless empty, nothing else is fetched from; the address check holds for them too.
    denied_hosts: never fetched from, whatever the other settings say; an address counts in every form.
    allowed_ports: empty allows every port.
    timeout: seconds for one whole fetch: name look-ups, connections, redirects, body.
    proxy: http://name:password@host:port, or '': none. `proxy_resolves`: it looks the names up, we only check them.
    at_once: fetches under way; fewer than the threads that answer requests, so that silent hosts never hold all.
    max_bytes_name, timeout_name: how errors call these limits.
    """

    max_bytes: int = 16 * 2**20
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()
    only_hosts: tuple[str, ...] = ()
    denied_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    timeout: float = 10.0
    max_redirects: int = 3
    user_agent: str = "search-by-image"
    proxy: str = field(default="", repr=False)
    proxy_resolves: bool = False
    at_once: int = 16
    max_bytes_name: str = "max_upload_size"
    timeout_name: str = "fetch/timeout"

    def __post_init__(self) -> None:
        problems = (*_number_problems(self), *_text_problems(self))
        if problems:
            raise ConfigError(problems, source="the settings of fetch")


def _number_problems(settings: FetchSettings) -> Iterator[Problem]:
    if settings.max_bytes < 1:
        yield Problem("fetch/max_bytes", f"{settings.max_bytes} is not allowed; give at least 1")
    if not 0 < settings.timeout <= MAX_TIMEOUT:
        yield Problem("fetch/timeout", f"{settings.timeout} is not allowed; give 0 < seconds <= {MAX_TIMEOUT:g}")
    if settings.at_once < 1:
        yield Problem("fetch/at_once", f"{settings.at_once} is not allowed; give at least 1")
    if settings.max_redirects < 0:
        yield Problem("fetch/max_redirects", f"{settings.max_redirects} is not allowed; give 0 or more")
    for port in settings.allowed_ports:
        if not 1 <= port <= MAX_PORT:
            yield Problem("fetch/allowed_ports", f"{port} is no port; give 1 to {MAX_PORT}")


def _text_problems(settings: FetchSettings) -> Iterator[Problem]:
    if not (settings.user_agent.isascii() and settings.user_agent.isprintable() and settings.user_agent.strip()):
        yield Problem("fetch/user_agent", f"{settings.user_agent!r} is not allowed; give printable ASCII text")
    for name in ("allowed_hosts", "only_hosts", "denied_hosts"):
        for entry in getattr(settings, name):
            yield from _entry_problems(name, entry)
    yield from _proxy_problems(settings)


def _entry_problems(name: str, entry: str) -> Iterator[Problem]:
    try:
        parse_entry(entry)
    except FetchError as error:
        yield Problem(f"fetch/{name}", f"{entry!r} is neither a host, *.suffix, an address nor a network: {error}")


def _proxy_problems(settings: FetchSettings) -> Iterator[Problem]:
    if settings.proxy:
        try:
            ProxyAddress.parse(settings.proxy)
        except FetchError as error:
            yield Problem("fetch/proxy", f"This is no proxy, such as http://name:password@10.0.0.1:3128: {error}")
    elif settings.proxy_resolves:
        yield Problem("fetch/proxy_resolves", "There is no proxy that could; give fetch/proxy, or leave it false")
