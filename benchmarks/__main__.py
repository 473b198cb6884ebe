"""`python -m benchmarks [FILE]`: one table of ratios; with FILE also as Markdown, with the machine and the date."""

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import decoding, end_to_end, inference, over_http, pipeline_overhead
from benchmarks.measure import Row

HEADINGS = ("what", "ours", "bound in the same run", "ratio", "meaning")


def main(report: Path | None) -> None:
    rows = [row for part in (decoding, inference, pipeline_overhead, end_to_end, over_http) for row in part.rows()]
    table = Table(*HEADINGS, title=_machine())
    for row in rows:
        table.add_row(*_cells(row))
    Console(width=140).print(table)
    if report is not None:
        report.write_text(_markdown(rows), encoding="utf-8")


def _cells(row: Row) -> tuple[str, ...]:
    return row.name, row.ours, row.bound, f"{row.ratio:.2f}", row.meaning


def _markdown(rows: list[Row]) -> str:
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *(_line(_cells(row)) for row in rows)]
    return (
        f"# Results\n\nMade by `make bench`: {_machine()}.\n"
        "Ratios carry over to other machines; absolute figures do not.\n\n" + "\n".join(lines) + "\n"
    )


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in cpuinfo)
    packages = ", ".join(f"{name} {version(name)}" for name in ("openvino", "faiss-cpu", "pillow"))
    return f"{cores} x {model}, Python {platform.python_version()}, {packages}, {datetime.now(UTC):%Y-%m-%d}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
