"""Stages report to the stopwatches of their context, each second once, and to nobody else."""

import threading
import time
from contextvars import copy_context

import pytest

from cheap_library import picture
from search_by_image.timing import Stopwatch, stage, timed, unheard


@pytest.fixture
def clock(monkeypatch):
    """Time passes only when told to."""

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

        def passes(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr("search_by_image.timing.perf_counter", clock)
    return clock


def test_a_stage_that_comes_again_is_added_up(clock):
    with Stopwatch() as watch:
        for seconds in (1, 2):
            with stage("decode"):
                clock.passes(seconds)
            clock.passes(10)
    assert watch.seconds == {"decode": 3}
    assert watch.server_timing() == "decode;dur=3000.0"


def test_an_inner_stage_is_not_counted_in_the_outer_one(clock):
    with Stopwatch() as watch, stage("inference"):
        clock.passes(1)
        with stage("decode"):
            clock.passes(2)
            with stage("fetch"):
                clock.passes(4)
        clock.passes(8)
    assert watch.seconds == {"fetch": 4, "decode": 2, "inference": 9}


def test_nothing_is_reported_where_nobody_listens(clock):
    with Stopwatch() as watch:
        pass
    with stage("decode"):
        clock.passes(1)
    assert watch.seconds == {}


def test_work_that_is_not_the_callers_is_not_heard(clock):
    with Stopwatch() as watch, stage("inference"):
        with unheard(), stage("records"):
            clock.passes(1)
        clock.passes(2)
    assert watch.seconds == {"inference": 3}


def test_every_watch_that_runs_hears_it(clock):
    with Stopwatch() as outer, stage("inference"):
        with Stopwatch() as inner, stage("decode"):
            clock.passes(1)
        clock.passes(2)
    assert inner.seconds == {"decode": 1}
    assert outer.seconds == {"decode": 1, "inference": 2}


def test_a_watch_may_be_used_again(clock):
    watch = Stopwatch()
    for _ in range(2):
        with watch, stage("decode"):
            clock.passes(1)
    assert watch.seconds == {"decode": 2}


def test_a_stage_that_fails_is_reported_too(clock):
    with Stopwatch() as watch, pytest.raises(ValueError, match="broken"), stage("decode"):
        clock.passes(1)
        raise ValueError("broken")
    with stage("decode"):
        clock.passes(1)
    assert watch.seconds == {"decode": 1}


def test_threads_that_take_the_context_over_report_to_the_same_watch():
    def work():
        for _ in range(200):
            with stage("vectors"):
                pass

    heard = Stopwatch()
    seconds = []
    heard.add = lambda name, took: seconds.append(took)
    with heard:
        threads = [threading.Thread(target=copy_context().run, args=(work,)) for _ in range(4)]
        stranger = threading.Thread(target=work)
        for thread in (*threads, stranger):
            thread.start()
        for thread in (*threads, stranger):
            thread.join()
    assert len(seconds) == 800


def test_the_methods_of_a_timed_object(clock):
    class Store:
        name = "store"

        def get(self, key, *, default):
            clock.passes(2)
            return key, default

    with Stopwatch() as watch:
        store = timed(Store(), "records")
        assert store.get(1, default=2) == (1, 2)
        assert store.name == "store"
    assert watch.seconds == {"records": 2}


def test_a_library_tells_all_its_stages(library):
    with Stopwatch() as watch:
        library.add(picture(1), {"n": 1}, "Thumb")
    assert set(watch.seconds) == {"decode", "queue", "inference", "vectors", "records"}
    with Stopwatch() as watch:
        library.search(picture(1), "Thumb")
    assert set(watch.seconds) == {"decode", "vectors", "records"}, "computed once"
    library.extractor.forget()
    began = time.perf_counter()
    with Stopwatch() as watch:
        library.search(picture(1), "Thumb")
    whole = time.perf_counter() - began
    assert set(watch.seconds) == {"decode", "queue", "inference", "vectors", "records"}
    assert all(watch.seconds.values())
    assert sum(watch.seconds.values()) <= whole
