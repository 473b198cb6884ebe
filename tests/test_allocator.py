"""What glibc keeps, in processes of their own: few arenas, and no large blocks."""

import os
import subprocess
import sys

import pytest

MANY = 12
LARGE = 6 * 2**20
START = """
import os, sys, threading
from benchmarks.load.memory import resident_kib
from memory_arenas import arenas_of
from search_by_image.allocator import keep_little

done = keep_little(int(sys.argv[1])) if sys.argv[1:] else None
"""
ARENAS = f"""
ready = threading.Barrier({MANY} + 1)
kept = []


def work():
    kept.append([bytes(5000) for _ in range(100)])
    ready.wait()
    ready.wait()


for _ in range({MANY}):
    threading.Thread(target=work, daemon=True).start()
ready.wait()
print(done, arenas_of(os.getpid()))
ready.wait()
"""
BLOCKS = f"""
first = bytearray(b"x") * {LARGE + 2**20}
del first
second = bytearray(b"x") * {LARGE}
behind = [bytearray(b"x") * 100_000 for _ in range(20)]
before = resident_kib(os.getpid())
del second
print(done, before - resident_kib(os.getpid()))
"""


def told_by(code, *most, **environ):
    command = [sys.executable, "-c", START + code, *map(str, most)]
    environment = os.environ | environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, count = done.stdout.split()
    return told, int(count)


@pytest.mark.parametrize("most", [1, 3])
def test_so_many_arenas_and_no_more(most):
    assert told_by(ARENAS, most) == ("True", most - 1)
    assert told_by(ARENAS)[1] >= 4


def test_large_blocks_go_back_to_the_system():
    told, gone = told_by(BLOCKS, 3)
    assert (told, gone >= 0.9 * LARGE / 1024) == ("True", True)
    assert told_by(BLOCKS)[1] < 0.1 * LARGE / 1024


def test_the_environment_decides():
    assert told_by(ARENAS, 2, MALLOC_ARENA_MAX="5") == ("False", 4)
