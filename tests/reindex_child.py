"""Builds an index anew, and says on standard output each step that is done: progress, then the steps by their names."""

import sys
from pathlib import Path

from cheap_library import open_library
from search_by_image import reconciling
from search_by_image.reindexing import Reindex
from search_by_image.vectors.base import Metric

STEPS = ("_catch_up", "_accepted", "_switch", "_told", "_drop_others")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def telling(step: str):
    real = getattr(Reindex, step)

    def told(self, *args):
        done = real(self, *args)
        say(step)
        return done

    return told


def main(folder: Path) -> None:
    reconciling.REPLAY_BATCH = 20
    for step in STEPS:
        setattr(Reindex, step, telling(step))
    library = open_library(folder, snapshot_every=15)
    library.reindexing.run(library.spaces()[0], Metric.L2, on_progress=say)
    library.close()
    say("closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
