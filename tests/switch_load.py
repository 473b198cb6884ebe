"""Services whose model is switched by commands while clients search and import all the time."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from operator import ne
from pathlib import Path
from typing import Any

PICTURES = 10
SECONDS = 60.0
PAUSE = 0.05
PLUGINS = """\
import numpy as np
from faults.pictures import picture
from search_by_image.plugins import Features, Processor
from search_by_image.vectors.base import Metric


class Reddish(Processor):
    dimension = 192
    metric = Metric.COSINE
    image_size = 8

    def process(self, image, context):
        pixels = 127.5 - np.asarray(image.resize((8, 8)), np.float32)
        return Features((pixels * [float(self.para["gain"]), 1, 1]).reshape(-1))


def bytes_of(document):
    return picture(document["id"])
"""
OTHER_MODEL = '{"faults_thumbnail": {"processor": "Reddish", "para": {"gain": "3"}}}'
Ran = Callable[..., object]
Result = tuple[tuple[int, float], ...]


def plugged_in(folder: Path) -> str:
    """The value of `pipeline/plugins_path` with another model in it."""
    folder.mkdir()
    (folder / "reddish.py").write_text(PLUGINS)
    return f"{Path(__file__).parents[1] / 'faults' / 'plugins'},{folder}"


class Searching:
    """One client of a service: what it found of the first pictures, in order."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.seen: list[tuple[int, Result]] = []

    def go_on(self, stop: threading.Event) -> None:
        dice = random.Random(1)
        while not stop.is_set():
            number = dice.randrange(PICTURES)
            self.seen.append((number, found(self.service, number)))
            time.sleep(PAUSE)


def found(service: Any, number: int) -> Result:
    """Of the pictures that are there from the beginning."""
    matches = service.search(number)
    return tuple((match["id"], round(match["score"], 3)) for match in matches if match["id"] < PICTURES)


def all_found(service: Any) -> list[Result]:
    return [found(service, number) for number in range(PICTURES)]


def switched_under_load(services: list[Any], ran: Ran) -> None:
    """There and back, and there for good; `ran` gives a command. All services have the pictures 0 to 9."""
    clients = [Searching(service) for service in services]
    old = all_found(services[0])
    with going_on(clients), importing(services[-1]) as imported:
        ran("reindex", "--processors", OTHER_MODEL, "--source", "reddish:bytes_of")
        ran("switch", "promote")
        new = until_all(services, lambda now: all(map(ne, now, old)))
        ran("switch", "roll-back")
        until_all(services, lambda now: now == old)
        ran("switch", "promote")
        until_all(services, lambda now: now == new)
        ran("switch", "finish")
        for service in services:
            assert all_found(service) == new
    for client in clients:
        assert [one for one in client.seen if one[1] not in (old[one[0]], new[one[0]])] == []
        assert {any(result == model[number] for number, result in client.seen) for model in (old, new)} == {True}
    for service in services:
        assert [number for number in imported if service.search(number)[0]["id"] != number] == []


def until_all(services: list[Any], good: Callable[[list[Result]], bool]) -> list[Result]:
    """Each service follows in its own time; what all of them find then."""
    until = time.monotonic() + SECONDS
    while True:
        now = [all_found(service) for service in services]
        if now[0] == now[-1] and good(now[0]):
            return now[0]
        assert time.monotonic() < until, "the services did not follow"
        time.sleep(4 * PAUSE)


@contextmanager
def going_on(clients: list[Searching]) -> Iterator[None]:
    """What fails there fails here."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(clients)) as threads:
        working = [threads.submit(client.go_on, stop) for client in clients]
        try:
            yield
        finally:
            stop.set()
        for one in working:
            one.result()


@contextmanager
def importing(service: Any) -> Iterator[list[int]]:
    """Pictures from 100 on; each is found at once."""
    stop, imported = threading.Event(), list[int]()

    def work() -> None:
        while not stop.is_set():
            number = 100 + len(imported)
            service.add(number)
            imported.append(number)
            assert service.search(number)[0]["id"] == number
            time.sleep(4 * PAUSE)

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        try:
            yield imported
        finally:
            stop.set()
        working.result()
