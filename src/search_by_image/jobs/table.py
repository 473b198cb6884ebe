"""An upload in CSV: a header with `id`, `url` and the fields of the documents, then a picture a row."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from search_by_image.errors import InvalidInputError
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import ItemMaker, Read
from search_by_image.jobs.lines import bounded_lines

DELIMITERS = ",;\t"
ID, URL = "id", "url"
TRUTH = MappingProxyType({"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False})


def _number(text: str) -> int | float:
    value = json.loads(text)
    if type(value) not in (int, float):
        raise ValueError("no number")
    return value  # type: ignore[no-any-return]


def _truth(text: str) -> bool:
    return TRUTH[text.strip().lower()]


KINDS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {"text": str, "number": _number, "boolean": _truth, "json": json.loads}
)


class TableSource:
    """UTF-8. A column is text, or what is behind the colon of its name: `price:number`; an empty cell is no field.

    `row_bytes`: of the longest line.
    """

    def __init__(self, path: Path, maker: ItemMaker, row_bytes: int) -> None:
        self._file = path.open("rb")
        self._maker = maker
        self._row_bytes = row_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def count(self) -> int:
        rows = self._rows()
        _columns(next(rows, []))
        return sum(1 for _ in rows)

    def items(self, start: int) -> Iterator[Read]:
        rows = self._rows()
        columns = _columns(next(rows, []))
        for number, row in enumerate(islice(rows, start, None), start + 1):
            yield self._item(number, columns, row)

    def _item(self, number: int, columns: Mapping[str, str], row: Sequence[str]) -> Read:
        try:
            given = _given(columns, row)
        except InvalidInputError as error:
            return ItemError.of(number, "", error)
        return self._maker.make(number, given)

    def _rows(self) -> Iterator[list[str]]:
        self._file.seek(0)
        lines = self._lines()
        header = next(lines, "")
        delimiter = max(DELIMITERS, key=header.count)
        rows = csv.reader(_chained(header, lines), delimiter=delimiter)
        try:
            yield from (row for row in rows if row)
        except csv.Error as error:
            raise InvalidInputError(f"Line {rows.line_num} of the CSV cannot be read: {error}.") from error

    def _lines(self) -> Iterator[str]:
        for number, line in enumerate(bounded_lines(self._file, self._row_bytes), 1):
            if line is None:
                raise InvalidInputError(f"Line {number} of the CSV has more than {self._row_bytes} bytes.")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InvalidInputError(f"Line {number} of the CSV is not UTF-8. Save the file as UTF-8.") from error


def _chained(first: str, others: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from others


def _columns(header: Sequence[str]) -> dict[str, str]:
    """The columns' kinds by their names, in their order. Raises `InvalidInputError`."""
    columns: dict[str, str] = {}
    for cell in header:
        name, _, kind = cell.strip().rpartition(":") if _has_kind(cell) else (cell.strip(), "", "text")
        if not name or name in columns:
            raise InvalidInputError(f"The header of the CSV has a column without a name, or {name!r} twice.")
        columns[name] = kind
    if URL not in columns:
        raise InvalidInputError("The header of the CSV has no column 'url'. Its first line is such as id,url,kind.")
    return columns


def _has_kind(cell: str) -> bool:
    return cell.strip().rpartition(":")[2] in KINDS and ":" in cell


def _given(columns: Mapping[str, str], row: Sequence[str]) -> dict[str, Any]:
    """`id` and `url` as text; the URL is in the document too, for whoever finds the picture wants to see it."""
    if len(row) != len(columns):
        raise InvalidInputError(f"The row has {len(row)} cells, the header {len(columns)}.")
    cells = dict(zip(columns, row, strict=True))
    document = {name: _value(name, columns[name], text) for name, text in cells.items() if text and name != ID}
    return {"id": cells.get(ID) or None, "url": cells[URL] or None, "document": document}


def _value(name: str, kind: str, text: str) -> Any:
    try:
        return KINDS[kind](text)
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{text[:64]!r} in the column {name!r} is not of the kind {kind!r}.") from error
