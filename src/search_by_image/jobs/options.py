"""What import jobs may take and how they work."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """`directory_bytes`: of the list of members, which is held in memory; `ratio`: bytes unpacked for each packed."""

    unpacked_bytes: int = 100 * 2**30
    ratio: int = 100
    directory_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The numbers of `jobs/` in the settings.

    spool_path: the folder of the uploads; only workers that have a job's upload in theirs run it.
    max_bytes, max_items: of one upload; `max_open`: jobs that have not ended; `upload_seconds`: for
        an upload to arrive.
    at_once: jobs that this process runs; `threads`: pictures that all of them compute at once; `fetches`: URLs that
        one of them fetches at once; `batch`: pictures of one write, after which the job's progress is recorded.
    lease: seconds after which a job whose worker gives no sign is taken over; `alone`: no other worker can exist, so
        such a job is taken over at once.
    poll: seconds between two looks at the jobs in the record store.
    streams: of events, open at once; `heartbeat`: seconds after which one that is silent gives a sign of life.
    keep_days: how long a job is known after its end; `max_errors`: failed items of one job that are listed.
    webhook_attempts, webhook_pause: how often it is tried, and the seconds after the first failure, doubled each time.
    """

    spool_path: Path
    max_bytes: int = 10 * 2**30
    max_items: int = 1_000_000
    max_open: int = 20
    upload_seconds: float = 3600.0
    archive: ArchiveLimits = ArchiveLimits()
    at_once: int = 2
    threads: int = 1
    fetches: int = 8
    batch: int = 32
    lease: float = 30.0
    alone: bool = False
    poll: float = 1.0
    streams: int = 100
    heartbeat: float = 15.0
    keep_days: float = 30.0
    max_errors: int = 10_000
    webhook_attempts: int = 12
    webhook_pause: float = 5.0
