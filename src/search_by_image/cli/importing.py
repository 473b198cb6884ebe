"""`import`: a folder of pictures into the library."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_engine, pipeline_of, read_settings
from search_by_image.cli.output import Format, print_json, print_table, say

if TYPE_CHECKING:
    from search_by_image.engine import SearchEngine
    from search_by_image.folder_import import ImportSummary, Progress

EXAMPLES = """\
Examples:

search-by-image import ~/Pictures

search-by-image import photos/cats --collection cats --report failed.jsonl --format json
"""
REPORT = Path("import-failures.jsonl")
PicturePath = Annotated[
    Path, typer.Argument(metavar="PATH", exists=True, help="A folder with pictures at any depth, or one picture.")
]
Collection = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="Where to; without it the document's own 'collection', else the pipeline's or the default."
    ),
]
DocumentEncoding = Annotated[
    str,
    typer.Option(
        metavar="NAME", callback=options.check_encoding, help="The encoding of the .json documents beside the pictures."
    ),
]
Report = Annotated[Path, typer.Option(metavar="FILE", help="Where pictures that failed are listed, as JSON Lines.")]


def import_(
    path: PicturePath,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    encoding: DocumentEncoding = "utf-8",
    report: Report = REPORT,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Import a folder of pictures. Pictures that are there already are skipped, so it can be run again at any time.

    A picture's document is the .json file of the same name beside it; without one it is made from the path.
    """
    settings = read_settings(config, config_encoding, debug)
    _check_collection(collection)
    with opened_engine(settings, maintain=True) as engine:
        summary = _import(engine, path, pipeline_of(settings, pipeline), encoding, collection, report)
    print_summary(summary, output)
    if summary.failed:
        say(f"{summary.failed} pictures failed; why is in {summary.report}")
        raise typer.Exit(ExitCode.SOME_FAILED)


def _check_collection(name: str) -> None:
    from search_by_image.settings import check_collection_name

    if name:
        check_collection_name(name)


def _import(
    engine: "SearchEngine", path: Path, pipeline: str, encoding: str, collection: str, report: Path
) -> "ImportSummary":
    try:
        with import_progress() as show:
            return engine.import_images(
                path, pipeline, encoding, collection=collection, report=report.absolute(), on_progress=show
            )
    except KeyboardInterrupt:
        say("Stopped. What was imported is saved; the same command continues where it stopped.")
        raise


@contextmanager
def import_progress() -> Iterator[Callable[["Progress"], None]]:
    """A bar on stderr with pictures a second."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    rate = TextColumn("{task.fields[rate]:.1f} images/s")
    failed = TextColumn("{task.fields[failed]} failed")
    console = Console(stderr=True)
    with Bars(
        TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), rate, failed, TimeRemainingColumn(), console=console
    ) as bars:
        task = bars.add_task("import", total=None, rate=0.0, failed=0)

        def show(progress: "Progress") -> None:
            rate = bars.tasks[task].speed or 0.0
            bars.update(task, total=progress.total, completed=progress.done, rate=rate, failed=progress.failed)

        yield show


def print_summary(summary: "ImportSummary", output: Format) -> None:
    counts = {"imported": summary.imported, "skipped": summary.skipped, "failed": summary.failed}
    if not sum(counts.values()):
        say("There are no pictures in it.")
    times = {"seconds": round(summary.seconds, 3), "images_per_second": round(summary.images_per_second, 1)}
    if output is Format.JSON:
        print_json(counts | times | {"report": str(summary.report) if summary.report else None})
    else:
        print_table([*counts, "seconds", "images/s"], [[*counts.values(), *times.values()]])
