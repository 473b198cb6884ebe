"""Embeds a library's pictures by another model, promotes that and ends the switch, and says each step that is done."""

import sys
from pathlib import Path

from search_by_image import switching
from search_by_image.records.sql import SqlRecordStore
from switched_library import Switching


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    """In small portions, so that there is much in between."""
    switching.AT_ONCE = 8
    steps = Switching(SqlRecordStore(f"sqlite:///{folder / 'records.db'}"))
    if not is_finished(steps.now):
        if steps.now.own is not None:
            steps.embed(threads=2, batch=4, on_progress=lambda progress: say("embedded", progress.done))
            steps.promote()
            say("promoted")
        steps.finish(on_progress=lambda done, _: say("moved", done))
    say("finished")


def is_finished(now: switching.Switch) -> bool:
    return now.new is None and now.own is not None and now.own.variant is not None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
