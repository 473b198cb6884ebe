"""Threads share as many of glibc's arenas as they are told to, in processes of their own."""

import os
import subprocess
import sys

import pytest

MANY = 12
CODE = f"""
import os, sys, threading
from memory_arenas import arenas_of
from search_by_image.allocator import limit_arenas

done = limit_arenas(int(sys.argv[1])) if sys.argv[1:] else None
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


def arenas(*most, **environ):
    command = [sys.executable, "-c", CODE, *map(str, most)]
    path = os.pathsep.join(sys.path)
    environment = os.environ | environ | {"PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, count = done.stdout.split()
    return told, int(count)


@pytest.mark.parametrize("most", [1, 3])
def test_so_many_and_no_more(most):
    assert arenas(most) == ("True", most - 1)
    assert arenas()[1] >= 4


def test_the_environment_decides():
    assert arenas(2, MALLOC_ARENA_MAX="5") == ("False", 4)
