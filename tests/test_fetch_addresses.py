"""Which URLs, hosts and addresses a fetch may go to."""

import ipaddress
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.deadline import Deadline
from search_by_image.errors import ConfigError, FetchError, FetchRefusedError
from search_by_image.fetch import FetchSettings, UrlFetcher, system_resolver
from search_by_image.fetch.addresses import is_public
from search_by_image.fetch.guard import AddressGuard
from search_by_image.fetch.lookups import MAX_LOOKUPS
from search_by_image.fetch.target import parse_target

INNER_NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "internal.test": ["10.1.2.3"],
    "mixed.test": ["93.184.216.34", "192.168.1.1"],
    "mixed6.test": ["2606:2800:220:1::1", "fd00::1"],
    "zone.test": ["fe80::1%1"],
    "global-zone.test": ["2606:2800:220:1::1%1"],
    "mapped.test": ["::ffff:10.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "xn--bcher-kva.test": ["127.0.0.1"],
    "under_score.test": ["127.0.0.1"],
}


@pytest.fixture(scope="module")
def audit():
    connects = []
    sys.addaudithook(lambda event, args: connects.append(args) if event == "socket.connect" else None)
    return connects


@pytest.fixture
def connects(audit):
    audit.clear()
    return audit


def resolve(host):
    return INNER_NAMES[host]


@pytest.fixture(scope="module")
def strict():
    return UrlFetcher(FetchSettings(), resolve=resolve)


@pytest.fixture(scope="module")
def lenient():
    return UrlFetcher(FetchSettings(allow_private=True), resolve=resolve)


# refused for their address, whatever way it is written
INNER_URLS = [
    "http://127.0.0.1/",
    "http://127.0.0.1:80/a.jpg",
    "HTTP://127.0.0.1/",
    "https://127.255.255.254/",
    "http://127.0.0.1./",
    "http://127。0。0。1/",
    "http://@127.0.0.1/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    "http://168.63.129.16/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://192.168.0.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[64:ff9b:1::8.8.8.8]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:0:808:808::f5ff:fffe]/",
    "http://[2001:2::1]/",
    "http://[2001:10::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fd12:3456::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[2606:2800::5efe:10.0.0.1]/",
    "http://[2606:2800::200:5efe:8.8.8.8]/",
    *(f"http://{name}/cat.jpg" for name in INNER_NAMES),
    "http://LOCALHOST/",
    "http://localhost./",
    "http://bücher.test/",
]

# refused before any address is looked at
FORBIDDEN_URLS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0x/",
    "http://017700000001/",
    "http://1.2.3.4.5/",
    "http://a.b.1/",
    "http://127.0.0.1../",
    "http://%31%32%37.0.0.1/",
    "http://127.0.0.1%2f/",
    "http://localhost%00.test/",
    "http://local host/",
    "http://good.test\\@127.0.0.1/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1%lo]/",
    "http://user@localhost/",
    "http://user:password@localhost/",
    "http://:@localhost/",
    "http://good.test@localhost/",
    "http://localhost:22/",
    "http://localhost:8080/",
    "http://localhost:0/",
    "http://localhost:65536/",
    "http://localhost:-80/",
    "http://a..b/",
    "http://.localhost/",
    "http://" + "a" * 64 + ".test/",
    "http://" + "a." * 127 + "test/",
    "http://",
    "http:///etc/passwd",
    "http:localhost",
    "http:/localhost/",
    "//localhost/",
    "localhost",
    "",
    " ",
    "ftp://localhost/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://localhost/",
    "dict://localhost:11211/",
    "ldap://localhost/",
    "ws://localhost/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "jar:http://localhost!/",
    "url:http://localhost/",
    "http+unix://%2fvar%2frun%2fdocker.sock/",
]

# what httpx itself calls no URL
BROKEN_URLS = [
    "http://0177.0.0.1/",
    "http://127.0.0.01/",
    "http://999.1.1.1/",
    "http://[127.0.0.1]/",
    "http://[::1/",
    "http://[::1]]/",
    "http://[]/",
    "http://localhost:port/",
    "http://localhost:" + "9" * 5000,
    "http://localhost:80:80/",
    "http://127.0.0.1:80#@good.test:/\x00",
    "http://local\thost/",
    "http://local\r\nhost/",
    "http://１２７.0.0.1/",
    "http://ⓛocalhost/",
    "http://localhost/\ud800",
    "http://localhost/" + "a" * 8192,
    "http://localhost/" + "ü" * 3000,
    "http://localhost/" + "a" * 70_000,
]


@pytest.mark.parametrize("url", INNER_URLS)
def test_inner_addresses_are_refused(strict, connects, url):
    with pytest.raises(FetchRefusedError, match="is not public; allow it with fetch/allow_private") as caught:
        strict.fetch(url)
    host = parse_target(url, ()).host
    assert all(address not in str(caught.value).replace(repr(host), "") for address in INNER_NAMES.get(host, [host]))
    assert connects == []


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_forbidden_urls_are_refused_even_where_private_addresses_are_allowed(lenient, connects, url):
    with pytest.raises(FetchRefusedError) as caught:
        lenient.fetch(url)
    assert "password" not in str(caught.value).replace("user name or password", "")
    assert len(str(caught.value)) < 300
    assert connects == []


@pytest.mark.parametrize("url", BROKEN_URLS)
def test_broken_urls(lenient, connects, url):
    with pytest.raises(FetchError) as caught:
        lenient.fetch(url)
    assert len(str(caught.value)) < 300
    assert connects == []


@pytest.mark.parametrize(
    ("url", "host", "port", "canonical"),
    [
        ("http://A.Test", "a.test", 80, "http://a.test/"),
        ("https://a.test.:/x", "a.test", 443, "https://a.test/x"),
        ("https://a.test:8443?q=1", "a.test", 8443, "https://a.test:8443?q=1"),
        ("http://[2606:0::0:1]:81/", "2606::1", 81, "http://[2606::1]:81/"),
        ("http://bücher.test/", "xn--bcher-kva.test", 80, "http://xn--bcher-kva.test/"),
        ("http://8.8.8.8/", "8.8.8.8", 80, "http://8.8.8.8/"),
        ("http://1.a/", "1.a", 80, "http://1.a/"),
        ("http://0x1g/", "0x1g", 80, "http://0x1g/"),
    ],
)
def test_targets_are_canonical(url, host, port, canonical):
    target = parse_target(url, ())
    assert (target.host, target.port, str(target.url).rstrip("/")) == (host, port, canonical.rstrip("/"))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
    ],
)
def test_public_addresses(address):
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_what_is_inner_stays_inner_inside_every_ipv6_form(inner):
    number, public = int(inner), is_public(inner)
    forms = [number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80 | 1]
    forms += [0x20010000 << 96 | 0x08080808 << 64 | number ^ 0xFFFFFFFF]
    assert [is_public(ipaddress.IPv6Address(form)) for form in forms] == [public] * len(forms)


@given(st.ip_addresses())
def test_public_is_never_wider_than_the_standard_library(address):
    embedded = address.version == 6 and not ipaddress.IPv6Network("2000::/3").supernet_of(
        ipaddress.IPv6Network(address)
    )
    if is_public(address) and not embedded and int(address) >> 112 != 0x2002:
        assert address.is_global
        assert not (address.is_multicast or address.is_reserved or address.is_link_local)


# names


def guard(answer, **changes):
    return AddressGuard(FetchSettings(**changes), answer)


def test_answers_keep_their_order_without_repetitions():
    found = guard(lambda host: ["2606:2800::1", "93.184.216.34", "2606:2800:0::1", "93.184.216.34"])
    assert found.admit("good.test", Deadline(5)) == ("2606:2800::1", "93.184.216.34")


def test_lookups_that_ended_make_room():
    it = guard(lambda host: ["8.8.8.8"])
    for number in range(MAX_LOOKUPS + 1):
        assert it.admit(f"h{number}.test", Deadline(5)) == ("8.8.8.8",)


def test_an_address_is_not_looked_up():
    assert guard(resolve).admit("8.8.8.8", Deadline(5)) == ("8.8.8.8",)


@pytest.mark.parametrize(
    ("allowed", "host", "admitted"),
    [
        (("img.test",), "img.test", True),
        ((" IMG.test. ",), "img.test", True),
        (("img.test",), "a.img.test", False),
        (("*.img.test",), "a.img.test", True),
        (("*.img.test",), "b.a.img.test", True),
        (("*.img.test",), "img.test", False),
        (("*.img.test",), "badimg.test", False),
        (("*.img.test",), "img.test.evil.test", False),
        (("bücher.test",), "xn--bcher-kva.test", True),
        (("10.0.0.7",), "10.0.0.7", True),
        (("10.0.0.7",), "10.0.0.8", False),
        (("[FD00:0::7]",), "fd00::7", True),
        (("fd00::7",), "fd00::8", False),
        (("::ffff:10.0.0.7",), "10.0.0.7", False),
        ((), "img.test", False),
    ],
)
def test_allowed_hosts(allowed, host, admitted):
    it = guard(lambda host: ["10.9.9.9"], allowed_hosts=allowed)
    if admitted:
        assert it.admit(host, Deadline(5))
    else:
        with pytest.raises(FetchRefusedError, match="not public"):
            it.admit(host, Deadline(5))


@pytest.mark.parametrize("answer", [[], ["good.test"], ["1.2.3"], ["8.8.8.8", ""], ["::1::"]])
def test_answers_that_are_no_addresses(answer):
    with pytest.raises(FetchError, match=r"'odd\.test' (could not be resolved|resolves to no valid address)"):
        guard(lambda host: answer).admit("odd.test", Deadline(5))


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), OSError("down"), UnicodeError("label")])
def test_a_resolver_that_fails(error):
    def failing(host):
        raise error

    with pytest.raises(FetchError, match=r"'odd\.test' could not be resolved"):
        guard(failing).admit("odd.test", Deadline(5))


def test_a_spent_budget():
    with pytest.raises(TimeoutError):
        guard(resolve).admit("localhost", Deadline(0))


def test_the_system_resolver():
    found = system_resolver("localhost")
    assert "127.0.0.1" in found
    assert len(set(found)) == len(found)
    with UrlFetcher(FetchSettings()) as it, pytest.raises(FetchRefusedError, match="'localhost' is not public"):
        it.fetch("http://localhost/")


# settings


def test_every_mistake_is_named_at_once():
    hosts = (
        "",
        "*.",
        "*",
        "a.*.test",
        "http://a.test",
        "a.test:80",
        "*.10.0.0.1",
        "127.1",
        "a b",
        "\ud800",
        "fe80::1%1",
    )
    with pytest.raises(ConfigError) as caught:
        FetchSettings(
            max_bytes=0,
            timeout=float("nan"),
            max_redirects=-1,
            allowed_ports=(80, 0, 65536),
            user_agent="a\r\nX: y",
            allowed_hosts=hosts,
        )
    paths = [problem.path for problem in caught.value.problems]
    single = ["max_bytes", "timeout", "max_redirects", "allowed_ports", "allowed_ports", "user_agent"]
    assert paths == [f"fetch/{name}" for name in [*single, *["allowed_hosts"] * len(hosts)]]


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), 3601])
def test_timeouts_are_finite_and_positive(timeout):
    with pytest.raises(ConfigError, match="fetch/timeout"):
        FetchSettings(timeout=timeout)


@pytest.mark.parametrize("agent", ["", " ", "ü", "a\x00"])
def test_a_user_agent_is_plain_text(agent):
    with pytest.raises(ConfigError, match="fetch/user_agent"):
        FetchSettings(user_agent=agent)
