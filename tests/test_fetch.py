"""UrlFetcher against real servers on 127.0.0.1, friendly and hostile ones."""

import http.server
import socket
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raw_servers import NAMES, Names, answer, raw, redirect, sized
from search_by_image.errors import (
    EmptyImageError,
    FetchError,
    FetchRefusedError,
    FetchTimeoutError,
    ImageTooLargeError,
    OverloadedError,
)
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.fetch.addresses import is_public
from search_by_image.fetch.lookups import MAX_LOOKUPS

AT_ONCE = FetchSettings().at_once
PICTURE = bytes(range(256)) * 64


def fetcher(resolve=None, **changes):
    options = {"allowed_ports": (), "allowed_hosts": ("good.test", "*.good.test"), "timeout": 5.0, **changes}
    return UrlFetcher(FetchSettings(**options), resolve=resolve or Names())


def fetch(server, path="/cat.jpg", scheme="http", host="good.test", **changes):
    with fetcher(**changes) as it:
        return it.fetch(f"{scheme}://{host}:{server.port}{path}")


# what a fetch asks and gives


def test_one_plain_get_is_sent(serve):
    server = serve(sized(PICTURE))
    url = f" http://GOOD.test.:{server.port}/a%20cat/ü.jpg?size=1&x=%2F#part\n"
    assert fetcher(user_agent="tester/1").fetch(url) == PICTURE
    assert server.heads == [
        "GET /a%20cat/%C3%BC.jpg?size=1&x=%2F HTTP/1.1\r\n"
        f"Host: good.test:{server.port}\r\nUser-Agent: tester/1\r\nConnection: close\r\n"
        "Accept: image/*, */*;q=0.5\r\nAccept-Encoding: identity\r\n\r\n"
    ]


@pytest.mark.parametrize(
    "respond",
    [
        sized(PICTURE),
        answer(body=PICTURE),
        answer("Transfer-Encoding: chunked", body=b"4000\r\n" + PICTURE + b"\r\n0\r\n\r\n"),
        answer("Content-Encoding: identity", "Content-Type: nonsense", body=PICTURE),
        answer("Content-Length: 16384, 16384", "Content-Length: 16384", body=PICTURE),
        raw(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\n\r\n" + PICTURE),
    ],
)
def test_bodies_of_every_framing(serve, respond):
    assert fetch(serve(respond)) == PICTURE


def test_a_stock_server(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(PICTURE)

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=tmp_path)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            assert fetcher().fetch(f"http://good.test:{server.server_port}/cat.jpg") == PICTURE
            with pytest.raises(FetchError, match="status 404"):
                fetcher().fetch(f"http://good.test:{server.server_port}/dog.jpg")
        finally:
            server.shutdown()


def test_proxies_of_the_environment_are_not_used(serve, network, monkeypatch):
    proxy, server = serve(sized(b"proxy")), serve(sized(PICTURE))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert fetch(server) == PICTURE
    assert proxy.accepted == 0
    assert network.addresses == ["127.0.0.1"]


def test_many_threads_get_their_own_answers(serve):
    server = serve(lambda exchange: sized(exchange.head.split()[1].encode())(exchange))
    urls = [f"http://good.test:{server.port}/{number}" for number in range(48)]
    with fetcher() as it, ThreadPoolExecutor(16) as pool:
        assert list(pool.map(it.fetch, urls)) == [f"/{number}".encode() for number in range(48)]


def test_silent_servers_hold_few_threads(serve):
    held = threading.Semaphore(0)
    let_go = threading.Event()

    def respond(exchange):
        held.release()
        let_go.wait(20)
        sized(PICTURE)(exchange)

    url = f"http://good.test:{serve(respond).port}/"
    with fetcher(timeout=20) as it, ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(it.fetch, url) for _ in range(AT_ONCE)]
        for _ in waiting:
            held.acquire(timeout=20)
        with pytest.raises(OverloadedError, match="16 pictures are being fetched"):
            it.fetch(url)
        let_go.set()
        assert all(future.result() == PICTURE for future in waiting)
        assert it.fetch(url) == PICTURE


def test_a_failed_fetch_makes_room(serve):
    server = serve(answer(status="404 Not Found"))
    with fetcher() as it:
        for _ in range(AT_ONCE + 1):
            with pytest.raises(FetchError, match="404"):
                it.fetch(f"http://good.test:{server.port}/")


def test_a_closed_fetcher_refuses(serve):
    it = fetcher()
    it.close()
    with pytest.raises(FetchError, match="closed"):
        it.fetch("http://good.test/")


# sizes


@pytest.mark.parametrize("respond", [sized, lambda body: answer(body=body)])
def test_the_limit_itself_is_allowed_and_one_more_is_not(serve, respond):
    assert len(fetch(serve(respond(b"x" * 1000)), max_bytes=1000)) == 1000
    with pytest.raises(ImageTooLargeError) as caught:
        fetch(serve(respond(b"x" * 1001)), max_bytes=1000)
    assert (caught.value.size, caught.value.limit) == (1001, 1000)


def test_a_declared_size_is_refused_before_the_body(serve):
    def respond(exchange):
        exchange.stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        exchange.stop.wait(20)

    with pytest.raises(ImageTooLargeError) as caught:
        fetch(serve(respond))
    assert caught.value.size == 99999999


@pytest.mark.parametrize("chunked", [False, True])
def test_an_endless_body_is_cut(serve, chunked):
    def respond(exchange):
        exchange.stream.sendall(
            b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n")
        )
        while not exchange.stop.is_set():
            exchange.stream.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n" if chunked else b"x" * 4096)

    with pytest.raises(ImageTooLargeError) as caught:
        fetch(serve(respond), max_bytes=100_000)
    assert caught.value.size <= 100_000 + 65_536


@pytest.mark.parametrize("respond", [sized(b""), answer(), answer("Transfer-Encoding: chunked", body=b"0\r\n\r\n")])
def test_an_empty_body(serve, respond):
    with pytest.raises(EmptyImageError):
        fetch(serve(respond))


# answers that are no picture


@pytest.mark.parametrize("status", [201, 204, 206, 300, 304, 400, 401, 403, 404, 418, 429, 500, 503, 599])
def test_other_statuses_are_named(serve, status):
    with pytest.raises(FetchError, match=rf"'good\.test' answered with status {status};"):
        fetch(serve(answer("Content-Length: 0", "Location: /x", status=f"{status} Reason")))


def test_a_redirect_to_nowhere_is_named(serve):
    with pytest.raises(FetchError, match="status 302"):
        fetch(serve(answer("Content-Length: 0", status="302 Found")))


@pytest.mark.parametrize("encoding", ["gzip", "DEFLATE", "br", "identity, gzip", "x" * 5000])
def test_a_content_encoding_is_refused(serve, encoding):
    bomb = zlib.compress(bytes(10_000_000))
    with pytest.raises(FetchError, match="content encoding") as caught:
        fetch(serve(answer(f"Content-Encoding: {encoding}", body=bomb)))
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("kind", ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"])
def test_a_web_page_is_refused(serve, kind):
    with pytest.raises(FetchError, match="picture itself"):
        fetch(serve(answer(f"Content-Type: {kind}", body=b"<html>")))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>hello",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
        b"\x00\xff" * 1000,
    ],
)
def test_broken_answers(serve, content):
    with pytest.raises(FetchError, match=r"proper HTTP|connection to 'good\.test' failed"):
        fetch(serve(raw(content)))


def test_nobody_listens():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FetchError, match=r"connection to 'good\.test' failed: Connection refused"):
        fetcher().fetch(f"http://good.test:{port}/")


# redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_redirects_are_followed_and_resolved_anew(serve, status):
    last = serve(sized(PICTURE))
    middle = serve(redirect(f"//cdn.good.test:{last.port}/b/../c?d#e", status))
    first = serve(
        answer("Set-Cookie: a=b; Domain=good.test", f"Location: http://good.test:{middle.port}", status=status)
    )
    resolve = Names({**NAMES, "cdn.good.test": ["127.0.0.1"]})
    assert fetch(first, resolve=resolve) == PICTURE
    assert resolve.asked == ["good.test", "good.test", "cdn.good.test"]
    assert last.heads[0].startswith(f"GET /c?d HTTP/1.1\r\nHost: cdn.good.test:{last.port}\r\n")
    assert "cookie" not in (middle.heads[0] + last.heads[0]).lower()
    assert "referer" not in (middle.heads[0] + last.heads[0]).lower()


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_redirects_have_a_limit(serve, limit):
    server = serve(redirect("/again"))
    with pytest.raises(FetchError, match=f"More than {limit} redirects"):
        fetch(server, max_redirects=limit)
    assert server.accepted == limit + 1


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost.test:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://2130706433:{port}/",
        "http://0:{port}/",
        "http://10.0.0.1/",
        "//169.254.169.254/latest/meta-data/",
        "https://192.168.0.1/",
        "http://user:secret@good.test:{port}/",
        "ftp://good.test/cat.jpg",
        "file:///etc/passwd",
        "gopher://good.test:70/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://good.test:0/",
        "http://good.test:99999/",
        "http://good.test:x/",
        "http://[::1/",
        "http://[v1.x]/",
        "http://good.test:{port}\\@127.0.0.1/",
        "\x01",
        "http://" + "a" * 9000,
    ],
)
def test_hostile_redirects_lead_nowhere(serve, network, location):
    target = serve(sized(PICTURE))
    first = serve(redirect(location.format(port=target.port)))
    with pytest.raises(FetchError):
        fetch(first)
    assert network.addresses == ["127.0.0.1"]
    assert target.accepted == 0


def test_a_redirect_to_a_port_that_is_not_allowed(serve):
    target = serve(sized(PICTURE))
    first = serve(redirect(f"http://good.test:{target.port}/"))
    with pytest.raises(FetchRefusedError, match=f"Port {target.port} is not allowed"):
        fetch(first, allowed_ports=(first.port,))
    assert target.accepted == 0


# rebinding


def test_the_name_is_resolved_once_and_only_that_address_is_connected_to(serve, network):
    inner = serve(sized(b"secret"))
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    asked = []

    def rebinding(host):
        asked.append(host)
        return next(answers)

    with pytest.raises(FetchError, match=r"connection to 'rebind\.test' failed"):
        fetch(inner, host="rebind.test", resolve=rebinding)
    assert asked == ["rebind.test"]
    assert network.addresses == ["93.184.216.34"]
    assert inner.accepted == 0
    with pytest.raises(FetchRefusedError):
        fetch(inner, host="rebind.test", resolve=rebinding)
    assert network.addresses == ["93.184.216.34"]


def test_the_first_answer_is_the_one_served(serve, network):
    outer = serve(sized(PICTURE))
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    assert fetch(outer, resolve=lambda host: next(answers)) == PICTURE
    assert network.addresses == ["127.0.0.1"]


def test_the_next_address_is_tried(serve, network):
    server = serve(sized(PICTURE))
    assert fetch(server, resolve=lambda host: ["2606:2800::1", "93.184.216.34", "127.0.0.1"]) == PICTURE
    assert network.addresses == ["2606:2800::1", "93.184.216.34", "127.0.0.1"]


def test_one_private_address_refuses_all(serve, network):
    server = serve(sized(PICTURE))
    with pytest.raises(FetchRefusedError, match=r"address of host 'mixed\.test' is not public; allow it") as caught:
        fetch(server, host="mixed.test", resolve=lambda host: ["93.184.216.34", "127.0.0.1"])
    assert "127.0" not in str(caught.value)
    assert network.addresses == []


def test_private_addresses_when_they_are_allowed(serve):
    server = serve(sized(PICTURE))
    assert fetch(server, host="127.0.0.1", allow_private=True) == PICTURE
    assert fetch(server, host="127.0.0.1", allowed_hosts=("127.0.0.1",)) == PICTURE
    assert fetch(server, host="localhost.test", allow_private=True) == PICTURE


# time


def drip(start, part):
    def respond(exchange):
        exchange.stream.sendall(start)
        while not exchange.stop.wait(0.2):
            exchange.stream.sendall(part)

    return respond


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "respond",
    [
        drip(b"", b""),
        drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
    ],
)
def test_slow_servers_end_with_the_budget(serve, respond):
    with pytest.raises(FetchTimeoutError, match=r"longer than 0\.6 seconds \(fetch/timeout\)"):
        fetch(serve(respond), timeout=0.6)


@pytest.mark.timeout(10)
def test_all_redirects_share_the_budget(serve):
    def respond(exchange):
        exchange.stop.wait(0.3)
        redirect("/again")(exchange)

    with pytest.raises(FetchTimeoutError):
        fetch(serve(respond), timeout=0.6, max_redirects=1000)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("handshake", [drip(b"", b""), drip(b"\x16\x03\x03\x40\x00", b"\x02")])
def test_a_tls_handshake_that_never_ends(serve, handshake):
    with pytest.raises(FetchTimeoutError):
        fetch(serve(None, tls=handshake), scheme="https", timeout=0.6)


@pytest.mark.timeout(10)
def test_a_server_that_never_accepts():
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full, closing(socket.socket()) as filler:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        with pytest.raises(FetchTimeoutError):
            fetcher(timeout=0.6).fetch(f"http://good.test:{full.getsockname()[1]}/")


@pytest.mark.timeout(10)
def test_a_slow_resolver(network):
    done = threading.Event()
    with pytest.raises(FetchTimeoutError):
        fetcher(lambda host: [str(done.wait(20))], timeout=0.5).fetch("http://good.test/")
    done.set()
    assert network.addresses == []


@pytest.mark.timeout(30)
def test_stuck_lookups_are_bounded():
    done = threading.Event()
    asked = []

    def stuck(host):
        asked.append(host)
        done.wait(30)
        return []

    with fetcher(stuck, timeout=0.3) as it, ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(it.fetch, f"http://h{number}.test/") for number in range(MAX_LOOKUPS + 8)]
        assert all(isinstance(future.exception(), FetchTimeoutError) for future in futures)
    assert len(asked) == MAX_LOOKUPS
    done.set()


def test_the_interpreter_does_not_wait_for_a_stuck_lookup():
    program = """
import time
from search_by_image.errors import FetchTimeoutError
from search_by_image.fetch import FetchSettings, UrlFetcher
try:
    UrlFetcher(FetchSettings(timeout=0.1), resolve=lambda host: time.sleep(1000)).fetch("http://good.test/")
except FetchTimeoutError:
    print("timeout")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("timeout\n", "")


def test_no_thread_left_for_a_lookup(serve, monkeypatch):
    def exhausted(thread):
        raise RuntimeError("can't start new thread")

    server = serve(sized(PICTURE))
    with fetcher() as it:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", exhausted)
            for _ in range(MAX_LOOKUPS + 1):
                with pytest.raises(FetchError, match="No thread"):
                    it.fetch(f"http://good.test:{server.port}/")
        assert it.fetch(f"http://good.test:{server.port}/") == PICTURE


# TLS


def test_https_goes_to_the_checked_address_with_the_name(serve, tls, trusted, network):
    server = serve(sized(PICTURE), tls=tls)
    assert fetch(server, scheme="https") == PICTURE
    assert tls.names == ["good.test"]
    assert network.addresses == ["127.0.0.1"]
    assert f"Host: good.test:{server.port}\r\n" in server.heads[0]


def test_a_certificate_for_another_name(serve, tls, trusted):
    server = serve(sized(PICTURE), tls=tls)
    with pytest.raises(FetchError, match=r"certificate of 'cdn\.good\.test' is not valid: Hostname mismatch"):
        fetch(server, scheme="https", host="cdn.good.test", resolve=lambda host: ["127.0.0.1"])
    with pytest.raises(FetchError, match=r"certificate of '127\.0\.0\.1' is not valid: IP address mismatch"):
        fetch(server, scheme="https", host="127.0.0.1", allow_private=True)
    assert server.heads == []


def test_a_certificate_that_nobody_trusts(serve, tls):
    server = serve(sized(PICTURE), tls=tls)
    with pytest.raises(FetchError, match=r"certificate of 'good\.test' is not valid: self.signed"):
        fetch(server, scheme="https")
    assert server.heads == []


def test_https_to_a_server_without_tls(serve):
    with pytest.raises(FetchError, match=r"connection to 'good\.test' failed"):
        fetch(serve(sized(PICTURE)), scheme="https")


@pytest.mark.timeout(10)
def test_a_slow_body_over_tls(serve, tls, trusted):
    server = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), tls=tls)
    with pytest.raises(FetchTimeoutError):
        fetch(server, scheme="https", timeout=0.6)


def test_https_never_steps_down(serve, tls, trusted):
    plain = serve(sized(PICTURE))
    first = serve(redirect(f"http://good.test:{plain.port}/"), tls=tls)
    with pytest.raises(FetchRefusedError, match="from https to http"):
        fetch(first, scheme="https")
    assert plain.accepted == 0


def test_http_may_step_up(serve, tls, trusted):
    secure = serve(sized(PICTURE), tls=tls)
    assert fetch(serve(redirect(f"https://good.test:{secure.port}/"))) == PICTURE


# anything at all as a URL

PIECES = st.sampled_from(
    [
        "http",
        "https",
        ":",
        "//",
        "/",
        "@",
        "[",
        "]",
        "::1",
        "%",
        "%00",
        "127.1",
        "0x7f",
        ".",
        "a",
        "xn--",
        "?",
        "#",
        "\\",
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.text().map("http://{}".format),
    st.text().map("https://good.test/{}".format),
    st.text().map("http://good.test:{}/".format),
    st.lists(PIECES).map("".join),
    st.lists(st.one_of(PIECES, st.characters())).map(lambda parts: "http://" + "".join(parts)),
)


@pytest.fixture(scope="module")
def unresolving():
    return fetcher(Names({}))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_text_gives_only_our_errors_and_no_inner_connection(network, unresolving, text):
    with pytest.raises(FetchError) as caught:
        unresolving.fetch(text)
    assert len(str(caught.value)) < 1000
    assert all(is_public(ip_address(address)) for address in network.addresses)
