"""SIGKILL at random moments: in mid-work, and while the stores are opened after another kill."""

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from faults.loop import NUMBERS_A_PROCESS
from faults.pairs import open_library
from faults.promise import Acknowledged, Broken, broken_promises

ROOT = Path(__file__).parents[1]
LONGEST_RUN = 120
"""What a process says before it is killed, in lines."""
OPENING_SECONDS = 1.0
ONE_IN = 4
FINAL_SEARCHES = 400


def kill_often(settings: Mapping[str, str], kills: int) -> tuple[Acknowledged, Broken]:
    """Every fourth kill falls into the opening of stores that no other process has put in order before."""
    said, broken = Acknowledged(), Broken()
    for kill in range(kills):
        is_opening = kill % ONE_IN == ONE_IN - 1
        broken |= Broken(lost=run_until_killed(settings, kill * NUMBERS_A_PROCESS, said, is_opening=is_opening))
        if kill % ONE_IN != ONE_IN - 2 or kill == kills - 1:
            broken |= after_restart(settings, said, searches=FINAL_SEARCHES if kill == kills - 1 else 20)
    return said, broken


def after_restart(settings: Mapping[str, str], said: Acknowledged, searches: int = 20) -> Broken:
    with open_library(settings, maintain=False) as engine:
        return broken_promises(engine, said, searches)


def run_until_killed(
    settings: Mapping[str, str], first: int, said: Acknowledged, *, is_opening: bool = False
) -> frozenset[int]:
    """The numbers that the process itself did not find."""
    not_found: set[int] = set()
    lines = 1 if is_opening else random.randint(2, LONGEST_RUN)
    delay = random.uniform(0, OPENING_SECONDS if is_opening else 0.01)
    with _process(settings, first) as process:
        assert process.stdout is not None and process.stderr is not None
        for heard, line in enumerate(process.stdout, 1):
            _hear(line, said, not_found)
            if heard == lines:
                threading.Timer(delay, process.send_signal, (signal.SIGKILL,)).start()
        errors = process.stderr.read()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"The process ended by itself, with {process.returncode}:\n{errors}")
    return frozenset(not_found)


def _process(settings: Mapping[str, str], first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "faults.loop", json.dumps(dict(settings)), str(first)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def _hear(line: str, said: Acknowledged, not_found: set[int]) -> None:
    mark, number = line.split()
    if mark == "!":
        not_found.add(int(number))
    elif mark != "@":
        said.hear(mark, int(number))
