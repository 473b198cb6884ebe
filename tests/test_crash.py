"""The promise, proved by SIGKILL at random moments: what is acknowledged is there once, what is removed stays away,
and what is imported at once is all there or not at all.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cheap_library import open_library, picture
from search_by_image.library import Library
from search_by_image.records.base import Match, State

KILLS = 12
"""`make faults` kills a hundred times."""
CHILD = Path(__file__).with_name("crash_child.py")
NUMBERS_A_ROUND = 100_000


@dataclass
class Acknowledged:
    """What the children have said so far."""

    added: set[int] = field(default_factory=set)
    removing: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    batches: list[frozenset[int]] = field(default_factory=list)

    def hear(self, line: str) -> None:
        mark, *words = line.split()
        numbers = frozenset(map(int, words))
        if mark == "*":
            self.batches.append(numbers)
        else:
            {"+": self.added, "?": self.removing, "-": self.removed}[mark].update(numbers)

    @property
    def surely_there(self) -> set[int]:
        return self.added - self.removing


def run_until_killed(folder: Path, first: int, lines: int, said: Acknowledged) -> None:
    """Kill the child somewhat after it has said so many lines."""
    paths = (str(CHILD.parent), os.environ.get("PYTHONPATH"))
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(first)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
    )
    for heard, line in enumerate(child.stdout, 1):
        if not line.endswith("\n"):
            break
        said.hear(line)
        if heard == lines:
            threading.Timer(random.uniform(0, 0.01), child.send_signal, (signal.SIGKILL,)).start()
    errors = child.stderr.read()
    assert child.wait() == -signal.SIGKILL, errors
    child.stdout.close()
    child.stderr.close()


def check_promise(library: Library, said: Acknowledged) -> None:
    listed = Counter(stored.document["id"] for stored in library.page(Match(), limit=1_000_000))
    assert [number for number, count in listed.items() if count > 1] == [], "doubled"
    assert said.surely_there - listed.keys() == set(), "acknowledged, but lost"
    assert said.removed & listed.keys() == set(), "removed, but back"
    kept = [batch - said.removing for batch in said.batches]
    assert [batch for batch in kept if 0 < len(batch & listed.keys()) < len(batch)] == [], "imported in part"
    (space,) = library.spaces()
    in_records, in_index = library._records.ids(space.name), library._index.ids(space.name)
    assert in_records.tolist() == in_index.tolist(), "half there"
    assert not library._records.in_state(State.PENDING)
    assert not library._records.in_state(State.REMOVING)


def check_searches(library: Library, said: Acknowledged, numbers: set[int]) -> None:
    for number in numbers:
        found = [hit.document["id"] for hit in library.search(picture(number), "Thumb", top_k=3)]
        assert (found[:1] == [number]) is (number in said.surely_there), (number, found)
        assert found.count(number) <= 1


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_nothing_acknowledged_is_lost_doubled_halved_or_brought_back(tmp_path: Path) -> None:
    said = Acknowledged()
    for kill in range(KILLS):
        run_until_killed(tmp_path, kill * NUMBERS_A_ROUND, random.randint(1, 120), said)
        library = open_library(tmp_path)
        check_promise(library, said)
        recent = {number for number in said.added if number // NUMBERS_A_ROUND == kill} - (said.removing - said.removed)
        check_searches(library, said, set(random.sample(sorted(recent), min(20, len(recent)))))
        if kill % 3:
            library.close()
        else:
            library._index.close()
    print(f"{KILLS} kills, {len(said.added)} imports and {len(said.removed)} removals acknowledged, 0 lost, 0 back")
    assert len(said.added) > KILLS
    assert said.removed
