"""The arenas of glibc's allocator that a process has, beside the first one, which lives elsewhere."""

import itertools
from pathlib import Path

HEAP = 64 * 2**20
"""Each reserves so much address space, at a multiple of that: a part in use, and the rest without access."""


def arenas_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    regions = [(*(int(end, 16) for end in line.split()[0].split("-")), line.split()[1]) for line in lines]
    pairs = itertools.pairwise(regions)
    return sum(first[0] % HEAP == 0 and second[1] == first[0] + HEAP and second[2] == "---p" for first, second in pairs)
