"""Lists of hosts, as settings name them: names, every name below a suffix, addresses, networks."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

import httpx

from search_by_image.errors import FetchError
from search_by_image.fetch.target import canonical_host

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class HostList:
    """`names`: in the form of `Target.host`, or `*.suffix`, which is every name below it and not the suffix itself."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Raises `FetchError` for an entry that is neither a host name, `*.suffix`, an address nor a network."""
        parsed = [parse_entry(entry) for entry in entries]
        names = frozenset(entry for entry in parsed if isinstance(entry, str))
        return cls(names, tuple(entry for entry in parsed if not isinstance(entry, str)))

    def __bool__(self) -> bool:
        return bool(self.names or self.networks)

    def has_name(self, host: str) -> bool:
        labels = host.split(".")
        suffixes = (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))
        return host in self.names or any(suffix in self.names for suffix in suffixes)

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def as_address(host: str) -> Address | None:
    """None: it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def parse_entry(text: str) -> str | Network:
    """An address is a network of one. Raises `FetchError`."""
    entry = text.strip()
    if "/" in entry:
        return _network(entry)
    host = _host(entry.removeprefix("*."))
    address = as_address(host)
    if address is None:
        return f"*.{host}" if entry.startswith("*.") else host
    if entry.startswith("*."):
        raise FetchError("an IP address has no subdomains.")
    return ip_network(address)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise FetchError("write a network as 10.0.0.0/8 or fd00::/8, the bits behind its length 0.") from error


def _host(name: str) -> str:
    try:
        return canonical_host(httpx.URL(scheme="http", host=name.removeprefix("[").removesuffix("]")))
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError("it is not a valid host name.") from error
