"""Servers that answer with any bytes, friendly or hostile, a resolver that remembers, a watch on connections."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

NAMES = {"good.test": ["127.0.0.1"], "other.test": ["127.0.0.1"], "localhost.test": ["127.0.0.1"]}


class Network:
    """Sees every connect of the process; those that would leave the machine are refused before a packet is sent."""

    def __init__(self):
        self.watching = False
        self.addresses = []

    def __call__(self, event, args):
        if self.watching and event == "socket.connect":
            self.addresses.append(args[1][0])
            if not args[1][0].startswith("127."):
                raise OSError(errno.ENETUNREACH, "not in a test")


@dataclass
class Exchange:
    stream: socket.socket
    head: str
    stop: threading.Event


class Server:
    """Reads each request's head, then calls `respond(exchange)`."""

    def __init__(self, respond, host="127.0.0.1", tls=None, port=0):
        self.respond, self.tls = respond, tls
        self.heads = []
        self.accepted = 0
        self.stop = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.accepted += 1
                self.threads.append(threading.Thread(target=self.answer, args=(connection,)))
                self.threads[-1].start()

    def answer(self, connection):
        with connection, suppress(OSError):
            connection.settimeout(20)
            if callable(self.tls):
                self.tls(Exchange(connection, "", self.stop))
                return
            with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as stream:
                head = read_head(stream)
                self.heads.append(head)
                self.respond(Exchange(stream, head, self.stop))

    def close(self):
        self.stop.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join()


def read_head(stream):
    head = b""
    while b"\r\n\r\n" not in head and not head.startswith(b"\x16\x03"):
        part = stream.recv(4096)
        if not part:
            break
        head += part
    return head.decode("latin-1")


def answer(*lines, status="200 OK", body=b""):
    head = "\r\n".join((f"HTTP/1.1 {status}", *lines)).encode() + b"\r\n\r\n"
    return raw(head + body)


def raw(content):
    def respond(exchange):
        exchange.stream.sendall(content)
        with suppress(OSError):
            exchange.stream.shutdown(socket.SHUT_WR)
            exchange.stream.recv(1)

    return respond


def sized(body):
    return answer(f"Content-Length: {len(body)}", body=body)


def redirect(location, status="302 Found"):
    return answer(f"Location: {location}", "Content-Length: 0", status=status)


class Names:
    """A resolver that remembers what it was asked."""

    def __init__(self, names=NAMES):
        self.names = names
        self.asked = []

    def __call__(self, host):
        self.asked.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return self.names[host]


@contextmanager
def raw_servers() -> Iterator[Callable[..., Server]]:
    """`start(respond, host=..., port=..., tls=...)`; all of them are closed at the end."""
    servers = []

    def start(respond, **options):
        servers.append(Server(respond, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
