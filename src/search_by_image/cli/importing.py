"""`import`: a folder of pictures into the library."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_place
from search_by_image.cli.output import Format, pictures, print_json, print_table, say
from search_by_image.cli.places.base import Folder
from search_by_image.cli.progress import import_progress

if TYPE_CHECKING:
    from search_by_image.folder_import import ImportSummary

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
    *,
    path: PicturePath,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    encoding: DocumentEncoding = "utf-8",
    report: Report = REPORT,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Import a folder of pictures.

    A picture's document is the .json file of the same name beside it; without one it is made from the path. Pictures
    that are there already are skipped, so that the same command can be run again at any time.
    """
    folder = Folder(path, pipeline, _checked(collection), encoding, report.absolute())
    with opened_place(server, key, config, config_encoding, debug) as place, import_progress() as show:
        summary = place.import_folder(folder, show)
    print_summary(summary, output)
    if summary.failed:
        say(f"{pictures(summary.failed)} failed; why is in {summary.report}")
        raise typer.Exit(ExitCode.SOME_FAILED)


def _checked(name: str) -> str:
    from search_by_image.settings import check_collection_name

    return check_collection_name(name) if name else ""


def print_summary(summary: "ImportSummary", output: Format) -> None:
    counts = {"imported": summary.imported, "skipped": summary.skipped, "failed": summary.failed}
    if not sum(counts.values()):
        say("There are no pictures in it.")
    times = {"seconds": round(summary.seconds, 3), "images_per_second": round(summary.images_per_second, 1)}
    if output is Format.JSON:
        print_json(counts | times | {"report": str(summary.report) if summary.report else None})
    else:
        print_table([*counts, "seconds", "images/s"], [[*counts.values(), *map(str, times.values())]])
