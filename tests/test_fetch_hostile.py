"""Hostile URLs, each with the reason why it must lead nowhere: a real server stands behind every way in, and sees none.

On one port listen the forbidden server, at 127.0.0.1 and ::1, and a stranger's, at 127.0.0.2, which redirects as it is
asked to. `outer.test` leads to the stranger and may be fetched from; every other name leads to what is forbidden.
"""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, unquote

import pytest

from raw_servers import Names, Server, raw_servers, redirect, sized
from search_by_image.errors import FetchError, FetchRefusedError
from search_by_image.fetch import FetchSettings, UrlFetcher

INNER = {
    "outer.test": ["127.0.0.2"],
    "localhost": ["127.0.0.1", "::1"],
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "zone.test": ["fe80::1%1"],
    "nat64.test": ["64:ff9b::127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "xn--bcher-kva.test": ["127.0.0.1"],
    "evil.outer.test": ["127.0.0.1"],
    "outer.test.evil.test": ["127.0.0.1"],
    "denied.outer.test": ["127.0.0.2"],
    "unknown-unless.test": [],
}
ADDRESS = "is not public"
WRITTEN = "is not a plain IP address"
NAME = "is not a valid host name"
SCHEME = "scheme .* is not allowed"
PORT = "[Pp]ort.* not allowed"
LOGIN = "user name or password in the URL"
NO_URL = "is not a valid URL"
DENIED = r"fetch/denied_hosts"

HOSTILE = [
    # url, why it is dangerous, what the refusal says
    ("http://127.0.0.1:{port}/", "the service's own machine", ADDRESS),
    ("http://127.0.0.1.:{port}/", "a final dot makes the same address look like a name", ADDRESS),
    ("http://127。0。0。1:{port}/", "ideographic full stops are dots (IDNA)", ADDRESS),
    ("http://１２７.０.０.１:{port}/", "full-width digits are digits (IDNA)", NO_URL),
    ("http://①②⑦.0.0.1:{port}/", "circled digits are digits (NFKC)", NO_URL),
    ("http://2130706433:{port}/", "the address as one decimal number", WRITTEN),
    ("http://4294967295:{port}/", "the broadcast address as one number", WRITTEN),
    ("http://6425673729:{port}/", "a number over 32 bits, cut by lenient parsers to 127.0.0.1", WRITTEN),
    ("http://0x7f000001:{port}/", "the address in hexadecimal", WRITTEN),
    ("http://0x7f.0x0.0x0.0x1:{port}/", "each part in hexadecimal", WRITTEN),
    ("http://0X7F.1:{port}/", "hexadecimal and shortened", WRITTEN),
    ("http://017700000001:{port}/", "the address in octal", WRITTEN),
    ("http://0177.0.0.1:{port}/", "one part in octal", NO_URL),
    ("http://127.0.0.01:{port}/", "a leading zero: octal for some, decimal for others", NO_URL),
    ("http://127.1:{port}/", "the short form of two parts", WRITTEN),
    ("http://127.0.1:{port}/", "the short form of three parts", WRITTEN),
    ("http://0:{port}/", "zero connects to this machine", WRITTEN),
    ("http://0.0.0.0:{port}/", "the unspecified address connects to this machine", ADDRESS),
    ("http://127.0.0.1%2f:{port}/", "a percent-encoded slash ends the host for some parsers", WRITTEN + "|" + NAME),
    ("http://%31%32%37.0.0.1:{port}/", "percent-encoded digits", WRITTEN + "|" + NAME),
    ("http://[::1]:{port}/", "loopback in IPv6", ADDRESS),
    ("http://[0:0:0:0:0:0:0:1]:{port}/", "loopback in IPv6, unabridged", ADDRESS),
    ("http://[::]:{port}/", "the unspecified address in IPv6", ADDRESS),
    ("http://[::ffff:127.0.0.1]:{port}/", "IPv4-mapped", ADDRESS),
    ("http://[::ffff:7f00:1]:{port}/", "IPv4-mapped, in hexadecimal", ADDRESS),
    ("http://[::127.0.0.1]:{port}/", "IPv4-compatible", ADDRESS),
    ("http://[::ffff:0:127.0.0.1]:{port}/", "IPv4-translated (SIIT)", ADDRESS),
    ("http://[64:ff9b::127.0.0.1]:{port}/", "NAT64 of loopback", ADDRESS),
    ("http://[64:ff9b::a9fe:a9fe]:{port}/", "NAT64 of the cloud's metadata service", ADDRESS),
    ("http://[64:ff9b:1::7f00:1]:{port}/", "NAT64's prefix for local use", ADDRESS),
    ("http://[2002:7f00:1::1]:{port}/", "6to4 of loopback", ADDRESS),
    ("http://[2001:0:7f00:1::1]:{port}/", "Teredo with an inner server", ADDRESS),
    ("http://[2001:db8::5efe:127.0.0.1]:{port}/", "ISATAP in a documentation network", ADDRESS),
    ("http://[2606:2800::5efe:7f00:1]:{port}/", "ISATAP of loopback in a public network", ADDRESS),
    ("http://[fe80::1%25lo]:{port}/", "a zone id", WRITTEN),
    ("http://[::1%lo]:{port}/", "a zone id, not encoded", WRITTEN),
    ("http://[fc00::1]:{port}/", "a unique local address", ADDRESS),
    ("http://[ff02::1]:{port}/", "multicast: every machine of the link", ADDRESS),
    ("http://[127.0.0.1]:{port}/", "IPv4 in brackets", NO_URL),
    ("http://10.0.0.1:{port}/", "a private network", ADDRESS),
    ("http://172.31.255.254:{port}/", "the end of a private network", ADDRESS),
    ("http://192.168.0.1:{port}/", "a router at home", ADDRESS),
    ("http://100.100.100.200:{port}/", "Alibaba Cloud's metadata service, in shared address space", ADDRESS),
    ("http://168.63.129.16:{port}/", "Azure's metadata service, at a public address", ADDRESS),
    ("http://169.254.169.254:{port}/latest/meta-data/", "AWS's metadata service", ADDRESS),
    ("http://metadata.google.internal:{port}/", "Google's metadata service by name", ADDRESS),
    ("http://localhost:{port}/", "loopback by name", ADDRESS),
    ("http://LOCALHOST.:{port}/", "upper case and a final dot", ADDRESS),
    ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "circled letters are letters (NFKC)", NO_URL),
    ("http://loopback.test:{port}/", "anyone's name may lead to 127.0.0.1", ADDRESS),
    ("http://loopback6.test:{port}/", "and to ::1", ADDRESS),
    ("http://mapped.test:{port}/", "and to an IPv4-mapped address", ADDRESS),
    ("http://nat64.test:{port}/", "and to a NAT64 address", ADDRESS),
    ("http://zone.test:{port}/", "and to a link-local address with its zone", ADDRESS),
    ("http://mixed.test:{port}/", "one public address beside an inner one", ADDRESS),
    ("http://bücher.test:{port}/", "a name in other letters (IDNA)", ADDRESS),
    ("http://xn--bcher-kva.test:{port}/", "the same name in punycode", ADDRESS),
    ("http://evil.outer.test:{port}/", "below an allowed name, and not it", ADDRESS),
    ("http://outer.test.evil.test:{port}/", "begins like an allowed name", ADDRESS),
    ("http://outer.test@127.0.0.1:{port}/", "an allowed name as user name", LOGIN),
    ("http://outer.test:80@127.0.0.1:{port}/", "an allowed name and port as login", LOGIN),
    ("http://127.0.0.1:{port}@outer.test:{port}/", "the other way round", LOGIN),
    (
        "http://outer.test\\@127.0.0.1:{port}/",
        "browsers end the host at a backslash, others at the @",
        LOGIN + "|" + NAME,
    ),
    ("http://127.0.0.1:{port}\\@outer.test/", "the other way round", PORT + "|" + LOGIN + "|" + NO_URL),
    ("http:\\\\127.0.0.1:{port}\\", "backslashes for slashes", NO_URL + "|" + NAME + "|" + WRITTEN),
    ("http:127.0.0.1:{port}", "no slashes: some parsers supply them", NAME + "|" + WRITTEN),
    ("http:///127.0.0.1:{port}/", "three slashes: some parsers skip one", NAME + "|" + WRITTEN),
    ("//127.0.0.1:{port}/", "no scheme", SCHEME),
    ("http://127.0.0.1:{port}\t/", "a tab that some parsers drop", NO_URL),
    ("http://127.0.\n0.1:{port}/", "a line break that some parsers drop", NO_URL),
    ("http://outer.test:{port}/\r\nHost: loopback.test", "a header smuggled into the request", NO_URL),
    ("http://outer.test\x00.evil.test:{port}/", "a NUL ends the name for C", NO_URL),
    ("http://outer.test%00.evil.test:{port}/", "an encoded NUL", NAME),
    (
        "http://outer.test#@127.0.0.1:{port}/",
        "a fragment that hides the host: port 80 of the name, not that host",
        PORT,
    ),
    ("http://outer.test?@127.0.0.1:{port}/", "a query that hides the host", PORT),
    ("http://outer.test:22/", "a port that is not for the web", PORT),
    ("http://outer.test:0/", "port 0", PORT),
    ("http://outer.test:{over}/", "a port over 65535, cut by some to the right one", PORT),
    ("http://outer.test:-{port}/", "a negative port", PORT),
    ("http://outer.test:{port}:80/", "two ports", NO_URL),
    ("https+unix://%2Frun%2Fdocker.sock/", "a socket file", SCHEME),
    ("file:///etc/passwd", "a file of the machine", SCHEME),
    ("file://127.0.0.1/etc/passwd", "a file, with a host", SCHEME),
    ("gopher://127.0.0.1:{port}/_GET%20/", "speaks any protocol", SCHEME),
    ("ftp://127.0.0.1:{port}/", "another protocol", SCHEME),
    ("dict://127.0.0.1:{port}/", "another protocol", SCHEME),
    ("data:image/png;base64,AAAA", "no address at all", SCHEME),
    ("jar:http://127.0.0.1:{port}!/", "a URL within a URL", SCHEME),
    ("url:http://127.0.0.1:{port}/", "a prefix that some fetchers strip", SCHEME),
    ("http://denied.outer.test:{port}/", "allowed by suffix, denied by name", DENIED),
    ("http://127.0.0.3:{port}/", "in a denied network", DENIED),
    ("http://[::ffff:127.0.0.3]:{port}/", "in a denied network, IPv4-mapped", DENIED),
    ("http://[2002:7f00:3::]:{port}/", "in a denied network, by 6to4", DENIED),
    ("http://unknown-unless.test:{port}/", "a name without an address", "could not be resolved"),
    # what a stranger's server, which may be fetched from, sends its callers to
    ("http://outer.test:{port}/to/http://127.0.0.1:{port}/", "a redirect to loopback", ADDRESS),
    ("http://outer.test:{port}/to/http://loopback.test:{port}/", "a redirect to a name of loopback", ADDRESS),
    ("http://outer.test:{port}/to/http://[::1]:{port}/", "a redirect to loopback in IPv6", ADDRESS),
    ("http://outer.test:{port}/to/http://2130706433:{port}/", "a redirect to a decimal address", WRITTEN),
    ("http://outer.test:{port}/to///127.0.0.1:{port}/", "a redirect without a scheme", ADDRESS),
    ("http://outer.test:{port}/to/file:///etc/passwd", "a redirect to a file", SCHEME),
    ("http://outer.test:{port}/to/gopher://127.0.0.1:{port}/", "a redirect to another protocol", SCHEME),
    ("http://outer.test:{port}/to/http://outer.test:22/", "a redirect to a forbidden port", PORT),
    ("http://outer.test:{port}/to/http://a:b@127.0.0.1:{port}/", "a redirect with a login", LOGIN),
    ("http://outer.test:{port}/to/http://denied.outer.test:{port}/", "a redirect to a denied host", DENIED),
    ("http://outer.test:{port}/to/http://outer.test:{port}/to/http://127.0.0.1:{port}/", "two redirects", ADDRESS),
]


@dataclass
class Street:
    port: int
    forbidden: tuple[Server, ...]
    stranger: Server

    def seen(self):
        return sum(server.accepted for server in self.forbidden)

    def url(self, template):
        return template.format(port=self.port, over=self.port + 65536)


def send_on(exchange):
    path = unquote(exchange.head.split()[1])
    (redirect(path.removeprefix("/to/")) if path.startswith("/to/") else sized(b"picture"))(exchange)


@pytest.fixture(scope="module")
def street():
    with raw_servers() as start:
        inner = start(sized(b"secret"))
        forbidden = [inner]
        with suppress(OSError):
            forbidden.append(start(sized(b"secret"), host="::1", port=inner.port))
        yield Street(inner.port, tuple(forbidden), start(send_on, host="127.0.0.2", port=inner.port))


def fetcher(street, resolve=None, **changes):
    options = {
        "allowed_ports": (443, street.port),
        "allowed_hosts": ("outer.test", "*.denied.test"),
        "denied_hosts": ("denied.outer.test", "127.0.0.3/32"),
        "timeout": 5.0,
    }
    return UrlFetcher(FetchSettings(**options | changes), resolve=resolve or Names(INNER))


@pytest.mark.parametrize(("template", "why", "refusal"), HOSTILE, ids=[quote(url)[:60] for url, _, _ in HOSTILE])
def test_hostile_urls_lead_nowhere(street, network, template, why, refusal):
    before = street.seen()
    with fetcher(street) as it, pytest.raises(FetchError, match=refusal):
        it.fetch(street.url(template))
    assert street.seen() == before, why
    assert set(network.addresses) <= {"127.0.0.2"}, why
    assert len(network.addresses) == template.count("/to/")


def test_the_table_is_long_enough():
    assert len({url for url, _, _ in HOSTILE}) == len(HOSTILE) >= 60


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://loopback.test:{port}/"])
def test_the_forbidden_server_is_there_to_be_reached(street, url):
    before = street.seen()
    with fetcher(street, allow_private=True) as it:
        assert it.fetch(street.url(url)) == b"secret"
        assert it.fetch(street.url("http://outer.test:{port}/to/" + url)) == b"secret"
    assert street.seen() == before + 2
    for server in street.forbidden:
        server.accepted = 0


@pytest.mark.parametrize("later", [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "127.0.0.1"]])
def test_a_name_that_changes_its_mind(street, network, later):
    """DNS rebinding: public when it is checked, inner when it is connected to, were it asked again."""
    answers = iter([["93.184.216.34"], later, later])
    with fetcher(street, lambda host: next(answers)) as it:
        with pytest.raises(FetchError, match=r"connection to 'rebind\.test' failed"):
            it.fetch(f"http://rebind.test:{street.port}/")
        assert network.addresses == ["93.184.216.34"]
        with pytest.raises(FetchRefusedError, match=ADDRESS):
            it.fetch(f"http://rebind.test:{street.port}/")
    assert street.seen() == 0


def test_a_redirect_to_the_same_name_asks_anew(street, network):
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    resolve = {"outer.test": lambda: ["127.0.0.2"], "rebind.test": lambda: next(answers)}
    settings = {"allowed_hosts": ("127.0.0.2",)}
    with (
        fetcher(street, lambda host: resolve[host](), **settings) as it,
        pytest.raises(FetchRefusedError, match=ADDRESS),
    ):
        it.fetch(f"http://rebind.test:{street.port}/to/http://rebind.test:{street.port}/")
    assert street.seen() == 0
    assert network.addresses == ["127.0.0.2"]


def test_a_host_and_its_case_are_one(street):
    with fetcher(street, denied_hosts=("OUTER.test.",)) as it, pytest.raises(FetchRefusedError, match=DENIED):
        it.fetch(f"http://Outer.TEST.:{street.port}/")
