"""`python -m benchmarks.stores [FILE] [--only NAME ...]`: every vector index beside the others, on the same vectors.

100,000 vectors of 512 dimensions (a mixture of Gaussians, normalised, fixed seed) go through our own `VectorIndex`
classes. Each index has a process of its own, each kind of Milvus a server of its own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.report import machine, markdown_table
from benchmarks.store_kinds import KINDS

PACKAGES = ("faiss-cpu", "milvus", "pymilvus")
WANTED_RECALL = 0.95
ROOT = Path(__file__).parents[1]
HEADINGS = (
    "index",
    "inserts/s",
    "build",
    "p50 / p99 of a search",
    "searches/s, 2 threads",
    "recall@10",
    "memory",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """`build`: seconds after the last insert until all is indexed; `p50`, `p99` in ms; `memory` in MB."""

    name: str
    inserts: float
    build: float
    p50: float
    p99: float
    rate: float
    recall: float
    memory: float

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{self.inserts:,.0f}",
            f"{self.build:.1f} s",
            f"{self.p50:.2f} / {self.p99:.2f} ms",
            f"{self.rate:,.0f}",
            f"{self.recall:.3f}",
            f"{self.memory:,.0f} MB",
        )


def main(names: Sequence[str], report: Path | None) -> bool:
    """Whether each has the recall that is wanted."""
    rows = []
    table = Table(*HEADINGS, title=machine(*PACKAGES))
    for name in names:
        rows.append(_measured_alone(name))
        table.add_row(*rows[-1].cells)
        Console(stderr=True).print(*rows[-1].cells, sep=" | ")
    Console(width=140).print(table)
    if report is not None:
        report.write_text(_markdown(rows), encoding="utf-8")
    return all(row.recall >= WANTED_RECALL for row in rows)


def _measured_alone(name: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.store_run", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return Measured(**json.loads(done.stdout))


def _markdown(rows: Sequence[Measured]) -> str:
    table = markdown_table(HEADINGS, [row.cells for row in rows])
    notes = "\n".join(f"- {name}: {KINDS[name].note}" for name in KINDS if KINDS[name].note)
    return (
        f"# Vector indexes side by side\n\nMade by `make bench-stores`: {machine(*PACKAGES)}.\n\n"
        "100,000 vectors of 512 dimensions, ten neighbours, metric COSINE, through our own classes; what runs on a "
        f"server shares the machine with it.\n\n{table}\n{notes}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores")
    parser.add_argument("report", nargs="?", type=Path, help="where the table is written as Markdown")
    parser.add_argument("--only", action="append", choices=KINDS, help="may be given more than once; default: all")
    given = parser.parse_args()
    sys.exit(not main(given.only or [*KINDS], given.report))
