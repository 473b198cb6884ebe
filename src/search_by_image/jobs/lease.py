"""A job that this process runs, and that no other may run meanwhile."""

import threading
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from search_by_image.jobs.book import JobBook
from search_by_image.jobs.job import Counts, Failure, Job, State


class LeaseLostError(Exception):
    """Another worker runs the job now, or it is gone: leave it alone."""


class Lease:
    """Thread-safe. Each change of the job counts as a sign of life, for the other workers.

    All methods raise `LeaseLostError`, and `StoreUnavailableError`.
    """

    def __init__(self, book: JobBook, job: Job) -> None:
        self._book = book
        self._job = job
        self._lock = threading.Lock()
        self._seconds_before = job.seconds
        self._began = monotonic()

    @classmethod
    def claim(cls, book: JobBook, job: Job, worker: str) -> "Lease | None":
        """None: another worker was faster."""
        claimed = book.change(
            job,
            state=State.RUNNING,
            runner=worker,
            started=job.started or datetime.now(UTC),
            attempts=job.attempts + 1,
        )
        return cls(book, claimed) if claimed else None

    @property
    def job(self) -> Job:
        return self._job

    @property
    def is_cancelled(self) -> bool:
        return self._job.state is State.CANCELLING

    def renew(self) -> None:
        """Say that the job is worked on; hear whether it was cancelled."""
        self._change()

    def record(self, counts: Counts) -> None:
        self._change(counts=counts, attempts=1)

    def give_back(self) -> None:
        """Another worker, or this one when it is started anew, goes on."""
        if not self.is_cancelled:
            self._change(runner="", attempts=0)

    def end(self, state: State, failure: Failure | None = None) -> Job:
        self._change(**self._job.ending(state, failure))
        return self._job

    def _change(self, **changes: Any) -> None:
        with self._lock:
            seconds = self._seconds_before + monotonic() - self._began
            changed = self._book.change(self._job, seconds=seconds, **changes)
            while changed is None:
                self._job = self._cancelled_meanwhile()
                changed = self._book.change(self._job, seconds=seconds, **changes)
            self._job = changed

    def _cancelled_meanwhile(self) -> Job:
        """The job as it is now. To be cancelled is all that can happen to a job while it is held."""
        found = self._book.find(self._job.id)
        if found.runner != self._job.runner or found.state is not State.CANCELLING:
            raise LeaseLostError
        return found
