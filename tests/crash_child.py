"""Imports and removes in a loop, and says each step on standard output, until it is killed.

`* ID ...` an import of these at once begins, `+ ID` picture acknowledged, `? ID` its removal begins, `- ID` its
removal is acknowledged.
"""

import random
import sys
from pathlib import Path

from cheap_library import open_library, picture
from search_by_image.filters import In
from search_by_image.maintenance import Maintenance
from search_by_image.records.base import Match


def say(mark: str, *numbers: int) -> None:
    sys.stdout.write(f"{mark} {' '.join(map(str, numbers))}\n")
    sys.stdout.flush()


def main(folder: Path, first: int) -> None:
    library = open_library(folder, snapshot_every=15)
    Maintenance(library, 0.02)
    dice = random.Random(first)
    alive = []
    number = first
    while True:
        count = dice.choice((1, 1, 1, 5))
        batch = range(number, number + count)
        number += count
        prepared = [library.prepare(picture(n), {"id": n}, "Thumb") for n in batch]
        say("*", *batch)
        library.add_many(prepared)
        for n in batch:
            say("+", n)
            alive.append(n)
        if dice.random() < 0.3:
            gone = alive.pop(dice.randrange(len(alive)))
            say("?", gone)
            library.remove(Match(In("id", (gone,))))
            say("-", gone)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
