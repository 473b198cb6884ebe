"""Connections that are not waited for without end: uvicorn's protocol, with limits to slow callers."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """Closes a connection whose caller is slow to send a request's head, or to take a part of the answer.

    uvicorn itself limits the silence between two requests, and the application the bodies that it reads. The rest of
    a body that was answered already counts as a head.
    """

    head_seconds: float
    take_seconds: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = _Timer(self.loop, self.head_seconds, transport)
        self._take = _Timer(self.loop, self.take_seconds, transport)
        self._head.start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head_missing():
            self._head.start()
        else:
            self._head.stop()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        has_begun = self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])
        if has_begun and self._is_head_missing():
            self._head.start()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._take.start()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._take.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._head.stop()
        self._take.stop()

    def _is_head_missing(self) -> bool:
        is_rest = self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY
        return is_rest or self.conn.their_state is h11.IDLE


class _Timer:
    """Ends the connection after some seconds unless it is stopped; one that runs is not started anew."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._seconds = seconds
        self._transport = transport
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._handle = self._handle or self._loop.call_later(self._seconds, self._transport.abort)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def patient(*, head_seconds: float, take_seconds: float) -> type[PatientProtocol]:
    """For uvicorn's `http`."""
    return type("PatientProtocol", (PatientProtocol,), {"head_seconds": head_seconds, "take_seconds": take_seconds})
