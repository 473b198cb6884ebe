"""`check`, `reindex`: whether a library's two stores agree, and a vector index built anew. Without models."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search_by_image.cli import options
from search_by_image.cli.embedding import Wish, embed
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import check_there, opened_stores, read_settings
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.checking import Check, Checker, SpaceCheck
    from search_by_image.records.base import RecordStore, SpaceRecord
    from search_by_image.reindexing import Reindexed
    from search_by_image.settings import Settings
    from search_by_image.vectors.base import Metric, VectorIndex

CHECK_EXAMPLES = """\
Examples:

search-by-image check

search-by-image check --all --repair
"""
REINDEX_EXAMPLES = """\
Examples:

search-by-image reindex

search-by-image reindex --collection cats --metric L2

search-by-image reindex --model dinov2-small --folder /srv/photos
"""
CHECKING_STOPPED = "Stopped. Nothing was changed."
MENDING_STOPPED = "Stopped. What was mended stays mended."
REINDEXING_STOPPED = "Stopped. Searches go on with a whole index; the same command continues where it stopped."

Repair = Annotated[bool, typer.Option("--repair", help="Mend what differs; without it nothing is written.")]
Sample = Annotated[int, typer.Option(metavar="N", min=0, help="How many vectors of each collection are searched for.")]
All = Annotated[bool, typer.Option("--all", help="Search for all vectors.")]
Collection = Annotated[str, typer.Option(metavar="NAME", help="Of this collection only.")]
Pipeline = Annotated[str, typer.Option("--pipeline", "-p", metavar="NAME", help="Of this pipeline only.")]


class MetricName(StrEnum):
    """As in `Metric`, which comes with NumPy."""

    L2 = "L2"
    IP = "IP"
    COSINE = "COSINE"
    HAMMING = "HAMMING"
    JACCARD = "JACCARD"


NewMetric = Annotated[
    MetricName | None,
    typer.Option("--metric", case_sensitive=False, help="The metric from now on; without it as it is."),
]
Model = Annotated[str, typer.Option(metavar="NAME", help="Give every picture a vector of this model, too.")]
Processors = Annotated[
    str,
    typer.Option(
        metavar="JSON",
        help="The same with other processors in the place of some: "
        """'{"EfficientNetLite0": {"processor": "MyModel", "para": {}}}'.""",
    ),
]
AsConfigured = Annotated[
    bool, typer.Option("--as-configured", help="The same by the pipeline as the settings have it now.")
]
PictureFolders = Annotated[
    list[Path] | None,
    typer.Option("--folder", metavar="DIR", help="Where the files are that documents name; give it again for more."),
]
BaseUrl = Annotated[str, typer.Option(metavar="URL", help="What relative URLs in documents are below.")]
PathField = Annotated[str, typer.Option(metavar="NAME", help="The field of documents that names the file.")]
UrlField = Annotated[str, typer.Option(metavar="NAME", help="The field of documents that holds the URL.")]
Source = Annotated[
    str,
    typer.Option(metavar="NAME", help="A plug-in that makes a picture's bytes of its document: module:function."),
]
AcceptChanged = Annotated[
    bool, typer.Option("--accept-changed", help="Also pictures whose bytes are not those that were imported.")
]
Report = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write every picture that failed to this file, as JSON Lines.")
]


def check(
    *,
    repair: Repair = False,
    sample: Sample = 1000,
    all_: All = False,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Compare the two stores of the library.

    Which pictures each has, what was left half done, and whether the index finds recorded vectors. Exit code 1 when
    something differs.
    """
    settings = read_settings(config, config_encoding, debug)
    check_there(settings)
    with opened_stores(settings) as (records, index):
        checker = _checker(settings, records, index, None if all_ else sample)
        with counted("Checking", CHECKING_STOPPED) as show:
            found = last = checker.run(show)
        if repair and found.problems():
            with counted("Mending", MENDING_STOPPED) as show:
                checker.repair(found)
                last = checker.run(show)
    _conclude_check(found, last, output)


def reindex(
    *,
    collection: Collection = "",
    pipeline: Pipeline = "",
    metric: NewMetric = None,
    model: Model = "",
    processors: Processors = "",
    as_configured: AsConfigured = False,
    folder: PictureFolders = None,
    base_url: BaseUrl = "",
    path_field: PathField = "path",
    url_field: UrlField = "url",
    source: Source = "",
    accept_changed: AcceptChanged = False,
    report: Report = None,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Build vector indexes anew, as the settings want them, from the recorded vectors.

    Beside the old ones, which are searched until the new ones are filled and found good. On server stores the service
    may run meanwhile.

    With `--model`, `--processors` or `--as-configured`, every picture is read again and gets a vector of another model,
    too, beside the one that serves; the service may run meanwhile, on any stores. To search with it: `switch promote`.
    """
    wish = Wish(
        model=model,
        processors=processors,
        as_configured=as_configured,
        folders=tuple(folder or ()),
        base_url=base_url,
        path_field=path_field,
        url_field=url_field,
        source=source,
        accept_changed=accept_changed,
        report=report,
    )
    if wish.is_of_a_model:
        embed(read_settings(config, config_encoding, debug), wish, collection, pipeline, output)
    else:
        _build_anew(read_settings(config, config_encoding, debug), collection, pipeline, metric, output)


def _build_anew(
    settings: "Settings", collection: str, pipeline: str, metric: MetricName | None, output: Format
) -> None:
    from search_by_image.indexed import IndexedSpaces
    from search_by_image.reindexing import Reindex
    from search_by_image.vectors.base import Metric

    check_there(settings)
    wanted = None if metric is None else Metric(metric)
    with opened_stores(settings) as (records, index):
        spaces = _chosen(records, collection, pipeline, wanted)
        work = Reindex(records, index, IndexedSpaces(records, index))
        done = []
        for space in spaces:
            with counted(f"Reindexing {space.collection}", REINDEXING_STOPPED) as show:
                done.append(work.run(space, wanted, grace=_grace(settings), on_progress=show))
    _conclude_reindex(done, output)


def _checker(settings: "Settings", records: "RecordStore", index: "VectorIndex", sample: int | None) -> "Checker":
    """Nobody else has embedded stores open: what is half done there, nobody works on any more."""
    from search_by_image.checking import Checker

    alone: dict[str, Any] = {} if settings.uses_milvus else {"pause": 0.0, "stuck_after_ms": 0}
    return Checker(records, index, app_name=settings.search_config.app_name, sample=sample, **alone)


def _conclude_check(found: "Check", last: "Check", output: Format) -> None:
    problems = last.problems()
    mended = [problem for problem in found.problems() if problem not in problems]
    rows = list(map(_flat, last.spaces))
    if output is Format.JSON:
        told = {"spaces": rows, "unnamed": last.unnamed, "spaceless": last.spaceless}
        print_json({"ok": not problems, **told, "problems": problems, "mended": mended})
    else:
        counts = ["recorded", "indexed", "missing", "surplus", "pending", "removing", "sampled"]
        head = ["collection", "pipeline", *counts, "wrong", "unreached"]
        cells = [[*map(row.get, head[:-2]), len(row["wrong"]), row["unreached"]] for row in rows]
        print_table(head, cells)
    _say_all("Mended: {}", mended)
    _say_all("The index keeps {!r}, which no record names: left by a reindex or clear that was stopped.", last.unnamed)
    _fail_for(problems)


def _chosen(records: "RecordStore", collection: str, pipeline: str, metric: "Metric | None") -> list["SpaceRecord"]:
    """Raises `InvalidInputError` when there are none, or the metric does not go with one's vectors."""
    from search_by_image.errors import InvalidInputError
    from search_by_image.reindexing import check_metric

    spaces = records.spaces()
    chosen = [one for one in spaces if collection in ("", one.collection) and pipeline in ("", one.pipeline)]
    if not chosen:
        known = "; ".join(f"{space.collection} ({space.pipeline})" for space in spaces) or "none"
        raise InvalidInputError(f"There are no such pictures. Collections, with their pipelines: {known}.")
    for space in chosen:
        check_metric(space, metric or space.indexed.metric)
    return chosen


def _grace(settings: "Settings") -> float:
    """Each worker looks at the records once in a round of its maintenance."""
    return 2 * settings.maintenance.interval if settings.uses_milvus else 0.0


def _conclude_reindex(done: Sequence["Reindexed"], output: Format) -> None:
    rows = list(map(_flat, done))
    if output is Format.JSON:
        print_json({"spaces": rows})
    else:
        head = ["collection", "pipeline", "metric", "kind", "pictures", "indexed", "sampled", "unreached", "place"]
        print_table(head, [list(map(row.get, head)) for row in rows])


def _flat(report: "SpaceCheck | Reindexed") -> dict[str, Any]:
    row = asdict(report)
    searched: dict[str, Any] = row.pop("searched")
    return row | searched


def _say_all(text: str, values: Sequence[str]) -> None:
    for value in values:
        say(text.format(value))


def _fail_for(problems: Sequence[str]) -> None:
    if problems:
        say("\n".join(problems))
        raise typer.Exit(ExitCode.FAILED)
