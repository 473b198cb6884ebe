"""What became of each call: a line of JSON each, written by the callers and read by the report."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np


class Outcome(StrEnum):
    """`REFUSED`: 429 or 503 with Retry-After, or an old call's word for overload."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Call:
    """`ended`: seconds of the machine's monotonic clock; `picture`: the name that an import gave it.

    `note`: what was wrong with the answer, or how the call was refused.
    """

    name: str
    ended: float
    ms: float
    outcome: Outcome
    picture: str = ""
    note: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Self:
        told = json.loads(line)
        return cls(**{**told, "outcome": Outcome(told["outcome"])})


@dataclass(frozen=True, slots=True)
class Calls:
    """Those of one phase, which lasted so many `seconds`."""

    all: tuple[Call, ...]
    seconds: float

    @classmethod
    def read(cls, file: Path, seconds: float) -> Self:
        with file.open(encoding="utf-8") as lines:
            return cls(tuple(map(Call.of_line, lines)), seconds)

    @property
    def names(self) -> list[str]:
        return sorted({call.name for call in self.all})

    def of(self, names: Iterable[str], outcome: Outcome = Outcome.DONE) -> list[Call]:
        wanted = set(names)
        return [call for call in self.all if call.name in wanted and call.outcome is outcome]

    def rate(self, *names: str) -> float:
        """Done, a second; without what was answered when no more calls were made."""
        end = min(call.ended - call.ms / 1000 for call in self.all) + self.seconds
        return sum(call.ended <= end for call in self.of(names)) / self.seconds

    def percentiles(self, *names: str) -> tuple[float, float]:
        """p50 and p99 in ms, of those that were done."""
        taken = [call.ms for call in self.of(names)]
        p50, p99 = np.percentile(taken, (50, 99)) if taken else (float("nan"),) * 2
        return float(p50), float(p99)
