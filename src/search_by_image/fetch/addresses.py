"""Which addresses the whole internet reaches."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from search_by_image.fetch.hosts import Address

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


def is_public(address: Address) -> bool:
    """Whether the whole internet reaches this very address; an address with an IPv4 address inside counts as that."""
    if isinstance(address, IPv4Address):
        return not any(address in net for net in _NON_PUBLIC_V4)
    inner = tuple(embedded(address))
    if inner:
        return all(map(is_public, inner))
    return _is_global_unicast(address)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 one leads to: IPv4-mapped and -compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return
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
