"""How many calls a minute an address and a key may make; every answer says what is left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from search_by_image.api.buckets import Buckets, Grant
from search_by_image.api.callers import Caller
from search_by_image.errors import RateLimitedError

IPV6_PREFIX = 64
"""Whoever has one IPv6 address has all of its network."""


@dataclass(slots=True)
class Rates:
    """`per_minute` 0: no limit; `burst`: calls that may come at once."""

    address_per_minute: int = 60_000
    key_per_minute: int = 60_000
    burst: int = 1000
    _addresses: Buckets | None = field(init=False)
    _keys: Buckets | None = field(init=False)

    def __post_init__(self) -> None:
        self._addresses = Buckets(self.address_per_minute, self.burst) if self.address_per_minute else None
        self._keys = Buckets(self.key_per_minute, self.burst) if self.key_per_minute else None

    def count_address(self, scope: Scope, counted: list["Counted"]) -> None:
        """Raises `RateLimitedError`."""
        if self._addresses is not None:
            _count("address", self._addresses, network_of(scope), counted)

    def count_key(self, caller: Caller, counted: list["Counted"]) -> None:
        """Raises `RateLimitedError`."""
        if self._keys is not None and caller.key_id:
            _count("key", self._keys, caller.key_id, counted)


@dataclass(frozen=True, slots=True)
class Counted:
    policy: str
    buckets: Buckets
    grant: Grant


def telling(send: Send, counted: Sequence[Counted]) -> Send:
    """Adds the headers of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10)."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start" and counted:
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Policy"] = ", ".join(map(_policy, counted))
            headers["RateLimit"] = ", ".join(map(_left, counted))
        await send(message)

    return tell


def network_of(scope: Scope) -> str:
    """The caller's address, of IPv6 its network."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _count(policy: str, buckets: Buckets, name: str, counted: list[Counted]) -> None:
    grant = buckets.take(name)
    counted.append(Counted(policy, buckets, grant))
    if not grant.allowed:
        wait = math.ceil(grant.seconds)
        raise RateLimitedError(
            f"Too many calls from this {policy}: {buckets.per_minute} a minute are allowed, {buckets.burst} of them at "
            f"once (limits/{policy}_per_minute, limits/rate_burst). Try again in {wait} s.",
            retry_after=wait,
        )


def _policy(one: Counted) -> str:
    buckets = one.buckets
    return f'"{one.policy}";q={buckets.burst};w={math.ceil(60 * buckets.burst / buckets.per_minute)}'


def _left(one: Counted) -> str:
    return f'"{one.policy}";r={one.grant.remaining};t={math.ceil(one.grant.seconds)}'
