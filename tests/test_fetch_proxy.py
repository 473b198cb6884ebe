"""Fetching through an HTTP proxy: a real one that tunnels and forwards, and ones that misbehave."""

import socket
import threading
from contextlib import suppress

import pytest

from raw_servers import Names, Server, answer, raw, redirect, sized
from search_by_image.errors import ConfigError, FetchError, FetchRefusedError, FetchTimeoutError
from search_by_image.fetch import FetchSettings, UrlFetcher

PICTURE = b"a picture" * 1000
INNER = {"good.test": ["127.0.0.2"], "proxy.test": ["127.0.0.1"], "inner.test": ["127.0.0.1"], "two.test": []}


class Proxy:
    """Tunnels (CONNECT), forwards whole URLs (GET http://...); it alone knows the names in `hosts`."""

    def __init__(self, hosts=None):
        self.hosts = hosts or {}

    def __call__(self, exchange):
        method, goal, _ = exchange.head.split("\r\n")[0].split()
        if method == "CONNECT":
            with self.dial(goal) as onward:
                exchange.stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.relay(exchange.stream, onward)
        else:
            host, _, path = goal.removeprefix("http://").partition("/")
            with self.dial(host) as onward:
                onward.sendall(exchange.head.replace(goal, f"/{path}").encode("latin-1"))
                self.pour(onward, exchange.stream)

    def dial(self, goal):
        host, _, port = goal.rpartition(":")
        return socket.create_connection((self.hosts.get(host, host.strip("[]")), int(port)), 5)

    def relay(self, near, far):
        back = threading.Thread(target=self.pour, args=(far, near))
        back.start()
        self.pour(near, far)
        back.join()

    def pour(self, source, sink):
        with suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def origin(serve):
    return serve(sized(PICTURE), host="127.0.0.2")


def fetcher(proxy: Server | str, resolve=None, **changes):
    address = proxy if isinstance(proxy, str) else f"http://127.0.0.1:{proxy.port}"
    options = {"proxy": address, "allowed_ports": (), "allowed_hosts": ("good.test",), "timeout": 5.0}
    return UrlFetcher(FetchSettings(**options | changes), resolve=resolve or Names(INNER))


def lines_of(server):
    return [head.split("\r\n")[0] for head in server.heads]


def test_the_proxy_is_asked_for_the_checked_address_and_the_name_goes_to_the_origin(serve, origin, network):
    proxy = serve(Proxy())
    names = Names(INNER)
    assert fetcher(proxy, names).fetch(f"http://good.test:{origin.port}/cat.jpg") == PICTURE
    assert names.asked == ["good.test"]
    assert proxy.heads == [
        f"CONNECT 127.0.0.2:{origin.port} HTTP/1.1\r\nHost: 127.0.0.2:{origin.port}\r\n\r\n",
    ]
    assert lines_of(origin) == ["GET /cat.jpg HTTP/1.1"]
    assert f"Host: good.test:{origin.port}\r\n" in origin.heads[0]
    assert network.addresses[0] == "127.0.0.1"


def test_https_checks_the_certificate_of_the_origin(serve, tls, trusted):
    proxy, origin = serve(Proxy()), serve(sized(PICTURE), host="127.0.0.2", tls=tls)
    assert fetcher(proxy).fetch(f"https://good.test:{origin.port}/") == PICTURE
    assert tls.names == ["good.test"]
    assert lines_of(proxy) == [f"CONNECT 127.0.0.2:{origin.port} HTTP/1.1"]


def test_the_proxys_name_and_login(serve, origin):
    proxy = serve(Proxy())
    url = f"http://Aladdin:open%20sesame@proxy.test:{proxy.port}"
    assert fetcher(url).fetch(f"http://good.test:{origin.port}/") == PICTURE
    assert "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in proxy.heads[0]
    assert "authorization" not in origin.heads[0].lower()


@pytest.mark.parametrize("resolves", [False, True])
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/"]
)
def test_inner_addresses_are_refused_before_the_proxy_hears_of_them(serve, origin, url, resolves):
    proxy = serve(Proxy())
    names = Names({"localhost": ["127.0.0.1"]})
    with pytest.raises(FetchRefusedError, match="is not public"):
        fetcher(proxy, names, proxy_resolves=resolves).fetch(url.format(port=origin.port))
    assert (proxy.accepted, origin.accepted) == (0, 0)


def test_a_name_of_an_inner_address_is_refused(serve):
    proxy = serve(Proxy())
    with pytest.raises(FetchRefusedError, match=r"'inner\.test' is not public"):
        fetcher(proxy).fetch("http://inner.test/")
    assert proxy.accepted == 0


def test_redirects_are_checked_as_without_a_proxy(serve):
    target = serve(sized(b"secret"))
    proxy = serve(Proxy())
    first = serve(redirect(f"http://inner.test:{target.port}/"), host="127.0.0.2")
    with pytest.raises(FetchRefusedError, match=r"'inner\.test' is not public"):
        fetcher(proxy).fetch(f"http://good.test:{first.port}/")
    assert target.accepted == 0


def test_the_next_address_is_tried_when_the_proxy_cannot_reach_one(serve, origin):
    def choosy(exchange):
        (Proxy() if "127.0.0.2" in exchange.head else answer(status="502 Bad Gateway"))(exchange)

    proxy = serve(choosy)
    names = Names({"good.test": ["2606:2800::1", "127.0.0.2"]})
    assert fetcher(proxy, names).fetch(f"http://good.test:{origin.port}/") == PICTURE
    assert lines_of(proxy) == [f"CONNECT {goal}:{origin.port} HTTP/1.1" for goal in ("[2606:2800::1]", "127.0.0.2")]


# a proxy that looks names up


def test_a_proxy_that_resolves_gets_plain_urls_whole(serve, origin):
    proxy = serve(Proxy({"far.test": "127.0.0.2"}))
    names = Names({})
    login = f"http://me:secret@127.0.0.1:{proxy.port}"
    url = f"http://far.test:{origin.port}/a%20cat.jpg?size=1#part"
    assert fetcher(login, names, proxy_resolves=True).fetch(url) == PICTURE
    assert names.asked == []
    assert lines_of(proxy) == [f"GET http://far.test:{origin.port}/a%20cat.jpg?size=1 HTTP/1.1"]
    assert f"Host: far.test:{origin.port}\r\n" in proxy.heads[0]
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in proxy.heads[0]


def test_a_proxy_that_resolves_gets_names_for_tunnels(serve, tls, trusted):
    proxy = serve(Proxy({"good.test": "127.0.0.2"}))
    origin = serve(sized(PICTURE), host="127.0.0.2", tls=tls)
    assert fetcher(proxy, Names({}), proxy_resolves=True).fetch(f"https://good.test:{origin.port}/") == PICTURE
    assert lines_of(proxy) == [f"CONNECT good.test:{origin.port} HTTP/1.1"]
    assert lines_of(origin) == ["GET / HTTP/1.1"]


@pytest.mark.parametrize(
    ("host", "lists", "refusal"),
    [
        ("printer", {}, "not public"),
        ("nas.local", {}, "not public"),
        ("metadata.google.internal", {}, "not public"),
        ("a.localhost", {}, "not public"),
        ("router.home.arpa", {}, "not public"),
        ("10.0.0.1", {}, "not public"),
        ("far.test", {"denied_hosts": ("*.test",)}, "denied_hosts"),
        ("far.test", {"only_hosts": ("near.test",)}, "only_hosts"),
        ("far.test", {"only_hosts": ("93.184.216.0/24",)}, "only_hosts"),
        ("93.184.216.34", {"denied_hosts": ("93.184.216.0/24",)}, "denied_hosts"),
    ],
)
def test_what_can_be_told_without_addresses_is_refused(serve, host, lists, refusal):
    proxy = serve(Proxy())
    with pytest.raises(FetchRefusedError, match=refusal):
        fetcher(proxy, proxy_resolves=True, **lists).fetch(f"http://{host}/")
    assert proxy.accepted == 0


def test_a_local_name_that_is_allowed(serve, origin):
    proxy = serve(Proxy({"nas.local": "127.0.0.2"}))
    it = fetcher(proxy, proxy_resolves=True, allowed_hosts=("nas.local",))
    assert it.fetch(f"http://nas.local:{origin.port}/") == PICTURE


# proxies that fail


@pytest.mark.parametrize(
    ("respond", "text"),
    [
        (answer(status="403 Forbidden"), "did not open a way to 'good.test': it answered with status 403"),
        (answer(status="407 Proxy Authentication Required"), "wants a name and a password"),
        (answer(status="302 Found"), "status 302"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "did not answer in proper HTTP"),
        (raw(b""), "did not answer in proper HTTP|connection to the proxy"),
    ],
)
def test_a_proxy_that_says_no(serve, respond, text):
    with pytest.raises(FetchError, match=text):
        fetcher(serve(respond)).fetch("http://good.test/")


def test_a_proxy_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match="connection to the proxy"):
        fetcher(f"http://127.0.0.1:{port}").fetch("http://good.test/")


@pytest.mark.timeout(20)
def test_a_silent_proxy_ends_with_the_budget(serve):
    proxy = serve(lambda exchange: exchange.stop.wait(10))
    with pytest.raises(FetchTimeoutError, match="fetch/timeout"):
        fetcher(proxy, timeout=0.5).fetch("http://good.test/")


@pytest.mark.parametrize(
    "proxy",
    ["proxy", "https://proxy:1", "socks5://proxy:1", "http://proxy", "http://proxy:1/x", "http://p:1?x", "http://:1"],
)
def test_what_is_no_proxy(proxy):
    with pytest.raises(ConfigError, match="fetch/proxy: This is no proxy"):
        FetchSettings(proxy=proxy)


def test_a_mistake_in_the_proxy_tells_no_password():
    with pytest.raises(ConfigError) as caught:
        FetchSettings(proxy="http://me:secret@proxy:1/x")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(FetchSettings(proxy="http://me:secret@proxy:1"))


def test_resolving_needs_a_proxy():
    with pytest.raises(ConfigError, match="fetch/proxy_resolves"):
        FetchSettings(proxy_resolves=True)
