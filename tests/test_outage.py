"""A server that did not answer is left alone for a while."""

import threading
from dataclasses import dataclass

import pytest

from search_by_image import outage
from search_by_image.errors import StoreUnavailableError
from search_by_image.outage import Outage


class SilenceError(Exception):
    pass


class RefusalError(Exception):
    pass


@dataclass
class Server:
    """Says nothing for `waits` seconds of a clock that goes with it."""

    outage: Outage
    now: float = 1000.0
    waits: float = 60.0
    asked: int = 0

    def ask(self, error=None):
        with self.outage.watched(lambda error: isinstance(error, SilenceError)):
            self.asked += 1
            if error is not None:
                self.now += self.waits
                raise error

    def is_silent(self):
        """Whether a call gets through to it, to wait in vain."""
        before = self.asked
        with pytest.raises((SilenceError, StoreUnavailableError)):
            self.ask(SilenceError())
        return self.asked > before


@pytest.fixture
def server(monkeypatch):
    made = Server(Outage("The store"))
    monkeypatch.setattr(outage, "monotonic", lambda: made.now)
    return made


def test_a_server_that_answers_is_asked_each_time(server):
    for _ in range(3):
        server.ask()
        with pytest.raises(RefusalError):
            server.ask(RefusalError())
    assert server.asked == 6


def test_after_a_failure_calls_fail_at_once_for_a_while(server):
    assert server.is_silent()
    with pytest.raises(StoreUnavailableError, match="The store did not answer a moment ago"):
        server.ask()
    assert server.asked == 1
    server.now += 0.11
    server.ask()
    server.ask()
    assert server.asked == 3


def test_pauses_grow_up_to_five_seconds(server):
    pauses = []
    for _ in range(9):
        assert server.is_silent()
        before = server.now
        while not server.is_silent():
            server.now += 0.05
        pauses.append(server.now - server.waits - before)
        server.now += 6
    assert pauses[0] == pytest.approx(0.1, abs=0.06)
    assert max(pauses) == pytest.approx(5, abs=0.1)


def test_a_server_that_refuses_at_once_is_asked_again_soon(server):
    server.waits = 0.0
    for _ in range(20):
        assert server.is_silent()
        server.now += 0.11


def test_an_answer_ends_it(server):
    for _ in range(5):
        server.is_silent()
        server.now += 6
    with pytest.raises(RefusalError):
        server.ask(RefusalError())
    server.ask()
    assert server.is_silent()
    server.now += 0.11
    server.ask()


def test_when_the_pause_is_over_one_call_tries(server):
    server.is_silent()
    server.now += 0.2
    entered, go_on = threading.Event(), threading.Event()

    def first():
        with server.outage.watched(lambda error: True):
            entered.set()
            go_on.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(30)
    with pytest.raises(StoreUnavailableError):
        server.ask()
    go_on.set()
    thread.join()
    server.ask()
    assert server.asked == 2


def test_a_try_that_never_ends_does_not_keep_the_others_out_for_ever(server):
    server.is_silent()
    server.now += 0.2
    trying = server.outage.watched(lambda error: True)
    trying.__enter__()
    assert not server.is_silent()
    server.now += 5.1
    server.ask()


def test_failures_of_calls_that_were_under_way_count_once(server):
    """Forty calls that wait for the same silence are one failure."""
    waiting = [server.outage.watched(lambda error: True) for _ in range(40)]
    for one in waiting:
        one.__enter__()
    for one in waiting:
        one.__exit__(SilenceError, SilenceError(), None)
    server.now += 0.11
    server.ask()
