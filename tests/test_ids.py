"""Ids: increasing, by time, exact in JavaScript."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_by_image import ids
from search_by_image.ids import EPOCH_MS, RANDOM_BITS, IdGenerator, id_at


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand, in nanoseconds since 1970."""

    class Clock:
        now = 0

        def time_ns(self):
            return self.now

        def set(self, ms_since_epoch):
            self.now = (EPOCH_MS + ms_since_epoch) * 1_000_000

    made = Clock()
    made.set(1_000)
    monkeypatch.setattr(ids, "time", made)
    return made


def test_the_epoch_is_the_start_of_2026():
    assert datetime.fromtimestamp(EPOCH_MS / 1000, UTC) == datetime(2026, 1, 1, tzinfo=UTC)


@settings(deadline=None)
@given(st.lists(st.integers(0, 100) | st.just(10_000), max_size=12))
def test_ids_increase_whatever_is_taken_at_once(counts):
    generator = IdGenerator()
    taken = [id_ for count in counts for id_ in generator.take(count)]
    assert len(taken) == sum(counts)
    assert all(left < right for left, right in pairwise(taken))


def test_ids_of_one_call_follow_each_other():
    first, second, third = IdGenerator().take(3)
    assert (second, third) == (first + 1, first + 2)


def test_ids_hold_the_time(clock):
    for ms in (1_000, 1_001, 5_000):
        clock.set(ms)
        (id_,) = IdGenerator().take(1)
        assert id_ >> RANDOM_BITS == ms


def test_the_lower_bits_are_random(clock):
    lower = {IdGenerator().take(1)[0] & (2**RANDOM_BITS - 1) for _ in range(100)}
    assert len(lower) > 50


def test_ids_increase_when_the_clock_goes_back(clock):
    generator = IdGenerator()
    clock.set(9_000)
    before = generator.take(2)
    clock.set(100)
    assert generator.take(1) == [before[-1] + 1]


def test_ids_are_positive_when_the_clock_is_before_2026(clock):
    clock.now = 0
    (id_,) = IdGenerator().take(1)
    assert id_ >> RANDOM_BITS == 1


def test_ids_fit_into_53_bits_until_2060(clock):
    clock.now = int(datetime(2060, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    (id_,) = IdGenerator().take(1)
    assert id_ < 2**53
    assert float(id_) == id_


class SlowCount(int):
    """Gives other threads their turn in the middle of `take`."""

    def __radd__(self, other):
        time.sleep(0.001)
        return other + int(self)


def test_threads_never_draw_the_same_id(clock):
    generator = IdGenerator()
    start = threading.Barrier(4)

    def draw(_):
        start.wait()
        return [id_ for _ in range(20) for id_ in generator.take(SlowCount(2))]

    with ThreadPoolExecutor(4) as threads:
        drawn = [id_ for part in threads.map(draw, range(4)) for id_ in part]
    assert len(set(drawn)) == len(drawn) == 160


def test_id_at_parts_the_older_from_the_younger(clock):
    generator = IdGenerator()
    clock.set(2_000)
    older = generator.take(5)
    clock.set(2_001)
    younger = generator.take(5)
    clock.set(3_000)
    border = id_at(milliseconds_ago=1_000)
    assert max(older) < border <= min(younger)
    assert max(younger) < id_at()


def test_id_at_now_is_above_every_id_drawn_until_now():
    generator = IdGenerator()
    (id_,) = generator.take(1)
    assert id_ < id_at()
    assert id_at(milliseconds_ago=60_000) < id_
    assert time.time_ns() // 1_000_000 - EPOCH_MS - (id_ >> RANDOM_BITS) < 60_000
