"""Sockets that end with the fetch's time budget."""

import socket

import httpcore

from search_by_image.deadline import Deadline


class DeadlineStream(httpcore.NetworkStream):
    """A connected socket whose every call ends with the whole fetch's budget, whatever timeout httpcore passes."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - httpcore's signature
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - httpcore's signature
        self._sock.settimeout(self._deadline.left())
        self._sock.sendall(buffer)

    def close(self) -> None:
        self._sock.close()


def dial(addresses: tuple[str, ...], port: int, deadline: Deadline) -> socket.socket:
    """Each address in its turn gets an equal share of the time left."""
    *earlier, last = addresses
    for position, address in enumerate(earlier):
        try:
            return socket.create_connection((address, port), deadline.left() / (len(addresses) - position))
        except OSError:
            continue
    return socket.create_connection((last, port), deadline.left())
