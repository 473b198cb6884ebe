"""The guard: names become addresses once, and only addresses that may be connected to leave it."""

from collections.abc import Iterable

from search_by_image.deadline import Deadline
from search_by_image.errors import FetchRefusedError
from search_by_image.fetch.addresses import embedded, is_public
from search_by_image.fetch.hosts import Address, HostList, as_address
from search_by_image.fetch.lookups import Lookups, Resolver
from search_by_image.fetch.settings import FetchSettings

LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


class AddressGuard:
    """`fetch/denied_hosts` comes before everything else, then `only_hosts`, then the check for public addresses."""

    def __init__(self, settings: FetchSettings, resolve: Resolver) -> None:
        self._allow_private = settings.allow_private
        self._exempt = HostList.parse(settings.allowed_hosts)
        self._denied = HostList.parse(settings.denied_hosts)
        self._only = HostList.parse(settings.only_hosts)
        self._lookups = Lookups(resolve)

    def admit(self, host: str, deadline: Deadline) -> tuple[str, ...]:
        """The host's addresses, in the resolver's order, to connect to without asking again.

        Raises `FetchRefusedError` when one of them may not be connected to, `FetchError` when there are none,
        `TimeoutError`.
        """
        self._check_name(host)
        addresses = self._lookups.addresses(host, deadline)
        self._check_addresses(host, addresses)
        return tuple(map(str, addresses))

    def admit_unresolved(self, host: str) -> None:
        """All that can be told without addresses, for a proxy that looks names up. Raises `FetchRefusedError`."""
        self.check_host(host)
        if as_address(host) is not None:
            return
        if self._only and not self._only.has_name(host):
            raise _not_among(host)
        if not self._is_exempt(host) and _is_local(host):
            raise _not_public(host)

    def check_host(self, host: str) -> None:
        """What needs no look-up: an address as it stands, a name by the lists of names. Raises `FetchRefusedError`."""
        self._check_name(host)
        address = as_address(host)
        if address is not None:
            self._check_addresses(host, (address,))

    def _check_name(self, host: str) -> None:
        if self._denied.has_name(host):
            raise _denied(host)
        if self._only and not self._only.networks and not self._only.has_name(host):
            raise _not_among(host)

    def _check_addresses(self, host: str, addresses: Iterable[Address]) -> None:
        for address in addresses:
            if any(map(self._denied.has_address, (address, *embedded(address)))):
                raise _denied(host)
            if self._only and not (self._only.has_name(host) or self._only.has_address(address)):
                raise _not_among(host)
            if not (self._is_exempt(host) or is_public(address) or self._exempt.has_address(address)):
                raise _not_public(host)

    def _is_exempt(self, host: str) -> bool:
        return self._allow_private or self._exempt.has_name(host)


def _is_local(name: str) -> bool:
    return "." not in name or name.endswith(LOCAL_SUFFIXES)


def _denied(host: str) -> FetchRefusedError:
    return FetchRefusedError(f"Nothing may be fetched from host {host!r} (fetch/denied_hosts).")


def _not_among(host: str) -> FetchRefusedError:
    return FetchRefusedError(f"Host {host!r} is not among those that may be fetched from (fetch/only_hosts).")


def _not_public(host: str) -> FetchRefusedError:
    return FetchRefusedError(
        f"The address of host {host!r} is not public; allow it with fetch/allow_private or fetch/allowed_hosts."
    )
