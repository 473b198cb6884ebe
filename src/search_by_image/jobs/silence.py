"""Which workers give no sign of life any more, told without comparing clocks."""

from collections.abc import Collection
from time import monotonic

from search_by_image.jobs.job import Job


class Silence:
    """`seconds`: without a change of a job its worker counts as gone; 0: at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[int, float]] = {}

    def is_over(self, job: Job) -> bool:
        """To be asked again and again: only what was seen before can be seen to be unchanged."""
        version, since = self._seen.get(job.id, (0, 0.0))
        if version != job.version:
            self._seen[job.id] = job.version, (since := monotonic())
        return monotonic() - since >= self._seconds

    def forget_others(self, ids: Collection[str]) -> None:
        self._seen = {id_: seen for id_, seen in self._seen.items() if id_ in ids}
