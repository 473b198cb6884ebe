"""Importing a folder of pictures: several threads, each taking a chunk of files from bytes to their destination."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, Self

from search_by_image.errors import InvalidInputError, SearchByImageError
from search_by_image.images import ImageLimits, read_limited

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".heic", ".heif"}
)
SMALLEST_CHUNK = 4
Describe = Callable[[Path, Path, str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """`skipped`: pictures whose bytes the collection holds already. `report`: the JSON Lines file of the failures."""

    imported: int
    skipped: int
    failed: int
    seconds: float
    report: Path | None = None

    @property
    def images_per_second(self) -> float:
        return self.imported / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    total: int
    imported: int
    skipped: int
    failed: int

    @property
    def done(self) -> int:
        return self.imported + self.skipped + self.failed


@dataclass(frozen=True, slots=True)
class Source:
    """A picture's bytes with its document; `collection` '': the destination decides."""

    path: Path
    data: bytes
    sha256: bytes
    document: dict[str, Any]
    collection: str


class Destination(Protocol):
    """Where a folder's pictures go. Thread-safe."""

    @property
    def limits(self) -> ImageLimits: ...

    def take(self, sources: Sequence[Source], tally: "Tally") -> None:
        """Import the pictures, or skip those that are there; each is counted once. What ends all of them is raised."""
        ...


@dataclass(frozen=True, slots=True)
class FolderImport:
    """What to import and how; `threads` share the work, each reads and then writes `batch` pictures at once.

    `describe`: a picture's document, from its file, the folder imported and the encoding; None: `side_document`.
    """

    into: Destination
    collection: str = ""
    encoding: str = "utf-8"
    threads: int = 2
    batch: int = 32
    report: Path | None = None
    on_progress: Callable[[Progress], None] | None = None
    describe: Describe | None = None

    def run(self, folder: Path) -> ImportSummary:
        """Import every picture below the folder, or the one file.

        Raises `InvalidInputError` when the path does not exist; a bad file is counted and reported, never raised.
        """
        started = time.perf_counter()
        files = picture_files(folder)
        tally = Tally(len(files), self.on_progress, self.report)
        root = folder if folder.is_dir() else folder.parent
        with tally, ThreadPoolExecutor(self.threads, thread_name_prefix="import") as workers:
            portions = _chunks(files, self.batch, self.threads)
            chunks = [workers.submit(self._import_chunk, root, portion, tally) for portion in portions]
            try:
                for done in as_completed(chunks):
                    done.result()
            except BaseException:
                workers.shutdown(cancel_futures=True)
                raise
        return tally.summary(time.perf_counter() - started)

    def _import_chunk(self, root: Path, files: Sequence[Path], tally: "Tally") -> None:
        sources = [source for file in files if (source := self._read(root, file, tally)) is not None]
        self.into.take(sources, tally)

    def _read(self, root: Path, file: Path, tally: "Tally") -> Source | None:
        try:
            data = read_limited(file, self.into.limits)
            document = (self.describe or side_document)(file, root, self.encoding)
        except SearchByImageError as error:
            tally.fail(file, error)
            return None
        collection = self.collection or str(document.pop("collection", "") or "")
        return Source(file, data, hashlib.sha256(data).digest(), document, collection)


@dataclass
class Tally:
    """The counts, shared by the threads, and the report of failures."""

    total: int
    on_progress: Callable[[Progress], None] | None
    report: Path | None
    imported: int = 0
    skipped: int = 0
    failed: int = 0
    _seen: set[tuple[bytes, str]] = field(default_factory=set)
    _file: IO[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def first_of_its_kind(self, sha256: bytes, collection: str) -> bool:
        with self._lock:
            fresh = (sha256, collection) not in self._seen
            self._seen.add((sha256, collection))
            return fresh

    def forget(self, sha256: bytes, collection: str) -> None:
        """Another file of the same bytes may do better: its document may be right."""
        with self._lock:
            self._seen.discard((sha256, collection))

    def add(self, count: int) -> None:
        with self._lock:
            self.imported += count
            self._tell()

    def skip(self) -> None:
        with self._lock:
            self.skipped += 1
            self._tell()

    def fail(self, path: Path, error: SearchByImageError) -> None:
        failure = {"path": printable(str(path)), "code": error.code, "message": str(error)}
        with self._lock:
            self.failed += 1
            if self.report is not None:
                self._file = self._file or _new_file(self.report)
                self._file.write(json.dumps(failure, ensure_ascii=False) + "\n")
                self._file.flush()
            self._tell()

    def summary(self, seconds: float) -> ImportSummary:
        report = self.report if self._file is not None else None
        return ImportSummary(self.imported, self.skipped, self.failed, seconds, report)

    def _tell(self) -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(self.total, self.imported, self.skipped, self.failed))


def picture_files(path: Path) -> list[Path]:
    """Every file with a picture's suffix below the folder, in name order; links to folders are not followed."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InvalidInputError(f"{str(path)!r} is neither a folder nor a file.")
    walked = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sorted(file for file in walked if file.suffix.lower() in SUFFIXES)


def side_document(file: Path, root: Path, encoding: str = "utf-8") -> dict[str, Any]:
    """The JSON object beside the picture; without one, a document made from the path below `root`."""
    side = file.with_suffix(".json")
    if not _exists(side):
        return {"id": printable(file.relative_to(root).as_posix()), "name": printable(file.name)}
    try:
        document = json.loads(side.read_text(encoding=encoding))
    except (OSError, ValueError, RecursionError, LookupError) as error:
        raise InvalidInputError(f"{side.name} beside it is not JSON in {encoding}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInputError(f"{side.name} beside it holds {type(document).__name__}, not a JSON object.")
    return document


def printable(name: str) -> str:
    r"""Bytes that are not UTF-8, as names of files may have, become escapes: `caf\xe9.jpg`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the name is too long, by the longer suffix
        return False


def _chunks(files: Sequence[Path], largest: int, threads: int) -> Iterator[Sequence[Path]]:
    """Smaller ones towards the end, so that all threads finish at nearly the same time (guided self-scheduling)."""
    start = 0
    while start < len(files):
        size = min(largest, max(SMALLEST_CHUNK, (len(files) - start) // (2 * threads)))
        yield files[start : start + size]
        start += size


def _new_file(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", errors="backslashreplace")
