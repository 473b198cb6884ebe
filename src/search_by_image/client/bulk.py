"""Importing many pictures: what goes in, how far it is, what came of it."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from search_by_image.api.v1 import schemas
from search_by_image.client.errors import NoAnswerError, UnexpectedAnswerError
from search_by_image.client.pictures import Picture, bytes_of, is_here
from search_by_image.errors import ForbiddenError, SearchByImageError, UnauthenticatedError

ENDS_ALL = (NoAnswerError, UnexpectedAnswerError, UnauthenticatedError, ForbiddenError)


@dataclass(frozen=True, slots=True)
class NewImage:
    """A picture to import under your own id."""

    id: str
    picture: Picture
    document: Mapping[str, Any] = field(default_factory=dict)

    def loaded(self) -> "NewImage":
        """With the bytes of its file. Raises `InvalidInputError`."""
        return replace(self, picture=bytes_of(self.picture)) if is_here(self.picture) else self

    def is_held(self, held: schemas.Image | None, pipeline: str | None) -> bool:
        """Whether the service has it as it is; of a URL that is not known."""
        return (
            held is not None
            and isinstance(self.picture, bytes)
            and held.sha256 == hashlib.sha256(self.picture).hexdigest()
            and held.document == dict(self.document)
            and pipeline in (None, held.pipeline)
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that was not imported, and why."""

    id: str
    error: SearchByImageError


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """`skipped`: pictures that were there already, with this document."""

    imported: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        return self.imported + self.skipped + self.failed


@dataclass(frozen=True, slots=True)
class ImportReport(ImportProgress):
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()

    @property
    def images_per_second(self) -> float:
        return self.imported / self.seconds if self.seconds else 0.0


class Tally:
    """Thread-safe counts; `on_progress` is told after every picture, one call at a time."""

    def __init__(self, on_progress: Callable[[ImportProgress], None] | None) -> None:
        self._on_progress = on_progress
        self._started = time.perf_counter()
        self._progress = ImportProgress()
        self._failures: list[Failure] = []
        self._lock = threading.Lock()

    def add(self) -> None:
        self._count("imported")

    def skip(self) -> None:
        self._count("skipped")

    def fail(self, id: str, error: SearchByImageError) -> None:
        """Raises the error when it is not about this picture but ends all."""
        if isinstance(error, ENDS_ALL):
            raise error
        self._failures.append(Failure(id, error))
        self._count("failed")

    def report(self) -> ImportReport:
        counts = self._progress
        seconds = time.perf_counter() - self._started
        return ImportReport(counts.imported, counts.skipped, counts.failed, seconds, tuple(self._failures))

    def _count(self, what: str) -> None:
        with self._lock:
            self._progress = replace(self._progress, **{what: getattr(self._progress, what) + 1})
            if self._on_progress is not None:
                self._on_progress(self._progress)
