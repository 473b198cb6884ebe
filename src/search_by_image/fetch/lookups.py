"""Names to addresses within a fetch's time: the system's resolver cannot be interrupted, so it is left behind."""

import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread

from search_by_image.deadline import Deadline
from search_by_image.errors import FetchError
from search_by_image.fetch.hosts import Address, as_address

Resolver = Callable[[str], Iterable[str]]
"""A host name to its IP addresses as text. Raises `OSError` when there are none. Called from many threads."""

Answer = SimpleQueue[tuple[str, ...]]

MAX_LOOKUPS = 64


def system_resolver(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Lookups:
    """Thread-safe; at most `MAX_LOOKUPS` threads wait for the resolver."""

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._free = BoundedSemaphore(MAX_LOOKUPS)

    def addresses(self, host: str, deadline: Deadline) -> tuple[Address, ...]:
        """In the resolver's order, one or more; an address in place of a name is its own answer.

        Raises `FetchError` when there are none, `TimeoutError`.
        """
        address = as_address(host)
        return (address,) if address else _parsed(host, self._look_up(host, deadline))

    def _look_up(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        if not self._free.acquire(timeout=deadline.left()):
            raise TimeoutError("too many names are being looked up")
        answer = Answer()
        self._start(Thread(target=self._answer, args=(host, answer), name="fetch-resolver", daemon=True))
        try:
            return answer.get(timeout=deadline.left())
        except Empty as error:
            raise TimeoutError("the name look-up takes too long") from error

    def _start(self, lookup: Thread) -> None:
        try:
            lookup.start()
        except RuntimeError as error:
            self._free.release()
            raise FetchError("No thread is left to look up the host name; try again later.") from error

    def _answer(self, host: str, answer: Answer) -> None:
        found: tuple[str, ...] = ()
        try:
            found = tuple(self._resolve(host))
        except (OSError, UnicodeError):
            found = ()
        finally:
            self._free.release()
            answer.put(found)


def _parsed(host: str, found: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        addresses = tuple(dict.fromkeys(map(ip_address, found)))
    except ValueError as error:
        raise FetchError(f"The host name {host!r} resolves to no valid address.") from error
    if not addresses:
        raise FetchError(f"The host name {host!r} could not be resolved; check its spelling.")
    return addresses
