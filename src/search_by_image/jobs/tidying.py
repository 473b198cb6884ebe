"""What is left behind of jobs: known for a while, then forgotten."""

from datetime import timedelta
from time import monotonic

from search_by_image.errors import NotFoundError
from search_by_image.jobs.book import JobBook
from search_by_image.jobs.item_errors import ItemErrors
from search_by_image.jobs.spool import Spool

EVERY = 3600.0


class Tidying:
    """`keep`: how long a job is known after it was made."""

    def __init__(self, book: JobBook, errors: ItemErrors, spool: Spool, keep: timedelta) -> None:
        self._book = book
        self._errors = errors
        self._spool = spool
        self._keep = keep
        self._due = monotonic()

    def run_sometimes(self) -> None:
        if monotonic() >= self._due:
            self._due = monotonic() + EVERY
            self.run()

    def run(self) -> None:
        self._forget_jobs()
        self._spool.discard_parts()
        for job_id, path in self._spool.old_uploads().items():
            if self._is_nobodys(job_id):
                path.unlink(missing_ok=True)

    def _forget_jobs(self) -> None:
        for job in list(self._book.older_than(self._keep)):
            if job.state.has_ended:
                self._errors.forget(job.id)
                self._book.forget(job.id)

    def _is_nobodys(self, job_id: str) -> bool:
        try:
            return self._book.find(job_id).state.has_ended
        except NotFoundError:
            return True
