"""Several workers on the same record store: one runs a job, another takes over from one that is gone."""

import os
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest

from cheap_library import open_library, picture
from job_service import FAST, PATIENCE, zipped
from search_by_image.errors import NotFoundError, OverloadedError, StoreUnavailableError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.book import JobBook
from search_by_image.jobs.item_errors import ItemError, ItemErrors
from search_by_image.jobs.job import Counts, Format, State
from search_by_image.jobs.jobs import Jobs, Order
from search_by_image.jobs.lease import Lease, LeaseLostError
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.silence import Silence
from search_by_image.jobs.spool import ABANDONED, Spool
from search_by_image.jobs.tidying import Tidying
from search_by_image.records.base import Match

NAMES = [f"{n:02}.png" for n in range(24)]


class Workers:
    """Jobs of one library; each is a worker of its own."""

    def __init__(self, folder, opened):
        self.folder = folder
        self.library = open_library(folder / "library")
        opened.callback(self.library.close)
        self.fetcher = opened.enter_context(UrlFetcher(FetchSettings()))

    def worker(self, spool="spool", **options):
        options = FAST | {"alone": False, "lease": 0.5} | options
        return Jobs(self.library, self.fetcher, JobOptions(self.folder / spool, **options))

    def submit(self, jobs, data=None):
        with jobs.incoming(Format.ZIP) as upload:
            upload.write(data or zipped({name: picture(n) for n, name in enumerate(NAMES)}))
            return jobs.submit(jobs.checked(Order("pets", "Thumb")), upload)

    def until(self, jobs, job_id, reached):
        deadline = time.monotonic() + PATIENCE
        while not reached(job := jobs.find(job_id)):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def ended(self, jobs, job_id):
        return self.until(jobs, job_id, lambda job: job.state.has_ended)


@pytest.fixture
def workers(tmp_path):
    with ExitStack() as opened:
        yield Workers(tmp_path, opened)


def gone(workers, jobs, done=0):
    """A job that a worker runs which gives no sign of life."""
    job = workers.submit(jobs)
    lease = Lease.claim(JobBook(workers.library.ledger), job, "somebody")
    if done:
        lease.record(Counts(created=done))
    return job.id


def test_a_job_of_a_worker_that_is_gone_is_taken_over_where_it_stands(workers):
    jobs = workers.worker()
    job_id = gone(workers, jobs, done=4)
    with jobs:
        job = workers.ended(jobs, job_id)
    assert (job.state, job.counts) == (State.SUCCEEDED, Counts(created=24))
    assert sorted(one.key for one in workers.library.page(Match(collection="pets"))) == NAMES[4:]


def test_a_job_of_a_worker_that_lives_is_left_alone(workers):
    jobs = workers.worker(lease=1.0)
    job_id = gone(workers, jobs)
    lease = Lease(JobBook(workers.library.ledger), jobs.find(job_id))
    with jobs:
        for _ in range(15):
            time.sleep(0.1)
            lease.renew()
        assert jobs.find(job_id).runner == "somebody"
        workers.ended(jobs, job_id)
    with pytest.raises(LeaseLostError):
        lease.record(Counts(created=1))


def test_without_its_upload_a_worker_runs_no_job_but_can_end_it(workers):
    here, elsewhere = workers.worker(), workers.worker("another")
    job_id = gone(workers, here)
    with elsewhere:
        time.sleep(1)
        assert elsewhere.find(job_id).runner == "somebody"
        assert elsewhere.cancel(job_id).state is State.CANCELLING
        assert workers.ended(elsewhere, job_id).state is State.CANCELLED


def test_two_workers_share_the_jobs_and_each_is_done_once(workers):
    first, second = workers.worker(at_once=1), workers.worker(at_once=1)
    ids = [workers.submit(first).id for _ in range(4)]
    with first, second:
        jobs = [workers.ended(first, job_id) for job_id in ids]
    assert [job.state for job in jobs] == [State.SUCCEEDED] * 4
    assert sum(job.counts.created for job in jobs) == 24
    assert [(job.counts.done, job.counts.failed) for job in jobs] == [(24, 0)] * 4
    assert workers.library.count(Match(collection="pets")) == 24


def test_a_job_that_waits_is_cancelled_at_once(workers):
    jobs = workers.worker()
    job = workers.submit(jobs)
    assert jobs.cancel(job.id).state is State.CANCELLED
    with jobs:
        workers.until(jobs, job.id, lambda _: not list((workers.folder / "spool").iterdir()))
    assert workers.library.count() == 0


def test_a_job_that_is_stopped_goes_on_with_the_next_worker(workers):
    first = workers.worker(batch=1)
    with first:
        job_id = workers.submit(first).id
        workers.until(first, job_id, lambda job: job.counts.done >= 3)
    stopped = first.find(job_id)
    assert stopped.runner == ""
    second = workers.worker()
    with second:
        job = workers.ended(second, job_id)
    assert (job.state, job.counts) == (State.SUCCEEDED, Counts(created=24))
    assert job.seconds > stopped.seconds
    assert job.started == stopped.started


def test_what_was_written_but_not_recorded_counts_as_it_was(workers):
    """As after a kill between the pictures and the progress."""
    jobs = workers.worker(batch=8)
    job_id = gone(workers, jobs)
    for n in range(3):
        prepared = workers.library.prepare(picture(n), {"id": NAMES[n], "name": NAMES[n]}, "Thumb", "pets", pinned=True)
        workers.library.keyed.put(NAMES[n], prepared)
    versions = {one.key: one.id for one in workers.library.page(Match(collection="pets"))}
    with jobs:
        job = workers.ended(jobs, job_id)
    assert job.counts == Counts(created=24)
    after = {one.key: one.id for one in workers.library.page(Match(collection="pets"))}
    assert {key: after[key] for key in versions} == versions


def test_errors_of_what_is_done_again_are_listed_once(workers):
    jobs = workers.worker()
    job_id = gone(workers, jobs)
    errors = ItemErrors(workers.library.ledger)
    errors.put(job_id, [ItemError(1, "old", "code", "of an attempt that was not recorded")])
    with jobs:
        workers.ended(jobs, job_id)
    assert jobs.errors(job_id, limit=10) == []


def test_while_a_store_is_away_a_job_waits(workers, monkeypatch):
    put_many, calls = workers.library.keyed.put_many, []

    def sometimes(*args):
        calls.append(args)
        if len(calls) in (2, 3):
            raise StoreUnavailableError("away")
        return put_many(*args)

    monkeypatch.setattr(workers.library.keyed, "put_many", sometimes)
    jobs = workers.worker()
    with jobs:
        job = workers.ended(jobs, workers.submit(jobs).id)
    assert (job.state, job.counts) == (State.SUCCEEDED, Counts(created=24))
    assert len(calls) == 8


def test_a_failure_that_nobody_expects_ends_the_job_and_not_the_worker(workers, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a secret path")

    jobs = workers.worker()
    with jobs:
        with monkeypatch.context() as patched:
            patched.setattr(workers.library.keyed, "held", broken)
            job = workers.ended(jobs, workers.submit(jobs).id)
        assert (job.state, job.failure.code) == (State.FAILED, "internal_error")
        assert "secret" not in job.failure.message
        assert workers.ended(jobs, workers.submit(jobs).id).state is State.SUCCEEDED
    assert "ZeroDivisionError" in caplog.text


def test_an_upload_that_is_damaged_meanwhile_fails_the_job(workers):
    jobs = workers.worker()
    job = workers.submit(jobs)
    (upload,) = (workers.folder / "spool").iterdir()
    upload.write_bytes(b"no zip")
    with jobs:
        ended = workers.ended(jobs, job.id)
    assert (ended.state, ended.failure.code) == (State.FAILED, "archive_refused")


def test_so_many_jobs_may_wait(workers):
    jobs = workers.worker(max_open=2)
    workers.submit(jobs)
    workers.submit(jobs)
    with pytest.raises(OverloadedError, match="jobs/max_open"):
        jobs.checked(Order("pets", "Thumb"))
    with jobs:
        for job in jobs.newest(lambda _: True, limit=9):
            workers.ended(jobs, job.id)
        workers.until(jobs, job.id, lambda _: not JobBook(workers.library.ledger).open_ids())
    assert jobs.checked(Order("pets", "Thumb")).collection == "pets"


def test_old_jobs_and_uploads_are_forgotten(workers):
    jobs, ledger = workers.worker(), workers.library.ledger
    book, errors, spool = JobBook(ledger), ItemErrors(ledger), Spool(workers.folder / "spool", 10)
    ended, waiting = workers.submit(jobs), workers.submit(jobs)
    jobs.cancel(ended.id)
    errors.put(ended.id, [ItemError(1, "", "code", "why")])
    files = {name: workers.folder / "spool" / name for name in ("0" * 21 + ".zip", "1" * 21 + ".csv.part")}
    for file in files.values():
        file.write_bytes(b"x")
    time.sleep(0.01)
    Tidying(book, errors, spool, timedelta(days=1)).run()
    assert all(file.exists() for file in files.values())
    for file in (workers.folder / "spool").iterdir():
        os.utime(file, (time.time() - ABANDONED - 9,) * 2)
    Tidying(book, errors, spool, timedelta(0)).run()
    assert [file.name for file in (workers.folder / "spool").iterdir()] == [f"{waiting.id}.zip"]
    with pytest.raises(NotFoundError):
        book.find(ended.id)
    assert errors.page(ended.id, limit=9) == []
    assert book.find(waiting.id).state is State.QUEUED


def test_silence_is_told_by_what_does_not_change(workers):
    job = workers.submit(workers.worker())
    assert Silence(0).is_over(job)
    silence = Silence(0.2)
    assert not silence.is_over(job)
    time.sleep(0.25)
    assert silence.is_over(job)
    assert not silence.is_over(job.model_copy(update={"version": job.version + 1}))
    silence.forget_others([])
    assert not silence.is_over(job)


def test_a_lease_hears_of_a_cancellation_whatever_it_does(workers):
    jobs = workers.worker()
    book = JobBook(workers.library.ledger)
    lease = Lease.claim(book, workers.submit(jobs), "me")
    assert Lease.claim(book, lease.job.model_copy(update={"version": 1}), "other") is None
    jobs.cancel(lease.job.id)
    assert not lease.is_cancelled
    lease.record(Counts(created=2))
    assert lease.is_cancelled
    assert lease.end(State.CANCELLED).counts.created == 2


def test_renewals_and_records_from_two_threads(workers):
    jobs = workers.worker()
    lease = Lease.claim(JobBook(workers.library.ledger), workers.submit(jobs), "me")
    before = lease.job.version
    threads = [threading.Thread(target=lambda: [lease.renew() for _ in range(20)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lease.job.version == before + 60


def test_a_job_that_cannot_be_read_keeps_no_other_from_being_done(workers, caplog):
    ledger, jobs = workers.library.ledger, workers.worker()
    ledger.add("open_job", "f" * 21, {})
    ledger.add("job", "f" * 21, {"of": "another version"})
    with jobs:
        assert workers.ended(jobs, workers.submit(jobs).id).state is State.SUCCEEDED
    assert "ValidationError" in caplog.text


def test_a_full_disk_is_told_and_leaves_nothing_behind(workers):
    upload = workers.worker().incoming(Format.CSV)
    with pytest.raises(StoreUnavailableError, match=r"No space left.*jobs/spool_path"), upload:
        upload._file.close()
        upload._file = open("/dev/full", "wb")  # noqa: SIM115, PTH123 - closed by the upload
        upload.write(b"x" * 2**20)
    assert not list((workers.folder / "spool").iterdir())


def test_a_folder_that_is_not_ours_is_told(workers):
    (workers.folder / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError, match="jobs/spool_path"):
        workers.worker("file").incoming(Format.CSV)
