"""Shared against exclusive use, and the queue with an end."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from search_by_image.errors import OverloadedError
from search_by_image.locks import Gate, SharedLock

SOON = 30
A_WHILE = 0.05


class Holder(threading.Thread):
    """Enters in a thread, says so, and stays inside until it is let go."""

    def __init__(self, context) -> None:
        super().__init__(daemon=True)
        self._context = context
        self._leave = threading.Event()
        self.entered = threading.Event()
        self.start()

    def run(self) -> None:
        with self._context:
            self.entered.set()
            self._leave.wait(SOON)

    def let_go(self) -> None:
        self._leave.set()
        self.join(SOON)
        assert not self.is_alive()


def is_inside(holder: Holder) -> bool:
    return holder.entered.wait(SOON)


def waits(holder: Holder) -> bool:
    return not holder.entered.wait(A_WHILE)


def eventually(condition) -> None:
    for _ in range(SOON * 1000):
        if condition():
            return
        threading.Event().wait(0.001)
    pytest.fail("it never came")


# SharedLock


def test_many_share():
    lock = SharedLock()
    holders = [Holder(lock.shared()) for _ in range(5)]
    assert all(is_inside(holder) for holder in holders)
    for holder in holders:
        holder.let_go()


def test_who_is_alone_keeps_all_others_out():
    lock = SharedLock()
    alone = Holder(lock.exclusive())
    assert is_inside(alone)
    sharer, other = Holder(lock.shared()), Holder(lock.exclusive())
    assert waits(sharer)
    assert waits(other)
    alone.let_go()
    for holder in (sharer, other):
        threading.Timer(A_WHILE, holder._leave.set).start()
    assert is_inside(sharer)
    assert is_inside(other)
    sharer.let_go()
    other.let_go()


def test_exclusive_waits_for_every_sharer():
    lock = SharedLock()
    first, second = Holder(lock.shared()), Holder(lock.shared())
    assert is_inside(first)
    assert is_inside(second)
    alone = Holder(lock.exclusive())
    first.let_go()
    assert waits(alone)
    second.let_go()
    assert is_inside(alone)
    alone.let_go()


def test_new_sharers_do_not_overtake_who_waits_to_be_alone():
    lock = SharedLock()
    sharer = Holder(lock.shared())
    assert is_inside(sharer)
    alone = Holder(lock.exclusive())
    eventually(lambda: lock._exclusive)
    late = Holder(lock.shared())
    assert waits(late)
    sharer.let_go()
    assert is_inside(alone)
    assert waits(late)
    alone.let_go()
    assert is_inside(late)
    late.let_go()


def test_exclusive_is_not_starved_by_a_stream_of_sharers():
    lock = SharedLock()
    stop = threading.Event()

    def share() -> None:
        while not stop.is_set():
            with lock.shared():
                stop.wait(0.001)

    with ThreadPoolExecutor(8) as threads:
        sharers = [threads.submit(share) for _ in range(6)]
        alone = Holder(lock.exclusive())
        entered = is_inside(alone)
        alone.let_go()
        stop.set()
        for sharer in sharers:
            sharer.result()
    assert entered


@pytest.mark.parametrize("kind", ["shared", "exclusive"])
def test_an_exception_inside_releases(kind):
    lock = SharedLock()
    with pytest.raises(ZeroDivisionError), getattr(lock, kind)():
        raise ZeroDivisionError
    with lock.exclusive():
        pass
    with lock.shared():
        pass


class InterruptedHereError(Exception):
    pass


@pytest.fixture
def interrupt_when():
    """As Ctrl-C does, raise in the main thread while it waits; the condition tells when.

    A signal that comes just before a thread begins to wait does not wake it: it is sent until it was heard.
    """
    heard = threading.Event()

    def interrupt(*_):
        if not heard.is_set():
            heard.set()
            raise InterruptedHereError

    def watch(condition):
        eventually(condition)
        while not heard.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            heard.wait(A_WHILE)

    def start(condition):
        watching = threading.Thread(target=watch, args=(condition,), daemon=True)
        watchers.append(watching)
        watching.start()

    watchers = []
    before = signal.signal(signal.SIGUSR1, interrupt)
    yield start
    for watching in watchers:
        watching.join()
    signal.signal(signal.SIGUSR1, before)


def test_who_is_interrupted_while_it_waits_to_be_alone_no_longer_stands_in_the_way(interrupt_when):
    lock = SharedLock()
    sharer = Holder(lock.shared())
    assert is_inside(sharer)
    interrupt_when(lambda: lock._exclusive)
    with pytest.raises(InterruptedHereError), lock.exclusive():
        pytest.fail("a sharer is inside")
    late = Holder(lock.shared())
    assert is_inside(late)
    late.let_go()
    sharer.let_go()
    with lock.exclusive():
        pass


def test_what_is_counted_under_the_lock_is_counted_right():
    lock = SharedLock()
    inside = {"sharers": 0, "alone": 0}
    wrong = []
    counting = threading.Lock()

    def count(kind: str, change: int) -> None:
        with counting:
            inside[kind] += change
            if inside["alone"] > 1 or (inside["alone"] and inside["sharers"]):
                wrong.append(dict(inside))

    def work(number: int) -> None:
        kind, context = ("alone", lock.exclusive) if number % 5 == 0 else ("sharers", lock.shared)
        with context():
            count(kind, 1)
            threading.Event().wait(0.0001)
            count(kind, -1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(400)))
    assert wrong == []
    assert inside == {"sharers": 0, "alone": 0}


# Gate


def test_as_many_as_there_are_places_are_inside_at_once():
    gate = Gate(3, 0)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(gate.enter())
        with pytest.raises(OverloadedError), gate.enter():
            pytest.fail("there is no fourth place")
    with gate.enter():
        pass


def test_the_queue_waits_and_those_beyond_it_are_turned_away():
    gate = Gate(1, 2)
    inside = Holder(gate.enter())
    assert is_inside(inside)
    queue = [Holder(gate.enter()) for _ in range(2)]
    assert all(waits(holder) for holder in queue)
    with pytest.raises(OverloadedError, match="Try again") as caught, gate.enter():
        pytest.fail("the queue is full")
    assert caught.value.retry_after >= 1
    assert caught.value.status == 503
    inside.let_go()
    for holder in queue:
        holder._leave.set()
    assert all(is_inside(holder) for holder in queue)
    for holder in queue:
        holder.let_go()
    with gate.enter():
        pass


def test_nobody_is_overtaken():
    gate, entered = Gate(1, 10), []

    def enter(number):
        with gate.enter():
            entered.append(number)

    with gate.enter():
        threads = [threading.Thread(target=enter, args=(number,), daemon=True) for number in range(5)]
        for number, thread in enumerate(threads, 1):
            thread.start()
            eventually(lambda expected=number: len(gate._turns._waiting) == expected)
    enter("newcomer")
    for thread in threads:
        thread.join(SOON)
    assert entered == [0, 1, 2, 3, 4, "newcomer"]


def test_one_that_was_turned_away_took_no_place():
    gate = Gate(1, 0)
    with gate.enter():
        for _ in range(10):
            with pytest.raises(OverloadedError), gate.enter():
                pytest.fail("it is full")
    for _ in range(10):
        with gate.enter():
            pass


def test_an_exception_inside_gives_the_place_back():
    gate = Gate(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.enter():
            raise ZeroDivisionError
    with gate.enter():
        pass


def test_one_that_is_interrupted_in_the_queue_gives_its_place_back(interrupt_when):
    gate = Gate(1, 1)
    inside = Holder(gate.enter())
    assert is_inside(inside)
    interrupt_when(lambda: gate._turns._waiting)
    with pytest.raises(InterruptedHereError), gate.enter():
        pytest.fail("the only place is taken")
    inside.let_go()
    with ExitStack() as stack:
        stack.enter_context(gate.enter())
        second = Holder(gate.enter())
        assert waits(second)
    assert is_inside(second)
    second.let_go()


def test_never_more_inside_than_places():
    gate = Gate(2, 100)
    counting = threading.Lock()
    inside, most = 0, 0

    def work(_) -> None:
        nonlocal inside, most
        with gate.enter():
            with counting:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.0005)
            with counting:
                inside -= 1

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(work, range(200)))
    assert most == 2
    assert inside == 0
