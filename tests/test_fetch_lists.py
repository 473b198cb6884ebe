"""Who may be fetched from: `allowed_hosts`, `only_hosts`, `denied_hosts`, and how they go together."""

import pytest

from raw_servers import Names
from search_by_image.deadline import Deadline
from search_by_image.errors import ConfigError, FetchError, FetchRefusedError
from search_by_image.fetch import FetchSettings
from search_by_image.fetch.guard import AddressGuard

NAMES = {
    "img.test": ["93.184.216.34"],
    "a.img.test": ["93.184.216.35"],
    "inner.test": ["10.1.2.3"],
    "both.test": ["93.184.216.34", "10.1.2.3"],
    "six.test": ["2606:2800::1"],
    "nat64.test": ["64:ff9b::5db8:d822"],
}


def outcome(host, **lists):
    """'' for admitted, else the setting that refuses."""
    names = Names(NAMES)
    try:
        AddressGuard(FetchSettings(**lists), names).admit(host, Deadline(5))
    except FetchRefusedError as error:
        return str(error).rpartition("fetch/")[2].rstrip(").")
    return ""


@pytest.mark.parametrize(
    ("host", "lists", "refused_by"),
    [
        ("img.test", {}, ""),
        ("inner.test", {}, "allowed_hosts"),
        ("inner.test", {"allowed_hosts": ("10.0.0.0/8",)}, ""),
        ("inner.test", {"allowed_hosts": ("10.1.2.3",)}, ""),
        ("inner.test", {"allowed_hosts": ("10.1.3.0/24",)}, "allowed_hosts"),
        ("10.1.2.3", {"allowed_hosts": ("10.0.0.0/8",)}, ""),
        ("::ffff:10.1.2.3", {"allowed_hosts": ("10.0.0.0/8",)}, "allowed_hosts"),
        ("both.test", {"allowed_hosts": ("10.0.0.0/8",)}, ""),
        ("img.test", {"only_hosts": ("img.test",)}, ""),
        ("a.img.test", {"only_hosts": ("img.test",)}, "only_hosts"),
        ("a.img.test", {"only_hosts": ("*.img.test",)}, ""),
        ("six.test", {"only_hosts": ("img.test",)}, "only_hosts"),
        ("six.test", {"only_hosts": ("img.test", "2606:2800::/32")}, ""),
        ("inner.test", {"only_hosts": ("inner.test",)}, "allowed_hosts"),
        ("inner.test", {"only_hosts": ("inner.test",), "allowed_hosts": ("inner.test",)}, ""),
        ("both.test", {"only_hosts": ("93.184.216.0/24",), "allow_private": True}, "only_hosts"),
        ("93.184.216.34", {"only_hosts": ("93.184.216.34",)}, ""),
        ("93.184.216.35", {"only_hosts": ("93.184.216.34",)}, "only_hosts"),
        ("img.test", {"denied_hosts": ("img.test",)}, "denied_hosts"),
        ("a.img.test", {"denied_hosts": ("img.test",)}, ""),
        ("a.img.test", {"denied_hosts": ("*.img.test",)}, "denied_hosts"),
        ("img.test", {"denied_hosts": ("93.184.216.34",)}, "denied_hosts"),
        ("nat64.test", {"denied_hosts": ("93.184.216.0/24",)}, "denied_hosts"),
        ("::ffff:93.184.216.34", {"denied_hosts": ("93.184.216.0/24",)}, "denied_hosts"),
        ("2002:5db8:d822::1", {"denied_hosts": ("93.184.216.0/24",)}, "denied_hosts"),
        ("both.test", {"denied_hosts": ("10.0.0.0/8",), "allow_private": True}, "denied_hosts"),
        ("img.test", {"denied_hosts": ("img.test",), "allowed_hosts": ("img.test",)}, "denied_hosts"),
        ("img.test", {"denied_hosts": ("*.test",), "only_hosts": ("img.test",)}, "denied_hosts"),
        ("six.test", {"denied_hosts": ("::/0",)}, "denied_hosts"),
    ],
)
def test_the_three_lists(host, lists, refused_by):
    assert outcome(host, **lists) == refused_by


@pytest.mark.parametrize("lists", [{"denied_hosts": ("img.test",)}, {"only_hosts": ("other.test",)}])
def test_a_name_that_a_list_refuses_is_not_even_looked_up(lists):
    names = Names(NAMES)
    with pytest.raises(FetchRefusedError):
        AddressGuard(FetchSettings(**lists), names).admit("img.test", Deadline(5))
    assert names.asked == []


@pytest.mark.parametrize("name", ["allowed_hosts", "only_hosts", "denied_hosts"])
@pytest.mark.parametrize("entry", ["10.0.0.1/8", "10.0.0.0/33", "10/8", "fd00::/129", "a/8", "/", "*.10.0.0.1", "a b"])
def test_entries_that_are_none(name, entry):
    with pytest.raises(ConfigError, match=f"fetch/{name}: .* is neither a host"):
        FetchSettings(**{name: (entry,)})


def test_a_name_without_addresses_stays_a_plain_error():
    with pytest.raises(FetchError, match="could not be resolved"):
        AddressGuard(FetchSettings(only_hosts=("10.0.0.0/8",)), Names({})).admit("img.test", Deadline(5))
