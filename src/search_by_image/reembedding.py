"""Recorded pictures embedded by another model: read again from where their documents say, a vector each, durable.

What has a vector of the model already is passed over, so a run that was stopped goes on where it was.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Self

import numpy as np

from search_by_image.errors import InvalidInputError, SearchByImageError, StoreError, VectorMismatchError
from search_by_image.extraction import Extractor
from search_by_image.picture_sources import PictureSource
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import RecordStore, SpaceRecord, Stored
from search_by_image.vectors.base import Ids, Vector, as_ids, batches

TRIES = 100
"""Pictures that are tried for a first vector, where the pipeline does not say how long its vectors are."""
KEPT_FAILURES = 20
ROUNDS = 5
"""Of looking for pictures that came meanwhile without a vector, or were changed and so have another id."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture without a vector of the new model; `name`: its key, else its document's own id."""

    id: int
    name: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    total: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """`pictures`: all; `embedded`: by this run; `missing`: without a vector at its end.

    `failures`: the first of `failed`. `report`: the file with all of them.
    """

    pictures: int
    embedded: int
    failed: int
    missing: int
    seconds: float
    failures: tuple[Failure, ...]
    report: Path | None

    @property
    def images_per_second(self) -> float:
        return self.embedded / self.seconds if self.seconds else 0.0


class FailureReport:
    """A line of JSON for each picture that failed; the file is begun anew by the first of them. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._lock = threading.Lock()

    def write(self, failure: Failure) -> None:
        with self._lock:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
            self._file.write(json.dumps(asdict(failure), ensure_ascii=False) + "\n")
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class Reembedding:
    """`threads` work on it, each reads and then writes `batch` pictures at once.

    `accept_changed`: also where the bytes are others than those that were imported.
    """

    records: RecordStore
    extractor: Extractor
    source: PictureSource
    threads: int = 2
    batch: int = 32
    accept_changed: bool = False
    report: FailureReport | None = None
    on_progress: Callable[[Progress], None] = lambda _: None

    def dimension(self, own: SpaceRecord, pipeline: Pipeline) -> int:
        """Of the pipeline's vectors. Raises `InvalidInputError` when no picture can be read to see it."""
        if pipeline.dimension is not None:
            return pipeline.dimension
        error: SearchByImageError = InvalidInputError("There are no pictures.")
        for stored in self.records.get(self.records.ids(own.name)[:TRIES]).values():
            try:
                return len(self._vector(stored, pipeline))
            except StoreError:
                raise
            except SearchByImageError as failed:
                error = failed
        raise InvalidInputError(f"No picture of collection {own.collection!r} can be read again: {error}") from error

    def run(self, own: SpaceRecord, new: SpaceRecord, pipeline: Pipeline) -> Embedded:
        """What fails with one picture is in the answer. Raises `StoreError`, `InvalidInputError` when abandoned."""
        began = time.perf_counter()
        ids = self.records.ids(own.name)
        tried = missing = self._missing(ids, new)
        tally = _Tally(len(ids), len(ids) - len(missing), self.report, self.on_progress)
        tally.tell()
        for _ in range(ROUNDS):
            self._embed_all(missing, new, pipeline, tally)
            ids = self.records.ids(own.name)
            lacking = self._missing(ids, new)
            missing = np.setdiff1d(lacking, tried)
            if not len(missing):
                break
            tried = np.union1d(tried, missing)
            tally.grow(len(missing))
        return tally.told(len(ids), len(lacking), time.perf_counter() - began)

    def _missing(self, ids: Ids, new: SpaceRecord) -> Ids:
        return np.setdiff1d(ids, self.records.ids(new.name))

    def _embed_all(self, ids: Ids, new: SpaceRecord, pipeline: Pipeline, tally: "_Tally") -> None:
        with ThreadPoolExecutor(self.threads, thread_name_prefix="embed") as workers:
            chunks = [workers.submit(self._embed, part, new, pipeline, tally) for part in batches(ids, self.batch)]
            try:
                for chunk in as_completed(chunks):
                    chunk.result()
            except BaseException:
                workers.shutdown(cancel_futures=True)
                raise

    def _embed(self, ids: Ids, new: SpaceRecord, pipeline: Pipeline, tally: "_Tally") -> None:
        made: dict[int, Vector] = {}
        for id_, stored in self.records.get(ids).items():
            try:
                made[id_] = _checked(self._vector(stored, pipeline), new)
            except StoreError:
                raise
            except SearchByImageError as error:
                tally.fail(stored, error)
        if self.records.space(new.name) is None:
            raise InvalidInputError(f"The switch of collection {new.collection!r} was abandoned meanwhile.")
        if made:
            self.records.seconds.put(new.name, as_ids(made), np.stack(list(made.values())))
        tally.add(len(made))

    def _vector(self, stored: Stored, pipeline: Pipeline) -> Vector:
        data = self.source(stored.document)
        if not self.accept_changed and hashlib.sha256(data).digest() != stored.sha256:
            raise InvalidInputError(
                "The picture there is another one than was imported: its bytes differ. Import it anew, or accept such "
                "pictures (--accept-changed)."
            )
        return self.extractor.extract_by(data, pipeline).vector


@dataclass
class _Tally:
    """The counts, shared by the threads, and the report of failures."""

    total: int
    before: int
    report: FailureReport | None
    on_progress: Callable[[Progress], None]
    embedded: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grow(self, count: int) -> None:
        with self._lock:
            self.total += count
            self.tell()

    def add(self, count: int) -> None:
        with self._lock:
            self.embedded += count
            self.tell()

    def fail(self, stored: Stored, error: SearchByImageError) -> None:
        own = stored.key or stored.document.get("id")
        failure = Failure(stored.id, None if own is None else str(own), error.code, str(error))
        with self._lock:
            self.failed += 1
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append(failure)
            if self.report is not None:
                self.report.write(failure)
            self.tell()

    def told(self, pictures: int, missing: int, seconds: float) -> Embedded:
        report = self.report.path if self.report and self.failed else None
        return Embedded(pictures, self.embedded, self.failed, missing, seconds, tuple(self.failures), report)

    def tell(self) -> None:
        self.on_progress(Progress(self.total, self.before + self.embedded, self.failed))


def _checked(vector: Vector, space: SpaceRecord) -> Vector:
    if len(vector) != space.dimension:
        raise VectorMismatchError(f"Its vector has {len(vector)} dimensions, the others have {space.dimension}.")
    return vector
