"""A job from where it stands to its end, batch by batch, each recorded before the next one begins."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta

from search_by_image.jobs.batches import batches
from search_by_image.jobs.importer import Imported, Importer
from search_by_image.jobs.item_errors import ItemError, ItemErrors
from search_by_image.jobs.items import Item, Read, Source
from search_by_image.jobs.job import Format
from search_by_image.jobs.job_tally import JobTally
from search_by_image.jobs.lease import Lease
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.patience import Patience
from search_by_image.library import Library

MOST_ATTEMPTS = 3
CRASHED = f"The service ended {MOST_ATTEMPTS - 1} times while it worked on this picture alone. It is left out."
CLOCK = timedelta(milliseconds=1)


class JobRun:
    """`computing`: shared by all jobs of the process, a place for each picture that is computed at once.

    After a process that ended without a word the first pictures are taken one by one. So the one that ends it again,
    and again, is known, and left out.
    """

    def __init__(
        self,
        library: Library,
        lease: Lease,
        options: JobOptions,
        computing: threading.Semaphore,
        stopping: threading.Event,
        *,
        tally: JobTally,
    ) -> None:
        self._library = library
        self._errors = ItemErrors(library.ledger)
        self._lease = lease
        self._options = options
        self._computing = computing
        self._tally = tally
        self._patience = Patience(stopping, lease)
        self._job = lease.job
        self._first_batch_ends = self._job.counts.done + options.batch
        self._has_crashed = self._job.attempts > 1

    def run(self, source: Source) -> None:
        """Raises `HaltedError`, `LeaseLostError`; `SearchByImageError` for an upload that cannot be read."""
        done = self._job.counts.done
        self._patience.get(lambda: self._errors.forget(self._job.id, after=done))
        with ThreadPoolExecutor(self._worker_count(), "import-job") as workers:
            importer = self._importer(workers)
            for batch in batches(self._items(source, done), self._room):
                self._patience.check()
                self._record(importer.run(batch))
        self._patience.check()

    def _items(self, source: Source, done: int) -> Iterator[Read]:
        items = source.items(done)
        if self._job.attempts > MOST_ATTEMPTS:
            for item in items:
                key = item.key if isinstance(item, Item) else item.id
                yield ItemError(item.number, key, "crashed", CRASHED)
                break
        yield from items

    def _room(self) -> int:
        is_first = self._lease.job.counts.done < self._first_batch_ends
        return 1 if self._has_crashed and is_first else self._options.batch

    def _importer(self, workers: Executor) -> Importer:
        begun_before = self._has_crashed or self._job.counts.done > 0
        return Importer(
            self._library,
            self._job,
            workers,
            self._computing,
            self._patience,
            redone_since=self._job.started - CLOCK if self._job.started and begun_before else None,
            redone_until=self._first_batch_ends,
        )

    def _record(self, imported: Imported) -> None:
        counts = self._lease.job.counts
        room = max(self._options.max_errors - counts.failed, 0)
        self._patience.get(lambda: self._errors.put(self._job.id, imported.errors[:room]))
        self._patience.get(lambda: self._lease.record(counts.plus(imported.counts)))
        self._tally.add(imported.counts)

    def _worker_count(self) -> int:
        waits = 0 if self._job.format is Format.ZIP else self._options.fetches
        return max(self._options.threads, waits)
