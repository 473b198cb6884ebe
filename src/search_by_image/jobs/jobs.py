"""Import jobs as a service sees them: taken in, asked for, cancelled, worked on in the background."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Self

from search_by_image.errors import NotFoundError, OverloadedError
from search_by_image.fetch import UrlFetcher
from search_by_image.jobs.book import JobBook
from search_by_image.jobs.item_errors import ItemError, ItemErrors
from search_by_image.jobs.job import Format, Job, OnDuplicate, Webhook
from search_by_image.jobs.job_tally import JobTally
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.sources import Sources
from search_by_image.jobs.spool import Incoming, Spool
from search_by_image.jobs.tidying import Tidying
from search_by_image.jobs.webhooks import Webhooks, check_secret, new_secret
from search_by_image.jobs.worker import JobWorker
from search_by_image.library import Library
from search_by_image.settings import check_collection_name

RETRY_AFTER = 60
Admit = Callable[[Job], bool]


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller says of an import. `pipeline` '': the collection's own, or the only one; `webhook_...` '': none."""

    collection: str
    pipeline: str = ""
    on_duplicate: OnDuplicate = OnDuplicate.REPLACE
    webhook_url: str = ""
    webhook_secret: str = ""


class Jobs:
    """Thread-safe. Works in the background within the `with` statement, which must end before the library is closed.

    All methods may raise `StoreUnavailableError`.
    """

    def __init__(self, library: Library, fetcher: UrlFetcher, options: JobOptions) -> None:
        self._library = library
        self._fetcher = fetcher
        self.options = options
        self.tally = JobTally()
        self._book = JobBook(library.ledger)
        self._errors = ItemErrors(library.ledger)
        self._spool = Spool(options.spool_path, options.max_bytes)
        self._sources = Sources(library, fetcher, options)
        webhooks = Webhooks(self._book, fetcher, attempts=options.webhook_attempts, pause=options.webhook_pause)
        tidying = Tidying(self._book, self._errors, self._spool, timedelta(days=options.keep_days))
        self._worker = JobWorker(
            library=library,
            options=options,
            book=self._book,
            spool=self._spool,
            sources=self._sources,
            webhooks=webhooks,
            tidying=tidying,
            tally=self.tally,
        )

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._worker.stop()

    def checked(self, order: Order) -> Order:
        """The order made whole, before its upload is read.

        Raises `InvalidInputError`, and `OverloadedError` while `max_open` jobs have not ended.
        """
        open_jobs = len(self._book.open_ids())
        if open_jobs >= self.options.max_open:
            raise OverloadedError(
                f"{open_jobs} import jobs have not ended yet (jobs/max_open). Try again in a while.",
                retry_after=RETRY_AFTER,
            )
        collection = check_collection_name(order.collection)
        pipeline = self._library.pipeline_for([collection], order.pipeline or None)
        return replace(order, collection=collection, pipeline=pipeline, webhook_secret=self._secret(order))

    def incoming(self, upload_format: Format) -> Incoming:
        """For the upload's bytes."""
        return self._spool.incoming(upload_format)

    def submit(self, order: Order, upload: Incoming) -> Job:
        """A job for a checked order; it is on disk when this returns. Raises `InvalidInputError`."""
        upload.complete()
        total = self._sources.check(upload.path, upload.format, upload.job_id)
        upload.keep()
        job = self._book.add(_job(order, upload, total))
        self._worker.hear(job.id)
        return job

    def find(self, id_: str) -> Job:
        """Raises `NotFoundError`."""
        return self._book.find(id_)

    def newest(self, admit: Admit, *, after: str = "", limit: int) -> list[Job]:
        """The latest jobs that `admit` lets through; `after`: older than the job of this id."""
        return list(islice(filter(admit, self._book.newest(after=after)), limit))

    def open(self) -> Iterator[Job]:
        """Those that have not ended, of all processes."""
        for id_ in self._book.open_ids():
            with suppress(NotFoundError):
                job = self._book.find(id_)
                if not job.state.has_ended:
                    yield job

    def errors(self, id_: str, *, after: int = 0, limit: int) -> list[ItemError]:
        """The next `limit` failed items with a number above `after`; of many failures the first `max_errors`."""
        return self._errors.page(id_, after=after, limit=limit)

    def cancel(self, id_: str) -> Job:
        """A job that runs ends soon; one that has ended stays as it is. Raises `NotFoundError`."""
        job, ended = self._book.cancel(id_)
        if ended:
            self.tally.end(job.state)
        self._worker.hear(id_)
        return job

    def _secret(self, order: Order) -> str:
        if not order.webhook_url:
            return ""
        self._fetcher.check(order.webhook_url)
        return check_secret(order.webhook_secret) if order.webhook_secret else new_secret()


def _job(order: Order, upload: Incoming, total: int) -> Job:
    return Job(
        id=upload.job_id,
        collection=order.collection,
        pipeline=order.pipeline,
        format=upload.format,
        on_duplicate=order.on_duplicate,
        total=total,
        created=datetime.now(UTC),
        webhook=Webhook(url=order.webhook_url, secret=order.webhook_secret) if order.webhook_url else None,
    )
