"""Tables in Markdown, and what they were measured on."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, ["---"] * len(headings), *rows))


def machine(*packages: str) -> str:
    """Cores, processor, versions and the date."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in cpuinfo)
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{cores} x {model}, Python {platform.python_version()}, {versions}, {datetime.now(UTC):%Y-%m-%d}"
