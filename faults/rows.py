"""One line of the table."""

from dataclasses import dataclass

from faults.outages import Outage
from faults.promise import Acknowledged, Broken

HEADINGS = (
    "stores",
    "failure",
    "imports acknowledged",
    "removals acknowledged",
    "lost",
    "doubled",
    "back",
    "half there",
    "calls refused",
    "slowest refusal",
    "imports again after",
    "settled after",
)


@dataclass(frozen=True, slots=True)
class Row:
    pair: str
    failure: str
    said: Acknowledged
    broken: Broken
    outage: Outage | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        said, broken = self.said, self.broken
        sets = (said.added, said.removed, broken.lost, broken.doubled, broken.back, broken.half)
        return (self.pair, self.failure, *(f"{len(numbers):,}" for numbers in sets), *self._times())

    def _times(self) -> tuple[str, ...]:
        if self.outage is None:
            return ("",) * 4
        calls = self.outage.calls
        seconds = (calls.slowest, self.outage.back_after, self.outage.settled_after)
        return (str(calls.refused), *(f"{one:.1f} s" for one in seconds))
