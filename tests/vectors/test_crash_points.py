"""A snapshot cut off at each of its file operations in turn: the store opens with all of the old or all of the new."""

import shutil
import sys

import numpy as np
import pytest

from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from vectors.stores import opened

SPACE = Space("pictures", 8, Metric.L2)
OPERATIONS = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}


class CutOffError(BaseException):
    """Not an `Exception`: nothing may handle it, as nothing handles a kill."""


class Cutter:
    """Raises at the n-th file operation below a path. An audit hook cannot be removed, so it can be switched off."""

    def __init__(self):
        self.left = None
        self.path = None
        sys.addaudithook(self._on_event)

    def _on_event(self, event, arguments):
        if self.left is None or event not in OPERATIONS or not str(arguments[0]).startswith(self.path):
            return
        if self.left == 0:
            raise CutOffError(event)
        self.left -= 1

    def run(self, path, operations, act):
        """Say whether `act` came to its end within so many operations."""
        self.path, self.left = str(path), operations
        try:
            act()
        except CutOffError:
            return False
        finally:
            self.left = None
        return True


@pytest.fixture(scope="module")
def cutter():
    return Cutter()


def test_every_cut_leaves_all_of_the_old_or_all_of_the_new(tmp_path, kind, cutter, caplog):
    vectors = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    with opened(tmp_path / "before", SPACE, kind=kind, exact_below=300) as index:
        index.upsert("pictures", np.arange(400), vectors[:400])
        index.maintain()
    cuts, seen = 0, []
    while not seen or not seen[-1][1]:
        path = tmp_path / f"cut{cuts}"
        shutil.copytree(tmp_path / "before", path)
        index = EmbeddedIndex(EmbeddedSettings(path, kind=kind, exact_below=300, snapshot_every=1))
        index.open_space(SPACE)
        index.upsert("pictures", np.arange(400, 500), vectors[400:])
        index.delete("pictures", np.arange(10))
        finished = cutter.run(path, cuts, index.maintain)
        index._lock.release()
        with opened(path, SPACE, kind=kind, exact_below=300) as again:
            seen.append((again.ids("pictures").tolist(), finished))
            assert again.search("pictures", vectors[42], 1)[0].id == 42
        shutil.rmtree(path)
        cuts += 1
    old, new = list(range(400)), list(range(10, 500))
    assert caplog.text == ""
    assert all(ids in (old, new) for ids, _ in seen)
    assert (seen[0][0], seen[-1][0]) == (old, new)
    assert [ids for ids, _ in seen] == sorted((ids for ids, _ in seen), key=lambda ids: ids == new)
    assert cuts > 10
