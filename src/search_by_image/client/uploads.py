"""What an import job is made of: a file, bytes, or items one by one, sent piece by piece."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from search_by_image.client.bulk import NewImage
from search_by_image.client.call import Content
from search_by_image.client.pictures import picture_json
from search_by_image.errors import InvalidInputError

UploadFormat = Literal["ndjson", "csv", "zip", "json"]
Item = Mapping[str, Any] | NewImage | str | bytes
"""Of an upload: as a line of NDJSON, a picture of your own, the URL of one, or bytes that are sent as they are."""
Upload = bytes | Path | str | Iterable[Item]
"""A text is a path. Other iterables are read once, while they are sent."""
KINDS: Mapping[str, str] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "zip": "application/zip",
    "json": "application/json",
}
SUFFIXES: Mapping[str, UploadFormat] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".tsv": "csv",
    ".zip": "zip",
    ".json": "json",
}
PIECE = 2**20


def upload_content(upload: Upload, format: UploadFormat | None) -> Content:
    """Raises `InvalidInputError` for what cannot be read, and where the format must be said."""
    if isinstance(upload, bytes):
        return Content(upload, _kind(format, "bytes"))
    if isinstance(upload, str | Path):
        path = _checked(Path(upload))
        kind = _kind(format or SUFFIXES.get(path.suffix.lower()), f"{path.name!r}")
        return Content(kind=kind, pieces=lambda: _file_pieces(path))
    items = iter(upload)
    first = next(items, None)
    if first is None:
        raise InvalidInputError("The upload is empty. Give one item at least.")
    kind = _kind(format or (None if isinstance(first, bytes) else "ndjson"), "pieces of bytes")
    return Content(kind=kind, pieces=lambda: map(_piece, chain([first], items)), once=True)


def _kind(format: UploadFormat | None, what: str) -> str:
    kind = KINDS.get(format or "")
    if kind is None:
        raise InvalidInputError(f"Of {what} the format must be said: {', '.join(KINDS)}.")
    return kind


def _checked(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise InvalidInputError(f"{str(path)!r} cannot be read: {error.strerror}.") from error


def _file_pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _piece(item: Item) -> bytes:
    """A line of NDJSON, unless it is bytes already. A URL is kept in its picture's document, as in lists of them."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        item = {"url": item, "document": {"url": item}}
    if isinstance(item, NewImage):
        item = {"id": item.id, **picture_json(item.picture), "document": item.document}
    return json.dumps(dict(item), allow_nan=False).encode("ascii") + b"\n"
