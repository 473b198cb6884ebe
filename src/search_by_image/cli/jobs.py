"""`jobs`: imports that a service does in the background."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_client
from search_by_image.cli.output import Format, pictures, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.client import Client, Job

START_EXAMPLES = """\
Examples:

search-by-image jobs start pictures.zip --collection pets --watch

search-by-image jobs start catalogue.csv --on-duplicate skip --webhook https://shop.example.com/imported
"""
LIST_EXAMPLES = """\
Example:

search-by-image jobs list --state running
"""
SHOW_EXAMPLES = """\
Example:

search-by-image jobs show 18f2a7c3d4e5f60718293 --errors
"""
WATCH_EXAMPLES = """\
Example:

search-by-image jobs watch 18f2a7c3d4e5f60718293
"""
CANCEL_EXAMPLES = """\
Example:

search-by-image jobs cancel 18f2a7c3d4e5f60718293
"""
NO_SERVER = "Import jobs are done by a service: name it with --server, or in SEARCH_BY_IMAGE_SERVER."
GOES_ON = "The job goes on at the service: search-by-image jobs watch {}"
SIGNED = "The webhook is signed with {}. It is not shown again."
COLUMNS = ("id", "collection", "state", "done", "total", "failed", "created")
Id = Annotated[str, typer.Argument(metavar="ID", help="The job's id, as jobs list shows it.")]
UploadFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, help="A zip of pictures, or a list: .ndjson, .jsonl, .csv, .json."
    ),
]
Collection = Annotated[str, typer.Option(metavar="NAME", help="Where to; without it the service's default.")]
OfCollection = Annotated[str | None, typer.Option("--collection", metavar="NAME", help="Of this collection only.")]
Kind = Annotated[
    Literal["ndjson", "csv", "zip", "json"] | None,
    typer.Option(help="What the file is; without it its suffix says so."),
]
OnDuplicate = Annotated[
    Literal["replace", "skip"], typer.Option(help="What becomes of a picture whose id there is already.")
]
Webhook = Annotated[str | None, typer.Option(metavar="URL", help="Where the end of the job is told to.")]
Watch = Annotated[bool, typer.Option("--watch", help="Wait for the end, with progress.")]
JobState = Annotated[
    Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"] | None,
    typer.Option(help="In this state only."),
]
Limit = Annotated[int, typer.Option(metavar="N", min=1, help="How many at most.")]
AllErrors = Annotated[bool, typer.Option("--errors", help="Show every failed item, not the first ten only.")]


def start(
    *,
    file: UploadFile,
    collection: Collection = "",
    pipeline: options.PipelineName = "",
    kind: Kind = None,
    on_duplicate: OnDuplicate = "replace",
    webhook: Webhook = None,
    watch: Watch = False,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    debug: options.Debug = False,
) -> None:
    """Send a file of many pictures to a service, which imports them in the background.

    It is on the service's disk when this returns; whatever happens then, each picture will be there once.
    """
    with _client(server, key, debug) as client:
        job = client.start_import(
            collection or client.info().default_collection,
            file,
            format=kind,
            pipeline=pipeline or None,
            on_duplicate=on_duplicate,
            webhook=webhook,
        )
        if job.webhook and job.webhook.secret:
            say(SIGNED.format(job.webhook.secret))
        if watch:
            _watch(client, job.id, output)
        else:
            _print_job(job, output)


def list_(
    *,
    collection: OfCollection = None,
    state: JobState = None,
    limit: Limit = 20,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    debug: options.Debug = False,
) -> None:
    """List the import jobs of the last days, the latest first."""
    with _client(server, key, debug) as client:
        found = client.job_page(collection=collection, state=state, limit=limit).jobs
    if output is Format.JSON:
        print_json({"jobs": [job.model_dump(mode="json") for job in found]})
    elif found:
        print_table(COLUMNS, [_row(job) for job in found])
    else:
        say("There is no such import job.")


def show(
    *,
    id_: Id,
    errors: AllErrors = False,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    debug: options.Debug = False,
) -> None:
    """Show how far a job is, and which of its items failed."""
    with _client(server, key, debug) as client:
        job = client.job(id_)
        if errors:
            job = job.model_copy(update={"errors": list(client.job_errors(id_))})
    _print_job(job, output)


def watch(
    *,
    id_: Id,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    debug: options.Debug = False,
) -> None:
    """Wait for the end of a job, with progress; also while the service is started again."""
    with _client(server, key, debug) as client:
        _watch(client, id_, output)


def cancel(
    *,
    id_: Id,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    debug: options.Debug = False,
) -> None:
    """End a job soon. What it has imported stays; a job that has ended stays as it is."""
    with _client(server, key, debug) as client:
        _print_job(client.cancel_job(id_), output)


@contextmanager
def _client(server: str | None, key: str | None, debug: bool) -> Iterator["Client"]:
    if not server:
        raise typer.BadParameter(NO_SERVER)
    with opened_client(server, key, debug) as client:
        yield client


def _watch(client: "Client", id_: str, output: Format) -> None:
    with counted("Importing", GOES_ON.format(id_)) as show_count:
        job = client.wait_for_job(id_, on_progress=lambda now: show_count(now.done, now.total))
    _print_job(job, output)
    if job.state != "succeeded":
        raise typer.Exit(ExitCode.FAILED)
    if job.counts.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _print_job(job: "Job", output: Format) -> None:
    """On a terminal the failed items have a table of their own."""
    if output is Format.JSON:
        print_json(job.model_dump(mode="json"))
        return
    told = job.model_dump(mode="json", exclude={"webhook": {"secret"}})
    failed = told.pop("errors", [])
    print_table(["", ""], [[name, value] for name, value in (told | told.pop("counts")).items() if value is not None])
    if failed:
        say(f"{pictures(job.counts.failed)} failed, {len(failed)} shown:")
        print_table([*failed[0]], [[*one.values()] for one in failed])


def _row(job: "Job") -> list[Any]:
    created = job.created.isoformat(timespec="seconds")
    return [job.id, job.collection, job.state.value, job.done, job.total, job.counts.failed, created]
