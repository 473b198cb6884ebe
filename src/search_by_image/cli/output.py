"""What the commands print: data on stdout as a table or as one JSON document, messages on stderr."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 10_000
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
UTF8 = ("utf-8", "utf8")


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


def say(message: str) -> None:
    typer.echo("\n".join(printable(line) for line in message.splitlines()), err=True)


def pictures(count: int) -> str:
    return f"{count} picture" if count == 1 else f"{count} pictures"


def print_json(document: Mapping[str, Any]) -> None:
    ascii_only = (sys.stdout.encoding or "").lower() not in UTF8
    typer.echo(json.dumps(document, ensure_ascii=ascii_only, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Cells are shown as they are: no markup, no control characters. A pipe gets every row on a line of its own."""
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
    for row in rows:
        table.add_row(*(Text(_cell(value), overflow="fold") for value in row))
    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else PIPE_WIDTH, highlight=False)
    console.print(table)


def printable(text: str) -> str:
    """The text with what could steer a terminal, or is no character, written as its escape."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, Mapping | list):
        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))
