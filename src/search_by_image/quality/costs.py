"""What a pipeline costs: its speed on this machine, and the memory that it adds to the process."""

import ctypes
import gc
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from search_by_image.errors import SearchByImageError
from search_by_image.pipeline import Pipeline

PROBES = 24
LONG_ENOUGH = 1.0
"""Seconds that pictures are run through for."""
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Linux: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html"""


@dataclass(frozen=True, slots=True)
class Costs:
    """`pictures_per_second`: opening and inference, with all threads busy; 0: no picture went through.

    `memory`: bytes of resident memory at the peak while the model was loaded and worked, above those before; None
    where the system does not tell.
    """

    pictures_per_second: float
    load_seconds: float
    memory: int | None


def opened_and_measured(
    open_pipeline: Callable[[], Pipeline], pictures: Sequence[bytes], threads: int
) -> tuple[Pipeline, Costs]:
    """Load the pipeline, warm it with one picture, then time it over all of them. Raises what loading raises."""
    before = _start_watching()
    started = time.perf_counter()
    pipeline = open_pipeline()
    loaded = time.perf_counter() - started
    speed = _speed(pipeline, pictures, threads)
    peak = _resident("VmHWM")
    memory = None if before is None or peak is None else max(peak - before, 0)
    return pipeline, Costs(speed, loaded, memory)


def spread(count: int) -> list[int]:
    """The places of so many pictures as are tried, evenly over all."""
    step = max(count // PROBES, 1)
    return list(range(0, count, step))[:PROBES]


def _speed(pipeline: Pipeline, pictures: Sequence[bytes], threads: int) -> float:
    """Of the fastest of several rounds: what else the machine does can only slow one down."""
    if not pictures:
        return 0.0
    _runs(pipeline, pictures[0])
    ends = time.perf_counter() + LONG_ENOUGH
    best = 0.0
    with ThreadPoolExecutor(threads) as workers:
        while best == 0.0 or time.perf_counter() < ends:
            started = time.perf_counter()
            done = sum(workers.map(lambda data: _runs(pipeline, data), pictures))
            best = max(best, done / (time.perf_counter() - started))
            if not done:
                break
    return best


def _runs(pipeline: Pipeline, data: bytes) -> bool:
    with suppress(SearchByImageError):
        pipeline.extract(data)
        return True
    return False


def _start_watching() -> int | None:
    """Bytes resident now, after what earlier pipelines left was given back; the peak starts from here."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        CLEAR.write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return None
    return _resident("VmRSS")


def _resident(line: str) -> int | None:
    with suppress(OSError):
        found = re.search(rf"{line}:\s+(\d+) kB", STATUS.read_text(encoding="ascii", errors="replace"))
        return int(found[1]) * 1024 if found else None
    return None
