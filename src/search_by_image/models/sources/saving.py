"""Bytes into a model's folder: what cannot be read and what cannot be written are told apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from search_by_image.errors import DownloadError

CHUNK: Final = 1 << 20
Take = Callable[[bytes], int]


@contextmanager
def saving(file: Path) -> Iterator[Take]:
    """The file anew; what is yielded takes its bytes, and tells how many there are by now. Raises `DownloadError`."""
    with _written(file):
        opened = file.open("wb")

    def take(chunk: bytes) -> int:
        with _written(file):
            opened.write(chunk)
            return opened.tell()

    try:
        yield take
    finally:
        with _written(file):
            opened.close()


def save(source: IO[bytes], file: Path) -> None:
    """Raises `DownloadError` where the file cannot be written; what reading raises is passed on."""
    with saving(file) as take:
        while chunk := source.read(CHUNK):
            take(chunk)


def copy(source: Path, file: Path) -> None:
    """Raises `DownloadError`."""
    try:
        with source.open("rb") as opened:
            save(opened, file)
    except OSError as error:
        raise DownloadError(f"{source} cannot be read: {error.strerror}.") from error


@contextmanager
def _written(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"{file} cannot be written: {error.strerror}. Make room on its disk, or set models/path to another folder."
        ) from error
