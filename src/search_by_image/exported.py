"""An export that `interchange` wrote, opened as the source of a transfer."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from search_by_image.documents import check_document, check_key
from search_by_image.errors import InvalidInputError
from search_by_image.interchange import MANIFEST, ExportedSpace, Line, Manifest
from search_by_image.records.base import Record, SpaceRecord
from search_by_image.settings import check_collection_name
from search_by_image.vectors.base import Ids, Neighbour, Space, Vectors, as_ids
from search_by_image.vectors.exact import Found, as_rows, distances, merged

BLOCK = 4096


class ExportedLibrary:
    """An export, to be read: a `Source` and its exact search.

    Opening reads every byte once. Raises `InvalidInputError` for what is no whole export of this version, or was
    changed, and for records that a library with documents of `document_bytes` does not take.
    """

    def __init__(self, folder: Path, *, document_bytes: int) -> None:
        self._manifest = _read_manifest(folder)
        self._spaces = {
            space.name: _OpenedSpace.checked(folder, space, document_bytes) for space in self._manifest.spaces
        }

    def collections(self) -> tuple[str, ...]:
        return tuple(check_collection_name(name) for name in self._manifest.collections)

    def spaces(self) -> tuple[SpaceRecord, ...]:
        return tuple(space.record for space in self._manifest.spaces)

    def ids(self, space: str) -> Ids:
        return self._spaces[space].ids

    def read(self, space: str, ids: Ids) -> list[Record]:
        return self._spaces[space].read(ids)

    def search(self, space: SpaceRecord, vectors: Vectors, top_k: int) -> list[list[Neighbour]]:
        """The exact neighbours of each vector."""
        return self._spaces[space.name].search(vectors, top_k)


@dataclass(frozen=True, slots=True)
class _OpenedSpace:
    """`offsets`: where each line begins in the file of records."""

    space: ExportedSpace
    lines: Path
    ids: Ids
    offsets: npt.NDArray[np.int64]
    vectors: Vectors
    document_bytes: int

    @classmethod
    def checked(cls, folder: Path, space: ExportedSpace, document_bytes: int) -> Self:
        lines, matrix = folder / space.records, folder / space.vectors
        _check_unchanged(lines, space.records_sha256)
        _check_unchanged(matrix, space.vectors_sha256)
        ids, offsets = _index_of(lines)
        vectors = _matrix_of(matrix, (space.count, space.dimension))
        if len(ids) != space.count or not np.all(np.diff(ids) > 0):
            raise InvalidInputError(f"{lines} must hold {space.count} lines in the order of their ids, each id once.")
        check_collection_name(space.collection)
        return cls(space, lines, ids, offsets, vectors, document_bytes)

    def read(self, ids: Ids) -> list[Record]:
        rows = np.searchsorted(self.ids, np.intersect1d(ids, self.ids))
        with self.lines.open("rb") as file:
            return [self._record(file, int(row)) for row in rows]

    def search(self, vectors: Vectors, top_k: int) -> list[list[Neighbour]]:
        metric = self.space.metric
        space = Space(self.space.name, self.space.dimension, metric)
        queries = as_rows(space, vectors)
        best = [Found(np.empty(0, np.int64), np.empty(0)) for _ in queries]
        for start in range(0, len(self.ids), BLOCK):
            block = slice(start, start + BLOCK)
            rows = as_rows(space, self.vectors[block])
            found = [Found(self.ids[block], distances(metric, rows, query)) for query in queries]
            best = [merged(list(pair), top_k) for pair in zip(best, found, strict=True)]
        return [_neighbours(one) for one in best]

    def _record(self, file: BinaryIO, row: int) -> Record:
        file.seek(int(self.offsets[row]))
        line = _parsed(file.readline(), f"line {row + 1} of {self.lines}")
        if (line.row, line.collection, line.pipeline) != (row, self.space.collection, self.space.pipeline):
            raise InvalidInputError(
                f"Line {row + 1} of {self.lines} must have row {row}, collection {self.space.collection!r} and "
                f"pipeline {self.space.pipeline!r}."
            )
        return Record(
            id=line.id,
            collection=line.collection,
            pipeline=line.pipeline,
            space=self.space.name,
            document=check_document(line.document, self.document_bytes),
            vector=np.array(self.vectors[row], np.float32),
            sha256=bytes.fromhex(line.sha256),
            created=line.created,
            key=None if line.key is None else check_key(line.key),
        )


def _read_manifest(folder: Path) -> Manifest:
    file = folder / MANIFEST
    if not file.is_file():
        raise InvalidInputError(f"There is no {file}: this is no export, or one that was not finished. Export again.")
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InvalidInputError(f"{file} is no manifest of version 1: {_first(error)}.") from error


def _check_unchanged(file: Path, sha256: str) -> None:
    if not file.is_file():
        raise InvalidInputError(f"{file} is missing. Copy the whole export.")
    with file.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != sha256:
            raise InvalidInputError(f"{file} is damaged or was changed: its SHA-256 is not that of {MANIFEST}.")


def _index_of(lines: Path) -> tuple[Ids, npt.NDArray[np.int64]]:
    ids, offsets, offset = [], [], 0
    with lines.open("rb") as file:
        for number, text in enumerate(file, 1):
            ids.append(_parsed(text, f"line {number} of {lines}").id)
            offsets.append(offset)
            offset += len(text)
    return as_ids(ids), as_ids(offsets)


def _matrix_of(file: Path, shape: tuple[int, int]) -> Vectors:
    try:
        matrix: Vectors = np.load(file, mmap_mode="r" if shape[0] else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InvalidInputError(f"{file} is not a .npy file.") from error
    if matrix.shape != shape or matrix.dtype != np.dtype("<f4"):
        raise InvalidInputError(f"{file} must have float32 of shape {shape}, not {matrix.dtype} of {matrix.shape}.")
    return matrix


def _parsed(text: bytes, place: str) -> Line:
    try:
        return Line.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        reason = _first(error) if isinstance(error, ValidationError) else "not JSON"
        raise InvalidInputError(f"In {place}: {reason}.") from error


def _first(error: ValidationError) -> str:
    mistake = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" if mistake["loc"] else mistake["msg"]


def _neighbours(found: Found) -> list[Neighbour]:
    return [Neighbour(*pair) for pair in zip(found.ids.tolist(), found.distances.tolist(), strict=True)]
