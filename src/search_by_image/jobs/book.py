"""Jobs in the ledger: all of them for those who ask, and the open ones for those who work."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from search_by_image.errors import NotFoundError
from search_by_image.jobs.job import Job, State, first_id_before
from search_by_image.records.ledger import Ledger

KIND = "job"
OPEN = "open_job"
AT_ONCE = 100
MOST_OPEN = 10_000


class JobBook:
    """Thread-safe. An open job has something to be done for it still, if only to tell of its end."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add(self, job: Job) -> Job:
        """The order makes sure that no job is forgotten when the process ends in between."""
        self._ledger.add(OPEN, job.id, {})
        entry = self._ledger.add(KIND, job.id, job.body())
        return job.model_copy(update={"version": entry.version})

    def find(self, id_: str) -> Job:
        """Raises `NotFoundError`."""
        entry = self._ledger.get(KIND, id_)
        if entry is None:
            raise NotFoundError("job", id_, "this service")
        return Job.of(entry)

    def newest(self, *, after: str = "") -> Iterator[Job]:
        """The latest first; `after`: only those older than the job of this id."""
        page = self._ledger.list(KIND, after=after, limit=AT_ONCE)
        while page:
            yield from map(Job.of, page)
            page = self._ledger.list(KIND, after=page[-1].id, limit=AT_ONCE)

    def open_ids(self) -> list[str]:
        """The oldest first."""
        return [entry.id for entry in reversed(self._ledger.list(OPEN, limit=MOST_OPEN))]

    def close(self, id_: str) -> None:
        """Nothing is to be done for the job any more."""
        self._ledger.delete(OPEN, id_)

    def change(self, job: Job, **changes: Any) -> Job | None:
        """The changed job; None when another was faster, or the job is gone."""
        changed = job.model_copy(update={**changes, "version": job.version + 1})
        return changed if self._ledger.replace(KIND, job.id, changed.body(), job.version) else None

    def cancel(self, id_: str) -> tuple[Job, bool]:
        """The job, and whether this call ended it: one that runs ends soon, one that has ended stays as it is.

        Raises `NotFoundError`.
        """
        while True:
            job = self.find(id_)
            if job.state.has_ended or job.state is State.CANCELLING:
                return job, False
            changes = {"state": State.CANCELLING} if job.runner else job.ending(State.CANCELLED)
            if changed := self.change(job, **changes):
                return changed, changed.state.has_ended

    def older_than(self, age: timedelta) -> Iterator[Job]:
        return self.newest(after=first_id_before(age))

    def forget(self, id_: str) -> None:
        self._ledger.delete(OPEN, id_)
        self._ledger.delete(KIND, id_)
