"""Files that are on the disk, with their checksum, when the call returns."""

import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_READ_SIZE = 1 << 22


@dataclass(frozen=True, slots=True)
class Digest:
    size: int
    crc32: int


class ChecksumWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0
        self._crc32 = 0

    @property
    def digest(self) -> Digest:
        return Digest(self._size, self._crc32)

    def write(self, data: bytes) -> int:
        self._size += len(data)
        self._crc32 = zlib.crc32(data, self._crc32)
        return self._file.write(data)


def write_file(path: Path, fill: Callable[[ChecksumWriter], object]) -> Digest:
    with path.open("wb") as file:
        writer = ChecksumWriter(file)
        fill(writer)
        file.flush()
        os.fsync(file.fileno())
    return writer.digest


def link_file(source: Path, target: Path) -> None:
    """Give the file a second name, or copy it where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    sync(target)


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file as a whole: a reader finds the old or the new content."""
    fresh = path.with_name(f"{path.name}.new")
    write_file(fresh, lambda writer: writer.write(content))
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> Digest:
    size = crc32 = 0
    with path.open("rb") as file:
        while data := file.read(_READ_SIZE):
            size += len(data)
            crc32 = zlib.crc32(data, crc32)
    return Digest(size, crc32)
