"""Evaluates a folder, slowly, and says how far it is on standard output, until it is killed."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path

from quality.cheap_set import Counting, candidate, evaluator
from search_by_image.quality.evaluation import Options
from search_by_image.quality.sets import labelled_folder


@contextmanager
def watch(what):
    def show(done, total):
        sys.stdout.write(f"{what}: {done} of {total}\n")
        sys.stdout.flush()
        time.sleep(0.2 * what.startswith("Features"))

    yield show


if __name__ == "__main__":
    folder, cache = map(Path, sys.argv[1:])
    with evaluator(cache, watch=watch) as work:
        work.run(labelled_folder(folder), [candidate(Counting)], Options(copies=3))
