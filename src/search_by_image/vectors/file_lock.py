"""One holder at a time for a store that is a file or folder of this machine."""

from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from search_by_image.errors import StoreLockedError
from search_by_image.vectors.snapshot import storage_error


def hold(lock: Path, store: Path) -> BaseFileLock:
    """Hold the lock file until `release`.

    Raises `StoreLockedError` when another process, or somebody else in this one, holds it; `StoreError` when it cannot
    be written.
    """
    held = FileLock(lock, thread_local=False)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except Timeout as error:
        raise StoreLockedError(
            f"The vector index in {store} is in use by another process. Stop that process, talk to it through "
            "its HTTP API, or use server stores, which many processes share."
        ) from error
    except OSError as error:
        raise storage_error(error, store) from error
    return held
