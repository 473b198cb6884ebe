"""Who used the machine's processors meanwhile: the service, the callers, or anybody else."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
IDLE = (3, 4)
"""Their places in /proc/stat: idle, and waiting for a disk."""
COUNTED = 8
"""What comes after these is in them already."""


@dataclass(slots=True)
class Shares:
    """Of all processors together, 0..1; complete when the measurement has ended."""

    service: float = 0.0
    callers: float = 0.0
    others: float = 0.0


@contextmanager
def shared(pid: int) -> Iterator[Shares]:
    """`pid`: the service's. The callers are processes that this one starts, and waits for, in between."""
    shares, before = Shares(), _seconds(pid)
    yield shares
    total, busy, service, callers = (now - then for now, then in zip(_seconds(pid), before, strict=True))
    shares.service, shares.callers = service / total, callers / total
    shares.others = max(busy - service - callers, 0.0) / total


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _seconds(pid: int) -> tuple[float, float, float, float]:
    """Of the machine, of them busy, of the service, of this process's children that have ended."""
    ticks = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]]
    total = sum(ticks[:COUNTED])
    busy = total - sum(ticks[place] for place in IDLE)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total / TICKS, busy / TICKS, cpu_seconds(pid), children.ru_utime + children.ru_stime
