"""Works on the jobs of a library until they have ended, or until it is killed; a grey picture kills it."""

import os
import signal
import sys
import time
from pathlib import Path

import cheap_library
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions

BATCH = 8


class Deadly(cheap_library.Thumbnail):
    def process(self, image, context):
        time.sleep(0.003)
        if len(image.getcolors(100_000)) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().process(image, context)


def options(folder: Path) -> JobOptions:
    return JobOptions(folder / "spool", alone=True, batch=BATCH, poll=0.02, lease=1.0, threads=2)


def main(folder: Path) -> None:
    Deadly.__name__ = "Thumbnail"
    cheap_library.Thumbnail = Deadly
    library = cheap_library.open_library(folder / "library")
    with UrlFetcher(FetchSettings()) as fetcher, Jobs(library, fetcher, options(folder)) as jobs:
        while not all(job.state.has_ended for job in jobs.newest(lambda _: True, limit=10)):
            for job in jobs.newest(lambda _: True, limit=1):
                sys.stdout.write(f"{job.counts.done}\n")
                sys.stdout.flush()
            time.sleep(0.01)
    library.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
