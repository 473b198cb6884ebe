"""What is to be done to the service, and to which one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds`: of the load itself; `window`: of each of the shorter measurements.

    `beside`: how many search beside an import job, once after the other, of at least `job_pictures`;
    `crowd`: how many search at once in the end.
    `pictures`: a folder of JPEG files; `config`: a server.xml, None: the defaults.
    `bound`: measures the pictures a second of the pipeline alone, in this process.
    """

    pictures: Path
    pipeline: str
    collection: str
    bound: Callable[[], float]
    config: Path | None = None
    seconds: float = 600.0
    searchers: int = 32
    importers: int = 2
    window: float = 30.0
    beside: tuple[int, ...] = (1, 8)
    job_pictures: int = 1000
    crowd: int = 160
