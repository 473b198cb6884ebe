"""`copy`, `export`, `restore`: a library's records and vectors to another place, without models and pictures."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import check_there, opened_stores, read_settings
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.interchange import Manifest
    from search_by_image.settings import Settings
    from search_by_image.transfer import SpaceReport

COPY_EXAMPLES = """\
Example:

search-by-image copy --from conf/server.xml --to conf/milvus.xml
"""
EXPORT_EXAMPLES = """\
Example:

search-by-image export backup/2026-11-22
"""
RESTORE_EXAMPLES = """\
Example:

search-by-image restore backup/2026-11-22 --config conf/new.xml
"""
CONTINUES = "Stopped. What was copied is kept; the same command continues where it stopped."
UNFINISHED = "Stopped. The export is not finished; empty its folder before you export into it again."

From = Annotated[Path, typer.Option("--from", metavar="FILE", help="The settings of the library that is copied.")]
To = Annotated[Path, typer.Option("--to", metavar="FILE", help="The settings of the library that it is copied to.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the export.")]


def copy(
    *,
    source: From,
    target: To,
    output: options.OutputFormat = Format.TABLE,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Copy a library to other stores.

    Ids stay the same; the source is only read. A copy that was stopped goes on where it stopped. At the end the counts
    are compared, and what both libraries find for a sample of the vectors.
    """
    from search_by_image.pairs import left_behind
    from search_by_image.transfer import Transfer, check_apart, search_of

    given, wanted = (read_settings(path, config_encoding, debug) for path in (source, target))
    check_apart(given, wanted)
    check_there(given)
    with (
        counted("Copying", CONTINUES) as show,
        opened_stores(given) as (old_records, old_index),
        opened_stores(wanted) as (records, index),
    ):
        transfer = Transfer(
            old_records,
            search_of(old_records, old_index),
            records,
            index,
            app_name=wanted.search_config.app_name,
        )
        reports = transfer.run(lambda progress: show(progress.done, progress.total))
        staying = left_behind(old_records.spaces(), old_records.ids)
    _conclude(reports, wanted, output)
    say("\n".join(staying))


def export(
    *,
    folder: Folder,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Write the library into a new folder of open files.

    JSON Lines of the records and a NumPy matrix of the vectors, described in docs/moving.md. The service may run
    meanwhile.
    """
    from search_by_image.cli.logs import log_for_command
    from search_by_image.interchange import export as write
    from search_by_image.pairs import left_behind
    from search_by_image.stores import open_records

    settings = read_settings(config, config_encoding, debug)
    check_there(settings)
    log_for_command(settings)
    with counted("Exporting", UNFINISHED) as show, closing(open_records(settings)) as records:
        manifest = write(records, folder.absolute(), lambda progress: show(progress.done, progress.total))
        staying = left_behind(records.spaces(), records.ids)
    _print_manifest(manifest, folder, output)
    say("\n".join(staying))


def restore(
    *,
    folder: Folder,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Fill a library from an export.

    Ids stay the same. A run that was stopped goes on where it stopped. At the end the counts are compared, and what the
    library finds for a sample of the vectors with an exact search of the export.
    """
    from search_by_image.exported import ExportedLibrary
    from search_by_image.transfer import Transfer

    settings = read_settings(config, config_encoding, debug)
    exported = ExportedLibrary(folder.absolute(), document_bytes=settings.limits.document_bytes)
    with counted("Restoring", CONTINUES) as show, opened_stores(settings) as (records, index):
        transfer = Transfer(exported, exported.search, records, index, app_name=settings.search_config.app_name)
        reports = transfer.run(lambda progress: show(progress.done, progress.total))
    _conclude(reports, settings, output)


def _conclude(reports: Sequence["SpaceReport"], settings: "Settings", output: Format) -> None:
    problems = [problem for report in reports for problem in report.problems()]
    if output is Format.JSON:
        print_json({"ok": not problems, "spaces": [asdict(report) for report in reports], "problems": problems})
    else:
        columns = ["collection", "pipeline", "pictures", "copied", "recorded", "indexed", "overlap"]
        print_table(columns, [[getattr(report, column) for column in columns] for report in reports])
    for name in sorted({report.pipeline for report in reports} - set(settings.pipeline.pipeline_config)):
        say(f"The target's settings have no pipeline {name!r}. Take it over from the source, to search its pictures.")
    if not reports:
        say("There were no pictures in it.")
    if problems:
        say("\n".join(problems))
        raise typer.Exit(ExitCode.FAILED)


def _print_manifest(manifest: "Manifest", folder: Path, output: Format) -> None:
    columns = ["collection", "pipeline", "count", "dimension", "metric", "records", "vectors"]
    spaces = [{column: getattr(space, column) for column in columns} for space in manifest.spaces]
    if output is Format.JSON:
        total = sum(space.count for space in manifest.spaces)
        print_json({"folder": str(folder.absolute()), "pictures": total, "spaces": spaces})
    else:
        print_table(columns, [list(space.values()) for space in spaces])
