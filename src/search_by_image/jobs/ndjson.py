"""An upload of JSON objects, one a line. Empty lines do not count."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from search_by_image.errors import InvalidInputError
from search_by_image.jobs.item_errors import ItemError
from search_by_image.jobs.items import ItemMaker, Read
from search_by_image.jobs.lines import bounded_lines

BOM = b"\xef\xbb\xbf"


class NdjsonSource:
    """`line_bytes`: of the longest line."""

    def __init__(self, path: Path, maker: ItemMaker, line_bytes: int) -> None:
        self._file = path.open("rb")
        self._maker = maker
        self._line_bytes = line_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def count(self) -> int:
        return sum(1 for _ in self._filled_lines())

    def items(self, start: int) -> Iterator[Read]:
        for number, line in enumerate(islice(self._filled_lines(), start, None), start + 1):
            yield self._item(number, line)

    def _filled_lines(self) -> Iterator[bytes | None]:
        self._file.seek(0)
        for line in bounded_lines(self._file, self._line_bytes):
            if line is None or line.strip(BOM).strip():
                yield line

    def _item(self, number: int, line: bytes | None) -> Read:
        try:
            given = self._parsed(line)
        except InvalidInputError as error:
            return ItemError.of(number, "", error)
        return self._maker.make(number, given, held_bytes=len(line or b""))

    def _parsed(self, line: bytes | None) -> Any:
        if line is None:
            raise InvalidInputError(f"The line has more than {self._line_bytes} bytes. Give a URL instead.")
        try:
            return json.loads(line.removeprefix(BOM))
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise InvalidInputError(f"The line is not JSON: {reason}.") from error
