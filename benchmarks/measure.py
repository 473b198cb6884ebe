"""Rounds taken in turn, so that what else the machine does falls on all alike; medians and ratios."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what is ours beside its bound, and the ratio that is claimed."""

    name: str
    ours: str
    bound: str
    ratio: float
    meaning: str


def rates(works: Sequence[Work], rounds: int = 5) -> list[float]:
    """Median pictures a second of each; a work answers with the number of pictures that it did."""
    taken: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for work, found in zip(works, taken, strict=True):
            started = time.perf_counter()
            count = work()
            found.append(count / (time.perf_counter() - started))
    return [statistics.median(found) for found in taken]


def cpu_ms(works: Sequence[Work], rounds: int = 5) -> list[float]:
    """Median milliseconds of this process's CPU for a picture, of each."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, found in zip(works, taken, strict=True):
            started = time.process_time()
            count = work()
            found.append(1000 * (time.process_time() - started) / count)
    return [statistics.median(found) for found in taken]
