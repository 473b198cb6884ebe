"""An upload of pictures in a zip file, each with a same-named `.json` beside it, or without."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, FileIO
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self
from zipfile import ZipFile, ZipInfo

from search_by_image.documents import check_key
from search_by_image.errors import ArchiveRefusedError, ImageTooLargeError, InvalidInputError, UploadTooLargeError
from search_by_image.folder_import import SUFFIXES
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import Item, Read
from search_by_image.jobs.members import check_members
from search_by_image.jobs.options import ArchiveLimits

NOT_WANTED = ("__MACOSX/",)
BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    zlib.error,
)


class ZipSource:
    """`max_bytes`: of a picture; `document_bytes`: of a side file. Raises `ArchiveRefusedError` when it is opened."""

    def __init__(self, path: Path, limits: ArchiveLimits, *, max_bytes: int, document_bytes: int) -> None:
        self._limits = limits
        self._max_bytes = max_bytes
        self._document_bytes = document_bytes
        self._size = path.stat().st_size
        self._file = _Bounded(path, limits.directory_bytes)
        try:
            with _refused():
                self._zip = ZipFile(self._file)
        except BaseException:
            self._file.close()
            raise
        self._members = {member.filename: member for member in self._zip.infolist() if not member.is_dir()}
        self._pictures = sorted(filter(_is_picture, self._members))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._zip.close()
        self._file.close()

    def count(self) -> int:
        """Raises `ArchiveRefusedError`, `UploadTooLargeError`."""
        check_members(self._zip.infolist(), self._size, self._limits)
        return len(self._pictures)

    def items(self, start: int) -> Iterator[Read]:
        """In the order of their names."""
        for number, name in enumerate(self._pictures[start:], start + 1):
            yield self._item(number, name)

    def _item(self, number: int, name: str) -> Read:
        try:
            document = self._side_document(name)
            key = check_key(_id_in(document, name))
        except InvalidInputError as error:
            return ItemError.of(number, name, error)
        return Item(number, key, document, partial(self._bytes_of, self._members[name]))

    def _side_document(self, name: str) -> dict[str, Any]:
        side = self._members.get(str(PurePosixPath(name).with_suffix(".json")))
        if side is None:
            return {"id": name, "name": PurePosixPath(name).name}
        try:
            document = json.loads(self._read(side, self._document_bytes))
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{side.filename} beside it is not JSON in UTF-8: {error}.") from error
        if not isinstance(document, dict):
            raise InvalidInputError(f"{side.filename} beside it holds {type(document).__name__}, not a JSON object.")
        return document

    def _bytes_of(self, member: ZipInfo) -> bytes:
        return self._read(member, self._max_bytes)

    def _read(self, member: ZipInfo, most: int) -> bytes:
        if member.file_size > most:
            raise ImageTooLargeError(
                f"{member.filename} has {member.file_size} bytes unpacked; {most} are allowed. Make it smaller.",
                size=member.file_size,
                limit=most,
            )
        with _refused(), self._zip.open(member) as file:
            return file.read()


class _Bounded(BufferedReader):
    """Of a hostile file `ZipFile` would read a list of members that fills the memory."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(FileIO(path))
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise UploadTooLargeError(
                f"The zip file's list of members has {size} bytes; {self._most} are allowed "
                "(jobs/zip_directory_bytes). Send it in parts."
            )
        return super().read(size)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except InvalidInputError:
        raise
    except BROKEN as error:
        raise ArchiveRefusedError(f"The zip file is damaged, or is none: {error}.") from error


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith("._") and not name.startswith(NOT_WANTED)


def _id_in(document: Mapping[str, Any], name: str) -> str:
    """The document's own id where it is a text or a whole number, else the path within the zip file."""
    id_ = document.get("id")
    return str(id_) if type(id_) in (str, int) else name
