"""What a process does for jobs in the background: runs them, tells of their ends, tidies up."""

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic

from search_by_image.errors import NotFoundError, SearchByImageError
from search_by_image.jobs.book import JobBook
from search_by_image.jobs.job import Failure, Job, State, first_id_before
from search_by_image.jobs.job_tally import JobTally
from search_by_image.jobs.lease import Lease, LeaseLostError
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.patience import HaltedError
from search_by_image.jobs.run import JobRun
from search_by_image.jobs.silence import Silence
from search_by_image.jobs.sources import Sources
from search_by_image.jobs.spool import Spool
from search_by_image.jobs.tidying import Tidying
from search_by_image.jobs.webhooks import Webhooks
from search_by_image.library import Library

MESSENGERS = 2
BROKEN = Failure(code="internal_error", message="The job failed; the service's log says more.")
FRESH = timedelta(minutes=1)
RENEWALS = 3
"""Signs of life that may get lost before a worker counts as gone."""

_logger = logging.getLogger(__name__)


class JobWorker:
    """Thread-safe. One thread looks after the jobs in the record store; others run them and deliver webhooks."""

    def __init__(
        self,
        *,
        library: Library,
        options: JobOptions,
        book: JobBook,
        spool: Spool,
        sources: Sources,
        webhooks: Webhooks,
        tidying: Tidying,
        tally: JobTally,
    ) -> None:
        self._library = library
        self._options = options
        self._book = book
        self._spool = spool
        self._sources = sources
        self._webhooks = webhooks
        self._tidying = tidying
        self._tally = tally
        self._name = secrets.token_hex(8)
        self._silence = Silence(0.0 if options.alone else options.lease)
        self._computing = threading.BoundedSemaphore(options.threads)
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._held: dict[str, Lease] = {}
        self._told: set[str] = set()
        self._renewal = 0.0
        self._runners = ThreadPoolExecutor(options.at_once, "job")
        self._messengers = ThreadPoolExecutor(MESSENGERS, "job-webhook")
        self._thread = threading.Thread(target=self._watch, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Jobs that run are recorded as far as they are, and go on when this or another worker is there."""
        self._stopping.set()
        self._news.set()
        self._thread.join()
        self._runners.shutdown()
        self._messengers.shutdown()

    def hear(self, job_id: str) -> None:
        """The job is new, or was cancelled: look after it now."""
        lease = self._held.get(job_id)
        if lease is not None:
            with suppress(LeaseLostError):
                lease.renew()
        self._news.set()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._attempt(self._renew_all)
            self._attempt(self._look_around)
            self._attempt(self._tidying.run_sometimes)
            self._news.wait(self._options.poll)
            self._news.clear()

    def _attempt(self, work: Callable[[], None]) -> None:
        """Nothing ends the thread that everything depends on."""
        try:
            work()
        except SearchByImageError as error:
            _logger.warning("Jobs are looked after later: %s", error)
        except Exception:
            _logger.exception("Jobs are looked after later")

    def _look_around(self) -> None:
        ids = self._book.open_ids()
        self._silence.forget_others(set(ids))
        for id_ in ids:
            self._attempt(partial(self._look_after, id_))

    def _renew_all(self) -> None:
        if monotonic() >= self._renewal:
            self._renewal = monotonic() + self._options.lease / RENEWALS
            for lease in list(self._held.values()):
                with suppress(LeaseLostError):
                    lease.renew()

    def _look_after(self, id_: str) -> None:
        try:
            job = self._book.find(id_)
        except NotFoundError:
            if id_ > first_id_before(FRESH):
                self._book.close(id_)
            return
        if job.state.has_ended:
            self._finish(job)
        elif id_ not in self._held and self._is_free(job):
            self._begin(job)

    def _is_free(self, job: Job) -> bool:
        return job.runner in ("", self._name) or self._silence.is_over(job)

    def _begin(self, job: Job) -> None:
        if job.state is State.CANCELLING:
            self._book.change(job, **job.ending(State.CANCELLED))
        elif len(self._held) < self._options.at_once and self._spool.holds(job):
            lease = Lease.claim(self._book, job, self._name)
            if lease is not None:
                self._held[job.id] = lease
                self._runners.submit(self._run, lease)

    def _finish(self, job: Job) -> None:
        self._spool.delete(job)
        if not job.awaits_webhook:
            self._book.close(job.id)
        elif self._webhooks.is_due(job) and job.id not in self._told:
            self._told.add(job.id)
            self._messengers.submit(self._tell, job)

    def _tell(self, job: Job) -> None:
        try:
            self._webhooks.deliver(job)
        except SearchByImageError as error:
            _logger.warning("The webhook of the job %s is sent later: %s", job.id, error)
        finally:
            self._told.discard(job.id)
            self._news.set()

    def _run(self, lease: Lease) -> None:
        try:
            self._run_to_its_end(lease)
        except LeaseLostError:
            _logger.warning("The job %s is run by another worker now.", lease.job.id)
        except SearchByImageError as error:
            _logger.warning("The job %s goes on later: %s", lease.job.id, error)
        finally:
            del self._held[lease.job.id]
            self._news.set()

    def _run_to_its_end(self, lease: Lease) -> None:
        try:
            self._import(lease)
        except HaltedError:
            self._end(lease, State.CANCELLED) if lease.is_cancelled else lease.give_back()
        except LeaseLostError:
            raise
        except SearchByImageError as error:
            self._end(lease, State.FAILED, Failure.of(error.code, str(error)))
        except Exception:
            _logger.exception("The job %s failed", lease.job.id)
            self._end(lease, State.FAILED, BROKEN)
        else:
            self._end(lease, State.SUCCEEDED)

    def _end(self, lease: Lease, state: State, failure: Failure | None = None) -> None:
        lease.end(state, failure)
        self._tally.end(state)

    def _import(self, lease: Lease) -> None:
        job = lease.job
        run = JobRun(self._library, lease, self._options, self._computing, self._stopping, tally=self._tally)
        with self._sources.open(self._spool.path(job), job.format, job.id) as source:
            run.run(source)
