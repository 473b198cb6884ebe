"""The metrics of import jobs, read when somebody asks."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from search_by_image.errors import SearchByImageError
from search_by_image.jobs.job import State
from search_by_image.jobs.jobs import Jobs
from search_by_image.timing import unheard

OPEN = tuple(state for state in State if not state.has_ended)


class JobGauges(Collector):
    """While the record store is down the last count of the jobs holds."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._open: Mapping[State, int] = {}

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked just to register."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        self._open, tally = self._counted(), self._jobs.tally
        jobs = GaugeMetricFamily("search_by_image_jobs", "Import jobs that have not ended.", labels=["state"])
        for state in OPEN:
            jobs.add_metric([state.value], self._open.get(state, 0))
        yield jobs
        yield _counter("search_by_image_jobs_ended", "Import jobs that this process ended.", "state", tally.ended)
        yield _counter("search_by_image_job_items", "Items of import jobs.", "outcome", tally.items)

    def _counted(self) -> Mapping[State, int]:
        try:
            with unheard():
                return Counter(job.state for job in self._jobs.open())
        except SearchByImageError:
            return self._open


def _counter(name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
