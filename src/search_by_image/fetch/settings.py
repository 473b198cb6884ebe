"""What may be fetched, how much of it and for how long."""

from collections.abc import Iterator
from dataclasses import dataclass

from search_by_image.errors import ConfigError, FetchError, Problem
from search_by_image.fetch.target import MAX_PORT, canonical_pattern

MAX_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """Raises `ConfigError`, naming every mistake at once.

    allow_private: lifts the address check for every host (loopback, private, link-local with the cloud's metadata
        service, ...): only for a service that nobody but its owner can reach.
    allowed_hosts: exact host names or `*.suffix` (not the suffix itself), exempt from the address check only.
    allowed_ports: empty allows every port.
    timeout: seconds for one whole fetch: name look-ups, connections, redirects, body.
    """

    max_bytes: int = 16 * 2**20
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    timeout: float = 10.0
    max_redirects: int = 3
    user_agent: str = "search-by-image"

    def __post_init__(self) -> None:
        problems = (*_number_problems(self), *_text_problems(self))
        if problems:
            raise ConfigError(problems, source="the settings of fetch")


def _number_problems(settings: FetchSettings) -> Iterator[Problem]:
    if settings.max_bytes < 1:
        yield Problem("fetch/max_bytes", f"{settings.max_bytes} is not allowed; give at least 1")
    if not 0 < settings.timeout <= MAX_TIMEOUT:
        yield Problem("fetch/timeout", f"{settings.timeout} is not allowed; give 0 < seconds <= {MAX_TIMEOUT:g}")
    if settings.max_redirects < 0:
        yield Problem("fetch/max_redirects", f"{settings.max_redirects} is not allowed; give 0 or more")
    for port in settings.allowed_ports:
        if not 1 <= port <= MAX_PORT:
            yield Problem("fetch/allowed_ports", f"{port} is no port; give 1 to {MAX_PORT}")


def _text_problems(settings: FetchSettings) -> Iterator[Problem]:
    if not (settings.user_agent.isascii() and settings.user_agent.isprintable() and settings.user_agent.strip()):
        yield Problem("fetch/user_agent", f"{settings.user_agent!r} is not allowed; give printable ASCII text")
    for pattern in settings.allowed_hosts:
        try:
            canonical_pattern(pattern)
        except FetchError as error:
            yield Problem("fetch/allowed_hosts", f"{pattern!r} is neither a host nor *.suffix: {error}")
