"""A disk without room under the embedded pair: a small tmpfs, or a limit to the size of files.

Run as a program it puts the limit on its own process: `python -m faults.full_disk FOLDER`.
"""

import json
import logging
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from faults.outages import Outage, outage
from faults.pairs import embedded
from faults.promise import Acknowledged, Broken
from faults.writer import Calls

ROOT = Path(__file__).parents[1]
TMPFS_SIZE = "8m"
SPARE = 16_384
"""Bytes that files may still grow by."""


def on_small_disk(folder: Path) -> Outage:
    """As root: a file takes all that is left of a tmpfs."""
    with _tmpfs(folder) as disk:
        ballast = disk / "ballast"
        return outage(embedded(disk).settings("library"), lambda: _fill(ballast), ballast.unlink)


def on_limited_files(folder: Path) -> Outage:
    """In a process of its own, because the limit holds for all that a process writes."""
    command = [sys.executable, "-m", "faults.full_disk", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return _from_json(done.stdout)


@contextmanager
def _tmpfs(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_SIZE}", "faults", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def _limited(folder: Path) -> Outage:
    return outage(embedded(folder).settings("library"), lambda: _limit(folder), _unlimit)


def _limit(folder: Path) -> None:
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + SPARE, resource.RLIM_INFINITY))


def _unlimit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _to_json(result: Outage) -> str:
    plain = {
        "said": {name: sorted(numbers) for name, numbers in asdict(result.said).items()},
        "broken": {name: sorted(numbers) for name, numbers in asdict(result.broken).items()},
        "calls": asdict(result.calls) | {"errors": sorted(result.calls.errors)},
        "times": [result.back_after, result.settled_after],
    }
    return json.dumps(plain)


def _from_json(text: str) -> Outage:
    plain = json.loads(text)
    said = Acknowledged(**{name: set(numbers) for name, numbers in plain["said"].items()})
    broken = Broken(**{name: frozenset(numbers) for name, numbers in plain["broken"].items()})
    calls = Calls(**plain["calls"] | {"errors": set(plain["calls"]["errors"])})
    return Outage(said, broken, calls, *plain["times"])


if __name__ == "__main__":
    logging.getLogger("search_by_image").setLevel(logging.CRITICAL)
    sys.stdout.write(_to_json(_limited(Path(sys.argv[1]))))
