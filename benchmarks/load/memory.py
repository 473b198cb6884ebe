"""How much memory a process has, every second, and which way that goes."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MINUTE = 60


@dataclass(slots=True)
class Memory:
    """`samples`: seconds of the monotonic clock, and KiB that are resident then."""

    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def second_half(self) -> list[tuple[float, int]]:
        return self.samples[len(self.samples) // 2 :]

    @property
    def resident(self) -> float:
        """KiB, the median of the second half."""
        return statistics.median(kib for _, kib in self.second_half)

    @property
    def slope(self) -> float:
        """KiB a minute, by least squares over the second half."""
        seconds, kib = zip(*self.second_half, strict=True)
        return statistics.linear_regression(seconds, kib).slope * MINUTE

    def along(self, parts: int) -> list[int]:
        """KiB at the start, and after each of so many equal parts."""
        last = len(self.samples) - 1
        return [self.samples[last * part // parts][1] for part in range(parts + 1)]


@contextmanager
def watched(pid: int, every: float = 1.0) -> Iterator[Memory]:
    memory, stopped = Memory(), threading.Event()

    def watch() -> None:
        while not stopped.is_set():
            memory.samples.append((time.monotonic(), resident_kib(pid)))
            stopped.wait(every)

    thread = threading.Thread(target=watch, name="memory")
    thread.start()
    try:
        yield memory
    finally:
        stopped.set()
        thread.join()


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
