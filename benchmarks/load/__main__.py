"""`python -m benchmarks.load [FILE] [--seconds N]`: the service under load; with FILE also as Markdown.

32 callers search with uploads of their own while two import, the service being a process of its own on embedded
stores, with the photos and the pipeline of `make demo`. Exit status 1 when a call failed, or an import was lost.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.end_to_end import PIPELINE
from benchmarks.inference import pixels_of, pure
from benchmarks.load.plan import Plan
from benchmarks.load.run import LoadRun, failures
from benchmarks.load.tables import report_of
from benchmarks.measure import rates
from benchmarks.photos import demo_photos, photo_folder

BOUND_PHOTOS = 300


def pure_inference() -> float:
    (rate,) = rates([pure(pixels_of(demo_photos(BOUND_PHOTOS)))])
    return rate


def main(report: Path | None, seconds: float, window: float) -> bool:
    """Whether nothing failed."""
    plan = Plan(photo_folder(), PIPELINE, "images", pure_inference, seconds=seconds, window=window)
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        measured = LoadRun(plan, Path(folder)).run()
    text = report_of(measured)
    print(text)
    if report is not None:
        report.write_text(text, encoding="utf-8")
    found = Counter(failures(measured))
    for failure, times in found.most_common():
        print(f"{times} x {failure}", file=sys.stderr)
    return not found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("report", nargs="?", type=Path, help="where the tables are written as Markdown")
    parser.add_argument("--seconds", type=float, default=600.0, help="of the load; default: %(default)s")
    parser.add_argument("--window", type=float, default=30.0, help="of each other measurement; default: %(default)s")
    given = parser.parse_args()
    sys.exit(not main(given.report, given.seconds, given.window))
