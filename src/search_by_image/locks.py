"""Ways to let threads wait: in turn, shared against exclusive use, and a queue with an end."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search_by_image.deadline import FOREVER, at_most
from search_by_image.errors import OverloadedError, StoreUnavailableError
from search_by_image.tally import Count
from search_by_image.timing import stage


@contextmanager
def in_turn(lock: "threading.Lock | threading.RLock | threading.Semaphore", seconds: float = FOREVER) -> Iterator[None]:
    """Wait so long, or until the call's limit is used up; then raise `StoreUnavailableError`."""
    if not lock.acquire(timeout=at_most(seconds)):
        raise _too_long()
    try:
        yield
    finally:
        lock.release()


class SharedLock:
    """Many share, or one has it alone; who wants it alone is not overtaken by new sharers.

    Both raise `StoreUnavailableError` when the call's limit is used up before.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._sharers = 0
        self._exclusive = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._condition:
            self._wait_for(lambda: not self._exclusive)
            self._sharers += 1
        try:
            yield
        finally:
            with self._condition:
                self._sharers -= 1
                self._condition.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._condition:
            self._wait_for(lambda: not self._exclusive)
            self._exclusive = True
        try:
            with self._condition:
                self._wait_for(lambda: self._sharers == 0)
            yield
        finally:
            with self._condition:
                self._exclusive = False
                self._condition.notify_all()

    def _wait_for(self, reached: Callable[[], bool]) -> None:
        if not self._condition.wait_for(reached, at_most()):
            raise _too_long()


class Gate:
    """Lets `places` in at once, in their order, and `queue` more wait; raises `OverloadedError` for any beyond."""

    def __init__(self, places: int, queue: int) -> None:
        self.places = places
        self.queue = queue
        self._turns = _Turns(places)
        self._entered = threading.BoundedSemaphore(places + queue)
        self._waiting = Count()
        self._inside = Count()

    @property
    def waiting(self) -> int:
        return self._waiting.value

    @property
    def inside(self) -> int:
        return self._inside.value

    @contextmanager
    def enter(self) -> Iterator[None]:
        if not self._entered.acquire(blocking=False):
            raise OverloadedError("Too many pictures are waiting to be processed. Try again in a second.")
        turn = _Turn()
        try:
            with stage("queue"), self._waiting.one_more():
                self._turns.take(turn)
            with self._inside.one_more():
                yield
        finally:
            self._turns.leave(turn)
            self._entered.release()


class _Turn:
    """Whose `go` is locked waits; what it has and where it stands changes under the lock of all turns only."""

    def __init__(self) -> None:
        self.go = threading.Lock()
        self.has_place = False


class _Turns:
    """A semaphore that hands what is given back to whoever has waited longest; Python's own lets newcomers overtake."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[_Turn] = deque()
        self._lock = threading.Lock()

    def take(self, turn: _Turn) -> None:
        turn.go.acquire()
        with self._lock:
            if self._free:
                self._free -= 1
                turn.has_place = True
                return
            self._waiting.append(turn)
        turn.go.acquire()

    def leave(self, turn: _Turn) -> None:
        """From wherever it is: one that was interrupted may still wait, or have been given its place just then."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.has_place:
                self._hand_on()

    def _hand_on(self) -> None:
        if self._waiting:
            following = self._waiting.popleft()
            following.has_place = True
            following.go.release()
        else:
            self._free += 1


def _too_long() -> StoreUnavailableError:
    return StoreUnavailableError("Other calls that wait for the stores took too long. Try again in a while.")
