"""From bytes to vectors: checked, queued, and the same picture computed once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cheap_library import picture
from search_by_image.errors import (
    EmptyImageError,
    ImageTooLargeError,
    NotAnImageError,
    OverloadedError,
    PipelineError,
    UnknownNameError,
)
from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits
from search_by_image.locks import Gate
from search_by_image.plugins import Features, Host, Processor, Registry
from search_by_image.regions import Box
from search_by_image.workshop import Workshop

SOON = 30


class Mean(Processor):
    """The mean of each channel; counts its calls, and fails or waits when told to."""

    def __init__(self, para, host):
        super().__init__(para, host)
        self.calls = 0
        self.fails = False
        self.started = threading.Semaphore(0)
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def process(self, image, context):
        self.calls += 1
        self.started.release()
        assert self.may_go_on.wait(SOON)
        if self.fails:
            raise ValueError
        return Features(np.asarray(image, np.float32).mean((0, 1)))


class Other(Mean):
    pass


def extractor(places=2, queue=2, cached=256, limits=None):
    registry = Registry()
    for plugin in (Mean, Other):
        registry.add(plugin)
    texts = {name: f'{{"1": {{"processor": "{name}"}}}}' for name in ("Mean", "Other")}
    pipelines = Workshop(registry, Host(), {}).pipelines(texts)
    return Extractor(pipelines, limits or ImageLimits(), Gate(places, queue), cached=cached)


def processor(made, name="Mean"):
    (node,) = made.pipeline(name).nodes
    return node.typed


def test_a_picture_becomes_its_vector():
    made = extractor().extract(picture(1), "Mean", "pets")
    assert (made.vector.shape, made.vector.dtype, made.collection) == ((3,), np.float32, "pets")


def test_an_unknown_pipeline_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match=r"no pipeline named 'Median'. Known: Mean, Other\."):
        extractor().extract(picture(1), "Median")


def test_the_pipeline_is_looked_up_before_the_picture_is_checked():
    with pytest.raises(UnknownNameError):
        extractor().extract(b"", "Median")


@pytest.mark.parametrize(
    ("image", "error"), [(b"", EmptyImageError), (b"text", NotAnImageError), (picture(1), ImageTooLargeError)]
)
def test_a_picture_is_checked_before_it_takes_a_place(image, error):
    made = extractor(places=1, queue=0, limits=ImageLimits(max_pixels=100))
    with made.gate.enter(), pytest.raises(error):
        made.extract(image, "Mean")
    assert processor(made).calls == 0


def test_the_same_picture_is_computed_once():
    made = extractor()
    first = made.extract(picture(1), "Mean", "pets")
    again = made.extract(bytes(bytearray(picture(1))), "Mean", "pets")
    assert again is first
    assert processor(made).calls == 1


def test_another_picture_pipeline_or_collection_is_computed_anew():
    made = extractor()
    results = [
        made.extract(picture(1), "Mean", "pets"),
        made.extract(picture(2), "Mean", "pets"),
        made.extract(picture(1), "Mean", "art"),
    ]
    made.extract(picture(1), "Other", "pets")
    assert [result.collection for result in results] == ["pets", "pets", "art"]
    assert not np.array_equal(results[0].vector, results[1].vector)
    assert (processor(made).calls, processor(made, "Other").calls) == (3, 1)


def test_what_is_known_needs_no_place():
    made = extractor(places=1, queue=0)
    known = made.extract(picture(1), "Mean")
    with made.gate.enter():
        assert made.extract(picture(1), "Mean") is known
        with pytest.raises(OverloadedError):
            made.extract(picture(2), "Mean")


def test_a_part_is_cut_out_in_its_turn():
    made = extractor(places=1, queue=0)
    with made.gate.enter():
        with pytest.raises(OverloadedError):
            made.part(picture(1), Box(0, 0, 0.5, 1))
        with pytest.raises(NotAnImageError):
            made.part(b"text", Box(0, 0, 0.5, 1))
    assert made.part(picture(1), Box(0, 0, 0.5, 1)).startswith(b"\x89PNG")


def test_the_least_recently_used_is_forgotten():
    made = extractor(cached=2)
    for seed in (1, 2, 1, 3):
        made.extract(picture(seed), "Mean")
    assert processor(made).calls == 3
    made.extract(picture(1), "Mean")
    made.extract(picture(3), "Mean")
    assert processor(made).calls == 3
    made.extract(picture(2), "Mean")
    assert processor(made).calls == 4


def test_without_a_cache_every_picture_is_computed():
    made = extractor(cached=0)
    for _ in range(3):
        made.extract(picture(1), "Mean")
    assert processor(made).calls == 3


def test_forgetting_computes_every_picture_anew():
    made = extractor()
    first = made.extract(picture(1), "Mean")
    made.forget()
    again = made.extract(picture(1), "Mean")
    assert processor(made).calls == 2
    assert again is not first
    assert np.array_equal(again.vector, first.vector)


def test_a_failure_is_not_kept_and_gives_its_place_back():
    made = extractor(places=1, queue=0)
    processor(made).fails = True
    for _ in range(3):
        with pytest.raises(PipelineError):
            made.extract(picture(1), "Mean")
    processor(made).fails = False
    assert made.extract(picture(1), "Mean").vector.shape == (3,)


def test_when_the_queue_is_full_a_picture_is_turned_away():
    made = extractor(places=1, queue=1)
    mean = processor(made)
    mean.may_go_on.clear()
    with ThreadPoolExecutor(2) as threads:
        accepted = [threads.submit(made.extract, picture(seed), "Mean") for seed in (1, 2)]
        assert mean.started.acquire(timeout=SOON)
        while made.gate._entered._value:
            threading.Event().wait(0.001)
        with pytest.raises(OverloadedError):
            made.extract(picture(3), "Mean")
        assert mean.calls == 1
        mean.may_go_on.set()
        assert [done.result().vector.shape for done in accepted] == [(3,), (3,)]
    assert made.extract(picture(3), "Mean").vector.shape == (3,)


def test_threads_get_their_own_pictures_vectors():
    made = extractor(places=4, queue=100, cached=5)
    expected = {seed: made.extract(picture(seed), "Mean").vector.tolist() for seed in range(10)}

    def check(number):
        return made.extract(picture(number % 10), "Mean").vector.tolist() == expected[number % 10]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(check, range(400)))
