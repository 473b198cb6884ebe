"""The process that is killed: imports, removes and searches without end, and says each step on standard output.

`@ 0` the stores are being opened, `+ N` picture N is acknowledged, `? N` its removal begins, `- N` its removal is
acknowledged, `! N` a search did not find it.
"""

import json
import os
import random
import sys
import threading
from dataclasses import dataclass, field

from faults.pairs import open_library
from faults.pictures import PIPELINE, picture
from search_by_image.engine import SearchEngine

THREADS = 2
NUMBERS_A_THREAD = 50_000
NUMBERS_A_PROCESS = THREADS * NUMBERS_A_THREAD
SHARE = 0.3


def main(overrides: str, first: int) -> None:
    threading.excepthook = _end
    say("@", 0)
    with open_library(json.loads(overrides)) as engine:
        threads = [
            threading.Thread(target=Work(engine, first + part * NUMBERS_A_THREAD).run, daemon=True)
            for part in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def say(mark: str, number: int) -> None:
    os.write(1, f"{mark} {number}\n".encode())


@dataclass
class Work:
    engine: SearchEngine
    number: int
    alive: list[int] = field(default_factory=list)

    def run(self) -> None:
        dice = random.Random(self.number)
        while True:
            self._import(dice.choice((1, 1, 1, 5)))
            if dice.random() < SHARE:
                self._remove(self.alive.pop(dice.randrange(len(self.alive))))
            if self.alive and dice.random() < SHARE:
                self._search(dice.choice(self.alive))

    def _import(self, count: int) -> None:
        batch = range(self.number, self.number + count)
        self.number += count
        library = self.engine.library
        library.add_many([library.prepare(picture(number), {"id": number}, PIPELINE) for number in batch])
        self.alive += batch
        for number in batch:
            say("+", number)

    def _remove(self, number: int) -> None:
        say("?", number)
        self.engine.remove_images("id", number)
        say("-", number)

    def _search(self, number: int) -> None:
        found = [hit["id"] for hit in self.engine.search(picture(number), PIPELINE)]
        if found[:1] != [number]:
            say("!", number)


def _end(failure: threading.ExceptHookArgs) -> None:
    """A failure in one thread ends the process; the parent shows it."""
    threading.__excepthook__(failure)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
