"""The metrics that are read when somebody asks: what is up, what waits, how many images there are."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from search_by_image.api.lifecycle import Lifecycle
from search_by_image.api.readiness import Readiness
from search_by_image.errors import SearchByImageError
from search_by_image.library import Library
from search_by_image.records.base import Match
from search_by_image.timing import unheard

STORES = ("records", "vectors")


@dataclass(frozen=True, slots=True)
class Counts:
    images: dict[str, int] = field(default_factory=dict)
    unsettled: dict[str, int] = field(default_factory=dict)


class LibraryGauges(Collector):
    """`count_seconds`: how long a count holds; while a store is down the last one does."""

    def __init__(self, library: Library, lifecycle: Lifecycle, readiness: Readiness, *, count_seconds: float) -> None:
        self._library = library
        self._lifecycle = lifecycle
        self._readiness = readiness
        self._count_seconds = count_seconds
        self._lock = threading.Lock()
        self._counts = Counts()
        self._until = -1.0

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked just to register."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self._load()
        yield from self._health()
        yield from self._holdings()
        yield from self._imports()

    def _load(self) -> Iterator[Metric]:
        gate = self._library.extractor.gate
        name = "search_by_image_inference"
        yield GaugeMetricFamily(f"{name}_waiting", "Pictures that wait for a place.", gate.waiting)
        yield GaugeMetricFamily(f"{name}_waiting_limit", "Beyond this, calls are refused as overload.", gate.queue)
        yield GaugeMetricFamily(f"{name}_running", "Pictures that are processed.", gate.inside)
        yield GaugeMetricFamily(f"{name}_places", "Pictures that can be processed at once.", gate.places)
        running = self._lifecycle.running.value
        yield GaugeMetricFamily("search_by_image_requests_running", "Requests that are not answered yet.", running)

    def _health(self) -> Iterator[Metric]:
        stores = GaugeMetricFamily("search_by_image_store_up", "1: the store answers.", labels=["store"])
        models = GaugeMetricFamily("search_by_image_model_up", "1: the pipeline's models answer.", labels=["pipeline"])
        for name, error in self._readiness.outcomes().items():
            if name in STORES:
                stores.add_metric([name], float(error is None))
            else:
                models.add_metric([name.partition(" ")[2]], float(error is None))
        yield stores
        yield models

    def _holdings(self) -> Iterator[Metric]:
        counts = self._counted()
        images = GaugeMetricFamily("search_by_image_images", "Images in a collection.", labels=["collection"])
        for collection, count in counts.images.items():
            images.add_metric([collection], count)
        states = GaugeMetricFamily(
            "search_by_image_records_unsettled", "Records on their way into both stores, or out.", labels=["state"]
        )
        for state, count in counts.unsettled.items():
            states.add_metric([state], count)
        yield images
        yield states

    def _imports(self) -> Iterator[Metric]:
        tally = self._library.tally
        yield CounterMetricFamily("search_by_image_images_added", "Images imported.", value=tally.added)
        yield CounterMetricFamily("search_by_image_images_removed", "Images removed.", value=tally.removed)
        failed = CounterMetricFamily("search_by_image_imports_failed", "Images not imported.", labels=["code"])
        for code, count in tally.failed.items():
            failed.add_metric([code], count)
        yield failed

    def _counted(self) -> Counts:
        with self._lock:
            if monotonic() >= self._until:
                self._counts = self._count()
                self._until = monotonic() + self._count_seconds
            return self._counts

    def _count(self) -> Counts:
        library = self._library
        try:
            with unheard(), library.as_one_call():
                images = {name: library.count(Match(collection=name)) for name in library.collections()}
                return Counts(images, {state.value: count for state, count in library.health.unsettled().items()})
        except SearchByImageError:
            return self._counts
