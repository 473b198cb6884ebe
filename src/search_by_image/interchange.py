"""A library as a folder of open files: JSON Lines of its records and a .npy matrix of vectors for each space.

The format is described in docs/moving.md. `manifest.json` is written last: a folder without it is not finished.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from search_by_image.errors import InvalidInputError, StoreError
from search_by_image.pairs import serving_of
from search_by_image.records.base import Record, SpaceRecord
from search_by_image.transfer import Progress, Source
from search_by_image.vectors.base import Ids, Metric, batches

MANIFEST = "manifest.json"
BATCH = 1000
LARGEST_ID = 2**53 - 1

Name = Annotated[str, Field(min_length=1, max_length=300)]
FileName = Annotated[str, Field(pattern=r"^[a-z]+-[0-9]+\.(jsonl|npy)$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportedSpace(_Part):
    """One space; `count` is the number of lines in `records` and of rows in `vectors`.

    `variant`: see `SpaceRecord`; only where its model was switched.
    """

    name: Name
    collection: Name
    pipeline: Name
    dimension: int = Field(ge=1)
    metric: Metric
    fingerprint: str
    count: int = Field(ge=0)
    records: FileName
    records_sha256: Sha256
    vectors: FileName
    vectors_sha256: Sha256
    variant: str | None = None

    @property
    def record(self) -> SpaceRecord:
        return SpaceRecord(
            self.name,
            self.collection,
            self.pipeline,
            self.dimension,
            self.metric.value,
            self.fingerprint,
            variant=self.variant,
        )


class Manifest(_Part):
    format: Literal["search-by-image-export"] = "search-by-image-export"
    version: Literal[1] = 1
    created: AwareDatetime
    collections: tuple[Name, ...]
    spaces: tuple[ExportedSpace, ...]


class Line(_Part):
    """A line of a records file; `row` is the row of its vector, from 0; `key` the caller's own."""

    row: int
    id: int = Field(ge=1, le=LARGEST_ID)
    collection: Name
    pipeline: Name
    sha256: Sha256
    created: AwareDatetime
    key: str | None = None
    document: dict[str, Any]


def export(source: Source, folder: Path, on_progress: Callable[[Progress], None] = lambda _: None) -> Manifest:
    """Write everything that the source holds into the folder, which is created and must be empty.

    Raises `InvalidInputError` for a folder with files in it, `StoreError` when the source changes meanwhile.
    """
    _prepare(folder)
    held = [(space, source.ids(space.name)) for space in serving_of(source.spaces())]
    done, total = 0, sum(len(ids) for _, ids in held)
    on_progress(Progress(done, total))
    spaces = []
    for number, (space, ids) in enumerate(held, 1):
        with _SpaceFiles.opened(folder, number, space, len(ids)) as files:
            for part in batches(ids, BATCH):
                files.write(_complete(source.read(space.name, part), part))
                done += len(part)
                on_progress(Progress(done, total))
        spaces.append(files.described())
    manifest = Manifest(created=datetime.now(UTC), collections=source.collections(), spaces=tuple(spaces))
    _write_manifest(folder, manifest)
    return manifest


class _SpaceFiles:
    """The two files of one space as they are written."""

    def __init__(self, space: SpaceRecord, count: int, lines: "_HashedFile", matrix: "_HashedFile") -> None:
        self._space = space
        self._count = count
        self._lines = lines
        self._matrix = matrix
        self._row = 0

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, number: int, space: SpaceRecord, count: int) -> Iterator[Self]:
        lines, matrix = folder / f"records-{number}.jsonl", folder / f"vectors-{number}.npy"
        with lines.open("xb") as line_file, matrix.open("xb") as matrix_file:
            files = cls(space, count, _HashedFile(line_file, lines.name), _HashedFile(matrix_file, matrix.name))
            files.begin()
            yield files

    def begin(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._count, self._space.dimension)}
        np.lib.format.write_array_header_1_0(self._matrix, header)

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            self._lines.write(_line(self._row, record))
            self._matrix.write(record.vector.astype("<f4", copy=False).tobytes())
            self._row += 1

    def described(self) -> ExportedSpace:
        space = self._space
        return ExportedSpace(
            name=space.name,
            collection=space.collection,
            pipeline=space.pipeline,
            dimension=space.dimension,
            metric=Metric(space.metric),
            fingerprint=space.fingerprint,
            count=self._count,
            records=self._lines.name,
            records_sha256=self._lines.hexdigest(),
            vectors=self._matrix.name,
            vectors_sha256=self._matrix.hexdigest(),
            variant=space.variant,
        )


class _HashedFile:
    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InvalidInputError(f"{folder} is not empty. Name a new folder, or empty this one.")


def _complete(records: list[Record], ids: Ids) -> list[Record]:
    if len(records) < len(ids):
        raise StoreError("Pictures were removed while they were exported. Export again, into another folder.")
    return records


def _line(row: int, record: Record) -> bytes:
    line = {
        "row": row,
        "id": record.id,
        "collection": record.collection,
        "pipeline": record.pipeline,
        "sha256": record.sha256.hex(),
        "created": record.created.astimezone(UTC).isoformat(timespec="microseconds"),
        **({} if record.key is None else {"key": record.key}),
        "document": dict(record.document),
    }
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    written = folder / f"{MANIFEST}.part"
    written.write_text(manifest.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    written.replace(folder / MANIFEST)
