"""`python -m faults [--pair NAME ...] [--kills N] [--report FILE]`: one table of what failures did to the library.

Exit status 1 when any promise was broken.
"""

import argparse
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from faults.full_disk import on_limited_files, on_small_disk
from faults.kills import kill_often
from faults.outages import Outage, outage
from faults.pairs import Pair, Servers, embedded, mariadb_milvus, mongodb_milvus
from faults.rows import HEADINGS, Row

TESTS = Path(__file__).parents[1] / "tests"
LASTING = 10
"""Seconds that a server is away, or silent, longer than a call may last."""
KILLS = {"embedded": 100, "mariadb": 30, "mongodb": 30}


def main(pairs: list[str], kills: int | None, report: Path | None) -> bool:
    """Whether every promise was kept."""
    sys.path.append(str(TESTS))
    logging.getLogger("search_by_image").setLevel(logging.CRITICAL)
    table, rows = Table(*HEADINGS, title=_machine()), []
    for row in _rows(pairs, kills):
        Console(stderr=True).print(*row.cells, sep=" | ")
        rows.append(row)
        table.add_row(*row.cells)
    Console(width=160).print(table)
    if report is not None:
        report.write_text("\n".join([f"{_machine()}\n", *_markdown(rows)]) + "\n", encoding="utf-8")
    return not any(row.broken for row in rows)


def _rows(pairs: list[str], kills: int | None) -> Iterator[Row]:
    servers = Servers()
    try:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            for name in pairs:
                pair = _pair(name, Path(folder), servers)
                yield from _killed(pair, KILLS[name] if kills is None else kills)
                yield from _outages(pair)
                if not pair.servers:
                    yield from _disks(pair, Path(folder))
    finally:
        servers.close()


def _pair(name: str, folder: Path, servers: Servers) -> Pair:
    makers: dict[str, Callable[[], Pair]] = {
        "embedded": partial(embedded, folder),
        "mariadb": partial(mariadb_milvus, servers),
        "mongodb": partial(mongodb_milvus, servers),
    }
    return makers[name]()


def _killed(pair: Pair, kills: int) -> Iterator[Row]:
    if kills:
        said, broken = kill_often(pair.settings("killed"), kills)
        yield Row(pair.name, f"{kills} SIGKILLs of the app", said, broken)


def _outages(pair: Pair) -> Iterator[Row]:
    for number, server in enumerate(pair.servers):
        for failure, begin, end in (
            ("killed and started", server.stop, server.start),
            ("silent", server.silence, server.resume),
        ):
            settings = pair.settings(f"{failure.split()[0]}_{number}")
            yield _outage(pair, f"{server.name} {failure}", outage(settings, begin, end, lasting=LASTING))


def _disks(pair: Pair, folder: Path) -> Iterator[Row]:
    if os.geteuid() == 0:
        yield _outage(pair, "disk full (tmpfs)", on_small_disk(folder / "tmpfs"))
    yield _outage(pair, "disk full (RLIMIT_FSIZE)", on_limited_files(folder / "limited"))


def _outage(pair: Pair, failure: str, found: Outage) -> Row:
    return Row(pair.name, failure, found.said, found.broken, found)


def _markdown(rows: list[Row]) -> list[str]:
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(row.cells for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m faults")
    parser.add_argument("--pair", action="append", choices=KILLS, help="may be given more than once; default: all")
    parser.add_argument("--kills", type=int, help=f"default: {KILLS}")
    parser.add_argument("--report", type=Path, help="where the table is written as Markdown")
    given = parser.parse_args()
    sys.exit(not main(given.pair or [*KILLS], given.kills, given.report))
