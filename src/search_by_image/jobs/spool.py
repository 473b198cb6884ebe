"""The uploads of jobs, on disk until the job has ended."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from search_by_image.errors import StoreUnavailableError, UploadTooLargeError
from search_by_image.jobs.job import Format, Job, new_job_id
from search_by_image.vectors.durable import sync

PART = ".part"
ABANDONED = 86_400
"""Seconds after which an upload that is not complete, or has no job, is nobody's."""


class Incoming:
    """An upload that is being written. Discarded at the end of the `with` statement, unless it was kept."""

    def __init__(self, folder: Path, upload_format: Format, max_bytes: int) -> None:
        self.job_id = new_job_id()
        self.format = upload_format
        self.path = folder / f"{self.job_id}.{upload_format}{PART}"
        self._max_bytes = max_bytes
        self._size = 0
        with _translated():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb")

    def write(self, data: bytes) -> None:
        """Raises `UploadTooLargeError`, `StoreUnavailableError`."""
        self._size += len(data)
        if self._size > self._max_bytes:
            raise UploadTooLargeError(
                f"The upload has more than the {self._max_bytes} bytes allowed (jobs/max_bytes). Send it in parts."
            )
        with _translated():
            self._file.write(data)

    def complete(self) -> None:
        """All of it is on disk when this returns."""
        with _translated():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def keep(self) -> None:
        with _translated():
            self.path = self.path.rename(self.path.with_suffix(""))
            sync(self.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):
            self._file.close()
        if self.path.suffix == PART:
            self.path.unlink(missing_ok=True)


class Spool:
    """The folder of the uploads. Thread-safe; several processes may share it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def incoming(self, upload_format: Format) -> Incoming:
        return Incoming(self._folder, upload_format, self._max_bytes)

    def path(self, job: Job) -> Path:
        return self._folder / f"{job.id}.{job.format}"

    def holds(self, job: Job) -> bool:
        return self.path(job).is_file()

    def delete(self, job: Job) -> None:
        with _translated():
            self.path(job).unlink(missing_ok=True)

    def discard_parts(self) -> None:
        """Uploads that broke off together with their process."""
        for path in self._old_files():
            if path.suffix == PART:
                path.unlink(missing_ok=True)

    def old_uploads(self) -> dict[str, Path]:
        """By the id of their job, if they ever got one."""
        return {path.stem: path for path in self._old_files() if path.suffix != PART}

    def _old_files(self) -> list[Path]:
        oldest = time.time() - ABANDONED
        files = self._folder.iterdir() if self._folder.is_dir() else ()
        return [path for path in files if path.stat().st_mtime < oldest]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(
            f"The upload cannot be kept: {error.strerror} (jobs/spool_path). Is the disk full, or the folder not ours?"
        ) from error
