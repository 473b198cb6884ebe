"""`python -m benchmarks [FILE]`: one table of ratios; with FILE also as Markdown, with the machine and the date."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import decoding, end_to_end, inference, over_http, pipeline_overhead
from benchmarks.measure import Row
from benchmarks.report import machine, markdown_table

HEADINGS = ("what", "ours", "bound in the same run", "ratio", "meaning")
PACKAGES = ("openvino", "faiss-cpu", "pillow")


def main(report: Path | None) -> None:
    rows = [row for part in (decoding, inference, pipeline_overhead, end_to_end, over_http) for row in part.rows()]
    table = Table(*HEADINGS, title=machine(*PACKAGES))
    for row in rows:
        table.add_row(*_cells(row))
    Console(width=140).print(table)
    if report is not None:
        report.write_text(_markdown(rows), encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.ours, row.bound, f"{row.ratio:.2f}", row.meaning


def _markdown(rows: list[Row]) -> str:
    return (
        f"# Results\n\nMade by `make bench`: {machine(*PACKAGES)}.\n"
        "Ratios carry over to other machines; absolute figures do not.\n\n"
        + markdown_table(HEADINGS, [_cells(row) for row in rows])
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
