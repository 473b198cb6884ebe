"""`reindex --model`: every picture embedded by another model, beside the one that serves.

It works on the record store alone: services may run meanwhile, and follow.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import opened_records
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.cli.progress import embedding_progress
from search_by_image.cli.switching import each, refuse, switching

if TYPE_CHECKING:
    from search_by_image.records.base import RecordStore, SpaceRecord
    from search_by_image.reembedding import Embedded
    from search_by_image.settings import Settings
    from search_by_image.switching import Switch


@dataclass(frozen=True, slots=True)
class Wish:
    """What `reindex` was asked for beyond an index built anew: a model, in one of three ways; where pictures are."""

    model: str = ""
    processors: str = ""
    as_configured: bool = False
    folders: Sequence[Path] = ()
    base_url: str = ""
    path_field: str = "path"
    url_field: str = "url"
    source: str = ""
    accept_changed: bool = False
    report: Path | None = None

    @property
    def is_of_a_model(self) -> bool:
        ways = sum(map(bool, (self.model, self.processors, self.as_configured)))
        if ways > 1:
            raise typer.BadParameter("Give one of --model, --processors and --as-configured.")
        return ways == 1


def embed(settings: "Settings", wish: Wish, collection: str, pipeline: str, output: Format) -> None:
    """Every picture of the collections and pipelines gets a vector of the wanted model as well."""
    from search_by_image.model_overlap import neighbour_overlap
    from search_by_image.switching import chosen_switches

    with opened_records(settings) as records, _embedding(settings, records, wish) as work:
        rows: list[dict[str, Any]] = []

        def embedded(switch: "Switch") -> None:
            if switch.own is not None:
                own, new, done = work(switch.own)
                rows.append(_told(own, new, done) | {"overlap": neighbour_overlap(records, own, new)})

        unfit = each(chosen_switches(records, collection, pipeline), embedded)
    incomplete = any(row["missing"] for row in rows)
    if rows:
        _show(rows, output, ok=not incomplete and not unfit)
    refuse(unfit)
    _conclude(incomplete)


@contextmanager
def _embedding(
    settings: "Settings", records: "RecordStore", wish: Wish
) -> "Iterator[Callable[[SpaceRecord], tuple[SpaceRecord, SpaceRecord, Embedded]]]":
    from search_by_image.assembly import (
        image_limits,
        open_extractor,
        open_fetcher,
        open_registry,
        open_workshop,
        worker_count,
    )
    from search_by_image.new_model import NewModel
    from search_by_image.picture_sources import DocumentSource, plugged_in
    from search_by_image.reembedding import FailureReport, Reembedding

    workshop = open_workshop(settings, open_registry(settings))
    extractor = open_extractor(settings, workshop)
    models = NewModel(extractor.pipelines, workshop.remade)
    with (
        open_fetcher(settings) as fetcher,
        embedding_progress() as show,
        FailureReport(wish.report) if wish.report else nullcontext() as report,
    ):
        own = DocumentSource(
            wish.folders, image_limits(settings), fetcher.fetch, wish.base_url, wish.path_field, wish.url_field
        )
        work = Reembedding(
            records,
            extractor,
            plugged_in(wish.source) if wish.source else own,
            threads=min(worker_count(settings), settings.fetch.at_once),
            batch=settings.limits.batch,
            accept_changed=wish.accept_changed,
            report=report,
            on_progress=show,
        )

        def embedded(space: "SpaceRecord") -> "tuple[SpaceRecord, SpaceRecord, Embedded]":
            wanted, variant = models.wanted(space, wish.model, wish.processors)
            metric = wanted.metric or settings.milvus.metric_type
            dimension = work.dimension(space, wanted)
            new = switching(settings, records).begin(space, wanted, variant, dimension, metric)
            return space, new, work.run(space, new, wanted)

        yield embedded


def _told(own: "SpaceRecord", new: "SpaceRecord", done: "Embedded") -> dict[str, Any]:
    from search_by_image.variant import model_of

    return {
        "collection": own.collection,
        "pipeline": own.pipeline,
        "model": model_of(new) or "as configured",
        "dimension": new.dimension,
        "pictures": done.pictures,
        "embedded": done.embedded,
        "failed": done.failed,
        "missing": done.missing,
        "images_per_second": round(done.images_per_second, 1),
        "report": None if done.report is None else str(done.report),
        "failures": [asdict(failure) for failure in done.failures],
    }


def _show(rows: list[dict[str, Any]], output: Format, *, ok: bool) -> None:
    if output is Format.JSON:
        print_json({"ok": ok, "collections": rows})
    else:
        head = ["collection", "pipeline", "model", "pictures", "embedded", "failed", "images_per_second", "overlap"]
        print_table(head, [list(map(row.get, head)) for row in rows])
    for failure in [failure for row in rows for failure in row["failures"]]:
        say(f"{failure['name'] or failure['id']}: {failure['message']}")


def _conclude(incomplete: bool) -> None:
    if incomplete:
        say("Some pictures have no vector of the new model; the same command tries these again.")
        raise typer.Exit(ExitCode.FAILED)
    say("Every picture has a vector of the new model. To search with it: search-by-image switch promote")
