"""The guard: names become addresses once, and only addresses that may be connected to leave it."""

import socket
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread

from search_by_image.errors import FetchError, FetchRefusedError
from search_by_image.fetch.deadline import Deadline
from search_by_image.fetch.settings import FetchSettings
from search_by_image.fetch.target import canonical_pattern

Address = IPv4Address | IPv6Address
Resolver = Callable[[str], Iterable[str]]
"""A host name to its IP addresses as text. Raises `OSError` when there are none. Called from many threads."""

Answer = SimpleQueue[tuple[str, ...]]

MAX_LOOKUPS = 64

# https://www.iana.org/assignments/iana-ipv4-special-registry, and Azure's metadata service
_NON_PUBLIC_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry: public is what lies in 2000::/3 and in none of these
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NON_PUBLIC_V6 = tuple(IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_ISATAP = 0x5EFE
# IPv4-compatible (RFC 4291) and NAT64 (RFC 6052): the IPv4 address is in the last 32 bits
_IPV4_IN_LAST_BITS = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


def system_resolver(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_public(address: Address) -> bool:
    """Whether the whole internet reaches this very address; an address with an IPv4 address inside counts as that."""
    if isinstance(address, IPv4Address):
        return not any(address in net for net in _NON_PUBLIC_V4)
    inner = tuple(_embedded(address))
    if inner:
        return all(map(is_public, inner))
    return _is_global_unicast(address)


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if any(address in net for net in _IPV4_IN_LAST_BITS):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _is_global_unicast(address: IPv6Address) -> bool:
    special = any(address in net for net in _NON_PUBLIC_V6)
    return address in _GLOBAL_UNICAST and not special and not _is_isatap(address) and address.scope_id is None


def _is_isatap(address: IPv6Address) -> bool:
    """RFC 5214, section 6.1: the interface identifier is 0000:5efe or 0200:5efe and an IPv4 address."""
    return int(address) >> 32 & 0xFDFFFFFF == _ISATAP


class AddressGuard:
    def __init__(self, settings: FetchSettings, resolve: Resolver) -> None:
        self._allow_private = settings.allow_private
        self._exempt = frozenset(map(canonical_pattern, settings.allowed_hosts))
        self._resolve = resolve
        self._lookups = BoundedSemaphore(MAX_LOOKUPS)

    def admit(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        """The host's addresses, in the resolver's order, to connect to without asking again.

        Raises `FetchRefusedError` when one of them is not public, `FetchError` when there are none, `TimeoutError`.
        """
        addresses = self._addresses(host, deadline)
        if not self._is_exempt(host) and not all(map(is_public, addresses)):
            raise FetchRefusedError(
                f"The address of host {host!r} is not public; allow it with fetch/allow_private or fetch/allowed_hosts."
            )
        return tuple(map(str, addresses))

    def _is_exempt(self, host: str) -> bool:
        labels = host.split(".")
        suffixes = (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))
        return self._allow_private or host in self._exempt or any(suffix in self._exempt for suffix in suffixes)

    def _addresses(self, host: str, deadline: Deadline) -> tuple[Address, ...]:
        try:
            return (ip_address(host),)
        except ValueError:
            return _parse_addresses(host, self._look_up(host, deadline))

    def _look_up(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        if not self._lookups.acquire(timeout=deadline.left()):
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
            self._lookups.release()
            raise FetchError("No thread is left to look up the host name; try again later.") from error

    def _answer(self, host: str, answer: Answer) -> None:
        found: tuple[str, ...] = ()
        try:
            found = tuple(self._resolve(host))
        except (OSError, UnicodeError):
            found = ()
        finally:
            self._lookups.release()
            answer.put(found)


def _parse_addresses(host: str, found: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        addresses = tuple(dict.fromkeys(map(ip_address, found)))
    except ValueError as error:
        raise FetchError(f"The host name {host!r} resolves to no valid address.") from error
    if not addresses:
        raise FetchError(f"The host name {host!r} could not be resolved; check its spelling.")
    return addresses
