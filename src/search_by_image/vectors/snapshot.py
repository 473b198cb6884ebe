"""A space's files: complete snapshots, each a folder, and `CURRENT`, which names the one that counts.

A snapshot is written under another name, brought to the disk file by file, renamed, and then named by `CURRENT`, which
is replaced as a whole. Each file's CRC-32 is in `meta.json`, that of `meta.json` in `CURRENT`. A snapshot that is
damaged or of another space is passed over with a warning: the index is derived, the record store fills it again.
What never changes of a built segment is hard-linked from one snapshot to the next.
"""

import hashlib
import itertools
import logging
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from search_by_image.errors import StoreError
from search_by_image.vectors.ann import Ann, Hnsw, Ivf, Kind
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.durable import ChecksumWriter, Digest, digest, link_file, replace_file, sync, write_file
from search_by_image.vectors.exact import Rows
from search_by_image.vectors.faiss_build import VECTORS_FILE, mapped
from search_by_image.vectors.faiss_index import FaissIndex
from search_by_image.vectors.segment import BuiltSegment, FlatSegment

_CURRENT: Final = "CURRENT"
_META: Final = "meta.json"
_POINTER: Final = re.compile(r"(snapshot-\d{8}) ([0-9a-f]{8})\n")
_INDEX: Final = "main.index.faiss"
_VECTORS: Final = f"main.{VECTORS_FILE}"
_MAIN_ALIVE: Final = "main.alive.npy"
_logger = logging.getLogger(__name__)

_Fill = Callable[[ChecksumWriter], object]


@dataclass(frozen=True, slots=True)
class Contents:
    """The segments' rows at the moment that the snapshot stands for."""

    main: BuiltSegment | None
    main_rows: Rows | None
    tail_rows: Rows


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _MainMeta(_Model):
    kind: Kind
    effort: int
    growth: float
    overfetch: int
    trained: int
    recall: float


class _Meta(_Model):
    format: Literal[1] = 1
    name: str
    dimension: int
    metric: Metric
    main: _MainMeta | None
    files: dict[str, Digest]


class _DamagedError(Exception):
    """The snapshot cannot be used; the text says why."""


class SnapshotFolder:
    """The folder of one space, used by one thread at a time."""

    def __init__(self, path: Path, space: Space) -> None:
        self.path = path
        self._space = space
        self._kept: BuiltSegment | None = None
        self._kept_in = path
        self._kept_files: dict[str, Digest] = {}

    def load(self) -> tuple[BuiltSegment | None, FlatSegment]:
        """Return the segments of the current snapshot; empty ones where there is none that can be used."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._sweep("build-*", "draft-*")
        except OSError as error:
            raise storage_error(error, self.path) from error
        try:
            return self._load()
        except (_DamagedError, OSError, ValueError, RuntimeError) as error:
            reason = f"The snapshot in {self.path} cannot be used ({error})"
            _logger.warning("%s: space %r starts empty and is filled from the records.", reason, self._space.name)
            return None, FlatSegment(self._space.dimension)

    def save(self, contents: Contents) -> None:
        """Raises `StoreError` when the disk is full or refuses; the snapshot before this one then stays."""
        try:
            self._save(contents)
        except (OSError, RuntimeError) as error:
            raise storage_error(error, self.path) from error

    def work_folder(self) -> Path:
        """Create a folder for a build; the next `save` or `load` removes it, and keeps what it needs of it."""
        try:
            return Path(tempfile.mkdtemp(prefix="build-", dir=self.path))
        except OSError as error:
            raise storage_error(error, self.path) from error

    def _load(self) -> tuple[BuiltSegment | None, FlatSegment]:
        if not (self.path / _CURRENT).exists():
            return None, FlatSegment(self._space.dimension)
        folder, meta = self._current()
        main = None if meta.main is None else _main(folder, meta.main)
        tail = _tail(folder, self._space.dimension)
        self._keep(main, folder, meta.files)
        return main, tail

    def _current(self) -> tuple[Path, _Meta]:
        pointer = _POINTER.fullmatch((self.path / _CURRENT).read_text("ascii"))
        if pointer is None:
            raise _DamagedError(f"{_CURRENT} does not name a snapshot")
        folder = self.path / pointer[1]
        text = (folder / _META).read_bytes()
        if zlib.crc32(text) != int(pointer[2], 16):
            raise _DamagedError(f"the checksum of {_META} is wrong")
        return folder, self._checked(folder, _Meta.model_validate_json(text))

    def _checked(self, folder: Path, meta: _Meta) -> _Meta:
        if Space(meta.name, meta.dimension, meta.metric) != self._space:
            raise _DamagedError(f"it is of space {meta.name!r}, dimension {meta.dimension}, metric {meta.metric}")
        for name, expected in meta.files.items():
            if digest(folder / name) != expected:
                raise _DamagedError(f"the checksum of {name} is wrong")
        return meta

    def _save(self, contents: Contents) -> None:
        name = next(name for name in _names() if not (self.path / name).exists())
        draft = self.path / f"draft-{name}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        files = self._write(draft, contents)
        meta = _meta(self._space, contents.main, files).model_dump_json(indent=1).encode()
        write_file(draft / _META, lambda writer: writer.write(meta))
        sync(draft)
        draft.rename(self.path / name)
        sync(self.path)
        replace_file(self.path / _CURRENT, f"{name} {zlib.crc32(meta):08x}\n".encode())
        self._keep(contents.main, self.path / name, files)

    def _write(self, draft: Path, contents: Contents) -> dict[str, Digest]:
        files = {name: write_file(draft / name, fill) for name, fill in _tail_files(contents.tail_rows).items()}
        if contents.main is not None and contents.main_rows is not None:
            files |= self._write_fixed(draft, contents.main)
            files[_MAIN_ALIVE] = write_file(draft / _MAIN_ALIVE, _array(contents.main_rows.alive))
        return files

    def _write_fixed(self, draft: Path, main: BuiltSegment) -> dict[str, Digest]:
        if main is self._kept:
            fixed = {name: known for name, known in self._kept_files.items() if _is_fixed(name)}
            for name in fixed:
                link_file(self._kept_in / name, draft / name)
            return fixed
        files = {name: write_file(draft / name, fill) for name, fill in _main_files(main).items()}
        if main.vectors_file is not None:
            link_file(main.vectors_file, draft / _VECTORS)
            files[_VECTORS] = digest(draft / _VECTORS)
        return files

    def _keep(self, main: BuiltSegment | None, folder: Path, files: dict[str, Digest]) -> None:
        self._kept, self._kept_in, self._kept_files = main, folder, files
        self._sweep("build-*", "draft-*", "snapshot-*")

    def _sweep(self, *patterns: str) -> None:
        for pattern in patterns:
            for folder in self.path.glob(pattern):
                if folder != self._kept_in:
                    shutil.rmtree(folder)


def remove_folder(path: Path) -> None:
    try:
        (path / _CURRENT).unlink(missing_ok=True)
        if path.exists():
            shutil.rmtree(path)
    except OSError as error:
        raise storage_error(error, path) from error


def kept_names(path: Path) -> Iterator[str]:
    """The spaces that have a snapshot below the path; a damaged one does not tell its name."""
    for pointer in path.glob(f"*/{_CURRENT}"):
        with suppress(OSError, ValueError):
            found = _POINTER.fullmatch(pointer.read_text("ascii"))
            if found is not None:
                yield _Meta.model_validate_json((pointer.parent / found[1] / _META).read_bytes()).name


def folder_name(space_name: str) -> str:
    """Return a file name for any name: its letters and digits to be read, its hash to be unique."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", space_name)[:40]
    return f"{readable}-{hashlib.sha256(space_name.encode()).hexdigest()[:16]}"


def storage_error(error: Exception, path: Path) -> StoreError:
    return StoreError(f"The vector index cannot write to {path}: {error}. Check its permissions and the free space.")


def _names() -> Iterator[str]:
    return (f"snapshot-{number:08d}" for number in itertools.count(1))


def _is_fixed(name: str) -> bool:
    return name.startswith("main.") and name != _MAIN_ALIVE


def _meta(space: Space, main: BuiltSegment | None, files: dict[str, Digest]) -> _Meta:
    described = None if main is None else _described(main)
    return _Meta(name=space.name, dimension=space.dimension, metric=space.metric, main=described, files=files)


def _described(main: BuiltSegment) -> _MainMeta:
    ann = main.ann
    return _MainMeta(
        kind=ann.kind,
        effort=ann.effort,
        growth=ann.growth,
        overfetch=ann.overfetch if isinstance(ann, Ivf) else 1,
        trained=main.trained,
        recall=main.recall,
    )


def _array(values: npt.NDArray[np.generic]) -> _Fill:
    return lambda writer: np.lib.format.write_array(writer, values, allow_pickle=False)


def _tail_files(rows: Rows) -> dict[str, _Fill]:
    return {
        "tail.ids.npy": _array(rows.ids),
        "tail.alive.npy": _array(rows.alive),
        "tail.vectors.npy": _array(rows.vectors),
    }


def _main_files(main: BuiltSegment) -> dict[str, _Fill]:
    return {
        "main.ids.npy": _array(main.rows.ids),
        "main.norms.npy": _array(main.rows.norms),
        _INDEX: lambda writer: main.ann.index.write(writer.write),
    }


def _tail(folder: Path, dimension: int) -> FlatSegment:
    tail = FlatSegment(dimension)
    tail.append(np.load(folder / "tail.ids.npy"), np.load(folder / "tail.vectors.npy", mmap_mode="r"))
    tail.remove(np.flatnonzero(~np.load(folder / "tail.alive.npy")))
    return tail


def _main(folder: Path, meta: _MainMeta) -> BuiltSegment:
    index = FaissIndex.read(folder / _INDEX)
    vectors_file = folder / _VECTORS if meta.kind == "ivf" else None
    rows = Rows(
        np.load(folder / "main.ids.npy"),
        index.vectors() if vectors_file is None else mapped(vectors_file),
        np.load(folder / "main.norms.npy"),
        np.load(folder / _MAIN_ALIVE),
    )
    return BuiltSegment(rows, _ann(index, meta), trained=meta.trained, recall=meta.recall, vectors_file=vectors_file)


def _ann(index: FaissIndex, meta: _MainMeta) -> Ann:
    if meta.kind == "hnsw":
        return Hnsw(index, meta.effort, meta.growth)
    return Ivf(index, meta.effort, meta.overfetch, index.lists, meta.growth)
