"""The sum of what a call may wait for its stores."""

import threading
from dataclasses import dataclass

import pytest

from cheap_library import cheap_pipelines, open_library, picture
from search_by_image import deadline
from search_by_image.deadline import LEAST, Deadline, at_most, is_limited, limited, one_call, uncounted
from search_by_image.errors import StoreUnavailableError
from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits
from search_by_image.locks import Gate, SharedLock, in_turn
from search_by_image.records.base import Match


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""

    @dataclass
    class Clock:
        now: float = 1000.0

        def passes(self, seconds):
            self.now += seconds

    ticking = Clock()
    monkeypatch.setattr(deadline, "monotonic", lambda: ticking.now)
    return ticking


def test_without_a_limit_a_store_has_its_own_time(clock):
    clock.passes(1e6)
    assert at_most(10) == 10
    assert not is_limited()


def test_each_wait_has_what_those_before_it_left(clock):
    with limited(30):
        assert at_most(10) == 10
        clock.passes(25)
        assert at_most(10) == at_most() == 5
        clock.passes(5 - LEAST)
        with pytest.raises(StoreUnavailableError, match=r"within 30 seconds in all \(limits/store_timeout\)"):
            at_most(10)
    assert at_most(10) == 10


def test_a_limit_inside_another_is_no_second_one(clock):
    with limited(30):
        clock.passes(20)
        with limited(30):
            assert at_most(30) == 10
        assert at_most(30) == 10


def test_a_limit_ends_with_an_error_too(clock):
    with pytest.raises(KeyError), limited(1):
        raise KeyError
    assert not is_limited()


def test_what_asks_no_store_is_not_counted(clock):
    with limited(30):
        clock.passes(10)
        with uncounted():
            clock.passes(3600)
        assert at_most(30) == 20
        with pytest.raises(KeyError), uncounted():
            clock.passes(3600)
            raise KeyError
        assert at_most(30) == 20
    with uncounted():
        clock.passes(1)


def test_threads_have_limits_of_their_own():
    found = []
    with limited(1):
        thread = threading.Thread(target=lambda: found.append(is_limited()))
        thread.start()
        thread.join()
    assert found == [False]


def test_a_method_that_is_one_call(clock):
    class Owner:
        store_timeout = 8.0

        @one_call
        def inner(self, seconds: float, *, more: float = 0) -> float:
            """What is left."""
            clock.passes(seconds + more)
            return at_most()

        @one_call
        def outer(self) -> list[float]:
            return [self.inner(1), self.inner(2, more=1)]

    assert Owner().inner(3) == Owner().inner(2, more=1) == 5
    assert Owner().outer() == [7, 4]
    assert Owner.inner.__doc__ == "What is left."


def test_a_deadline_with_little_left():
    with pytest.raises(TimeoutError):
        Deadline(0).left()
    assert Deadline(60).left() > 50
    with pytest.raises(TimeoutError):
        Deadline(60).left(least=60)


def test_whose_turn_does_not_come_is_told():
    lock = threading.Lock()
    with in_turn(lock):
        with limited(0.1), pytest.raises(StoreUnavailableError, match="Try again"), in_turn(lock):
            pytest.fail("two at once")
        with pytest.raises(StoreUnavailableError), in_turn(lock, 0.01):
            pytest.fail("two at once")
    with in_turn(lock):
        assert lock.locked()
    assert not lock.locked()


def test_nobody_shares_with_who_has_it_alone_beyond_the_limit():
    lock = SharedLock()
    with lock.exclusive():
        for way in (lock.shared, lock.exclusive):
            with limited(0.1), pytest.raises(StoreUnavailableError), way():
                pytest.fail("not alone")
    with lock.shared():
        with limited(0.1), pytest.raises(StoreUnavailableError), lock.exclusive():
            pytest.fail("not alone")
        with limited(1), lock.shared():
            pass


# The library


CALLS = {
    "collections": lambda library: library.collections(),
    "add": lambda library: library.add(picture(2), {}, "Thumb", "new"),
    "add_many": lambda library: library.add_many([library.prepare(picture(3), {}, "Thumb")]),
    "search": lambda library: library.search(picture(1), "Thumb"),
    "check_collection": lambda library: library.check_collection("images"),
    "page": lambda library: library.page(Match(collection="images")),
    "fields": lambda library: library.fields("images", sample=9),
    "numbered_page": lambda library: library.numbered_page(Match(collection="images"), number=1, size=3),
    "count": lambda library: library.count(),
    "known_pictures": lambda library: library.known_pictures("Thumb", [b"0" * 32]),
    "remove": lambda library: library.remove(Match(collection="images")),
    "ping": lambda library: library.health.ping(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_call_asks_its_stores_within_its_limit(tmp_path, monkeypatch, call):
    """And those that keep house do not."""
    library = open_library(tmp_path, store_timeout=7)
    library.add(picture(1), {}, "Thumb")
    asked = []

    def noting(method):
        def noted(*args, **kwargs):
            asked.append(is_limited() and at_most() <= 7)
            return method(*args, **kwargs)

        return noted

    for store, names in (
        (library._records, "collections create_collection create_space put get page offset_page count begin_removal "
                           "finish_removal find_hashes ping settle in_state"),
        (library._index, "open_space upsert delete search ping maintain"),
    ):  # fmt: skip
        for name in names.split():
            monkeypatch.setattr(store._target, name, noting(getattr(store, name)))
    call(library)
    assert asked
    assert all(asked)
    asked.clear()
    library.maintain()
    library.recover()
    assert asked
    assert not any(asked)
    library.close()


def test_calls_may_share_a_limit(tmp_path):
    library = open_library(tmp_path, store_timeout=7)
    with library.as_one_call():
        library.count()
        assert is_limited()
    library.close()


def test_the_time_of_the_picture_does_not_count(clock, monkeypatch):
    extractor = Extractor(cheap_pipelines(), ImageLimits(), Gate(1, 1))
    pipeline = extractor.pipeline("Thumb")

    class Slow:
        name, fingerprint = pipeline.name, pipeline.fingerprint

        def extract(self, image, collection):
            clock.passes(3600)
            return pipeline.extract(image, collection)

    monkeypatch.setattr(extractor, "pipeline", lambda name: Slow())
    with limited(30):
        extractor.extract(picture(1), "Thumb")
        assert at_most(30) == 30
