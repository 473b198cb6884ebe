"""An upload opened by its format."""

from pathlib import Path

from search_by_image.errors import InvalidInputError, StoreError, UploadTooLargeError
from search_by_image.fetch import UrlFetcher
from search_by_image.jobs.archive import ZipSource
from search_by_image.jobs.items import ItemMaker, OpenSource
from search_by_image.jobs.job import Format
from search_by_image.jobs.ndjson import NdjsonSource
from search_by_image.jobs.options import JobOptions
from search_by_image.jobs.table import TableSource
from search_by_image.library import Library

LINE_OVERHEAD = 65_536


class Sources:
    """Thread-safe."""

    def __init__(self, library: Library, fetcher: UrlFetcher, options: JobOptions) -> None:
        self._max_bytes = library.extractor.limits.max_bytes
        self._document_bytes = library.options.document_bytes
        self._fetcher = fetcher
        self._options = options

    def open(self, path: Path, upload_format: Format, job_id: str) -> OpenSource:
        """Raises `InvalidInputError` for an upload that cannot be used, `StoreError` where it is not there."""
        try:
            return self._opened(path, upload_format, job_id)
        except OSError as error:
            raise StoreError(f"The job's upload cannot be read: {error.strerror} (jobs/spool_path).") from error

    def check(self, path: Path, upload_format: Format, job_id: str) -> int:
        """How many items there are. Raises `InvalidInputError`, `UploadTooLargeError`."""
        with self.open(path, upload_format, job_id) as source:
            count = source.count()
        if not count:
            raise InvalidInputError("There is no picture in the upload. What is expected: docs/imports.md.")
        if count > self._options.max_items:
            raise UploadTooLargeError(
                f"The upload has {count} items; {self._options.max_items} are allowed (jobs/max_items). "
                "Send it in parts."
            )
        return count

    def _opened(self, path: Path, upload_format: Format, job_id: str) -> OpenSource:
        maker = ItemMaker(job_id, self._fetcher, self._max_bytes)
        if upload_format is Format.ZIP:
            limits = self._options.archive
            return ZipSource(path, limits, max_bytes=self._max_bytes, document_bytes=self._document_bytes)
        if upload_format is Format.CSV:
            return TableSource(path, maker, self._document_bytes + LINE_OVERHEAD)
        line_bytes = self._max_bytes * 4 // 3 + self._document_bytes + LINE_OVERHEAD
        return NdjsonSource(path, maker, line_bytes)
