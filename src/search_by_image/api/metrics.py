"""What the service tells Prometheus: counted with each request, or read when somebody asks.

Each application has a registry of its own. No label is a caller's text: routes are templates, methods the known ones.
"""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, Info, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder

from search_by_image.api.exchange import Finished
from search_by_image.api.gauges import LibraryGauges
from search_by_image.api.job_gauges import JobGauges
from search_by_image.api.lifecycle import Lifecycle
from search_by_image.api.readiness import Readiness
from search_by_image.jobs.jobs import Jobs
from search_by_image.library import Library

REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
COUNT_SECONDS = 60.0


class Metrics:
    """`count_seconds`: how long a count of images holds."""

    def __init__(
        self,
        library: Library,
        lifecycle: Lifecycle,
        readiness: Readiness,
        jobs: Jobs | None = None,
        *,
        count_seconds: float = COUNT_SECONDS,
    ) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "search_by_image_requests",
            "Requests answered. code: of a problem, or the status of an old call that failed; empty for success.",
            ("route", "method", "status", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "search_by_image_request_seconds",
            "Time to answer a request.",
            ("route", "method"),
            buckets=REQUEST_BUCKETS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "search_by_image_stage_seconds",
            "Time of a request in a stage: fetch, decode, queue, inference, vectors, records.",
            ("stage",),
            buckets=STAGE_BUCKETS,
            registry=self._registry,
        )
        build = Info("search_by_image_build", "The version that runs.", registry=self._registry)
        build.info({"version": version("search-by-image"), "python": platform.python_version()})
        self._registry.register(LibraryGauges(library, lifecycle, readiness, count_seconds=count_seconds))
        if jobs is not None:
            self._registry.register(JobGauges(jobs))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def observe(self, finished: Finished) -> None:
        method = finished.method if finished.method in METHODS else "other"
        self._requests.labels(finished.route, method, str(finished.status), finished.outcome).inc()
        self._seconds.labels(finished.route, method).observe(finished.seconds)
        for stage, seconds in finished.stages.items():
            self._stages.labels(stage).observe(seconds)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All metrics, and the media type they are in: OpenMetrics where `accept` asks for it."""
        encode, media_type = choose_encoder(accept)
        return encode(_Lean(self._registry)), media_type


class _Lean(CollectorRegistry):
    """Without the time of creation of each series: a second series for each that nobody asks for."""

    def __init__(self, whole: CollectorRegistry) -> None:
        super().__init__()
        self._whole = whole

    def collect(self) -> Iterator[Metric]:
        for family in self._whole.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
