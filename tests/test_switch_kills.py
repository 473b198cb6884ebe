"""A switch to another model killed at any moment: everything is found at once, and the next run ends it."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cheap_library import picture
from search_by_image.reconciling import differences
from search_by_image.records.base import State
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from switched_library import Switching, everything, expected, opened

PICTURES = 80
RUNS = int(os.environ.get("SEARCH_BY_IMAGE_SWITCH_KILLS", "1"))
"""Three kills each."""
CHILD = Path(__file__).with_name("switch_child.py")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    library = open_library(folder)
    library.add_many([library.prepare(picture(number), {"n": number}, "Thumb") for number in range(PICTURES)])
    library.close()
    return folder


def open_library(folder):
    index = EmbeddedIndex(EmbeddedSettings(path=folder / "vectors"))
    return opened(SqlRecordStore(f"sqlite:///{folder / 'records.db'}"), index)


def child(folder):
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def kill_after(folder, lines, pause):
    """It has said so many lines, and somewhat later."""
    running = child(folder)
    said = [line for line, _ in zip(running.stdout, range(lines), strict=False)]
    time.sleep(pause)
    running.kill()
    running.wait()
    running.stdout.close()
    return said


@pytest.mark.parametrize("seed", range(RUNS))
def test_after_kills_at_random_moments_the_next_run_ends_it(filled, tmp_path, seed):
    folder = shutil.copytree(filled, tmp_path / "library")
    library = open_library(folder)
    pictures, dice = everything(library._records), random.Random(seed)
    old = [expected(library.search(picture(number), "Thumb", top_k=5)) for number in range(0, PICTURES, 9)]
    library.close()
    for lines in sorted(dice.sample(range(1, 34), 3)):
        kill_after(folder, lines, dice.uniform(0, 0.02))
        library = open_library(folder)
        check_whole(library, pictures)
        library.close()
    last = child(folder)
    out, _ = last.communicate(timeout=100)
    assert out.splitlines()[-1] == "finished"
    library = open_library(folder)
    check_whole(library, pictures)
    (space,) = library._records.spaces()
    assert space.role is None
    new = [expected(library.search(picture(number), "Thumb", top_k=5)) for number in range(0, PICTURES, 9)]
    assert all(one != other for one, other in zip(old, new, strict=True))
    library.close()


def check_whole(library, pictures):
    records, index = library._records, library._index
    assert everything(records) == pictures
    for number in range(0, PICTURES, 7):
        assert expected(library.search(picture(number), "Thumb", top_k=1)) == [(number, 1.0)]
    for space in records.spaces():
        assert not any(map(len, differences(records, index, space)))
    assert not records.in_state(State.REMOVING)


def test_a_run_goes_on_where_the_last_one_was_killed(filled, tmp_path):
    folder = shutil.copytree(filled, tmp_path / "library")
    said = kill_after(folder, 6, 0)
    done = int(said[-1].split()[1])
    records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
    embedded = Switching(records).embed().embedded
    assert embedded <= PICTURES - done < PICTURES
    records.close()
