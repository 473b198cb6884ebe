"""`evaluate`: how well pipelines find what belongs together, on pictures of the user's own."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search_by_image.cli import options
from search_by_image.cli.failures import ExitCode
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, pictures, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.quality.evaluation import Evaluation, Options, Result
    from search_by_image.quality.sets import Skipped
    from search_by_image.settings import Settings

EXAMPLES = """\
Examples:

search-by-image evaluate ~/labelled

search-by-image evaluate same.csv --model efficientnet-lite0 --processor PerceptualHash --html report.html
"""
SAID = 5
PictureSetPath = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER|CSV",
        exists=True,
        help="A folder with a folder of pictures for each label; or a .csv with the columns left,right[,same].",
    ),
]
Pipelines = Annotated[
    list[str] | None,
    typer.Option(
        "--pipeline", "-p", metavar="NAME", help="A configured pipeline; give it again for more, beside each other."
    ),
]
Processors = Annotated[
    list[str] | None,
    typer.Option(
        "--processor",
        metavar="NAME[:KEY=VALUE,...]",
        help="A processor alone, with settings beside the configured ones; give it again for more.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME[:KEY=VALUE,...]",
        help="An installed model alone (search-by-image models lists them); give it again for more.",
    ),
]
Ks = Annotated[list[int] | None, typer.Option("--k", metavar="N", min=1, help="Of precision@k and recall@k.")]
Precision = Annotated[
    float, typer.Option(metavar="SHARE", min=0, max=1, help="That the suggested match_score shall give.")
]
Copies = Annotated[int, typer.Option(metavar="N", min=0, help="How many pictures are edited in eight ways.")]
Pairs = Annotated[int, typer.Option(metavar="N", min=1, help="Pairs of each kind whose scores are measured, at most.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Chooses the pictures and pairs that are drawn.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything measured there.")]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page there, with plots and the worst failures.")
]
Failures = Annotated[int, typer.Option(metavar="N", min=0, help="How many failures of a kind the page shows.")]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="FOLDER", help="Where features are kept; else below models/cache_path."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute the features anew that are kept.")]


def evaluate(
    *,
    pictures: PictureSetPath,
    pipeline: Pipelines = None,
    processor: Processors = None,
    model: Models = None,
    k: Ks = None,
    precision: Precision = 0.95,
    copies: Copies = 200,
    pairs: Pairs = 200_000,
    seed: Seed = 0,
    json_file: JsonFile = None,
    html: HtmlFile = None,
    failures: Failures = 12,
    cache: Cache = None,
    fresh: Fresh = False,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Measure how well pipelines find what belongs together.

    Every picture is searched for among all the others, and by edited copies; the scores of pairs suggest a
    search_config/match_score. The library is neither read nor changed. After Ctrl-C the same command continues.
    """
    from search_by_image.quality.evaluation import Options

    settings = read_settings(config, config_encoding, debug)
    wanted = Options(tuple(sorted({*(k or (1, 5, 10))})), precision, copies, pairs, seed, fresh)
    _check_places(json_file, html)
    made = _evaluated(settings, pictures, (pipeline or (), processor or (), model or ()), wanted, cache)
    _write(settings, made, json_file, html, failures)
    _show(made, output)
    if made.pictures.skipped:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _check_places(*files: Path | None) -> None:
    """Before minutes are spent on what could then not be written."""
    for file in files:
        if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
            raise typer.BadParameter(f"{str(file)!r} cannot be written: give a file in a folder that exists.")


def _evaluated(
    settings: "Settings", path: Path, names: tuple[Sequence[str], ...], wanted: "Options", cache: Path | None
) -> "Evaluation":
    from search_by_image.assembly import image_limits, thread_count
    from search_by_image.cli.logs import log_for_command
    from search_by_image.quality.candidates import Wanted, candidates
    from search_by_image.quality.evaluation import Evaluator
    from search_by_image.quality.feature_cache import FeatureCache
    from search_by_image.quality.pairs import read_set

    log_for_command(settings)
    measured, chosen = read_set(path), candidates(settings, Wanted(*names))
    with FeatureCache(cache or settings.models.cache_path / "quality") as kept:
        watch = partial(counted, stopped=stopped(wanted.fresh))
        work = Evaluator(kept, image_limits(settings), thread_count(settings), settings.models.precision, watch)
        return work.run(measured, chosen, wanted)


def stopped(fresh: bool) -> str:
    """What Ctrl-C leaves. The same command would forget it where it says --fresh."""
    same = "the same command without --fresh" if fresh else "the same command"
    return f"Stopped. The features that were computed are kept; {same} continues where it stopped."


def _write(settings: "Settings", made: "Evaluation", json_file: Path | None, html: Path | None, failures: int) -> None:
    from search_by_image.assembly import image_limits
    from search_by_image.quality.document import document
    from search_by_image.quality.page import page

    if json_file:
        json_file.write_text(json.dumps(document(made), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if html:
        html.write_text(page(made, image_limits(settings), failures), encoding="utf-8")


def _show(made: "Evaluation", output: Format) -> None:
    from search_by_image.quality.document import document

    _tell(made.pictures.skipped)
    if output is Format.JSON:
        print_json(document(made))
        return
    ks = made.options.ks
    precisions, recalls = [f"precision@{k}" for k in ks], [f"recall@{k}" for k in ks if k > 1]
    costs = ["pictures/s", "bytes a vector", "memory"]
    print_table(["candidate", *precisions, "mAP", *recalls, "copies", *costs], map(_row, made.results))
    if any(result.copies.copies for result in made.results):
        edits = next(result.copies.recall for result in made.results if result.copies.copies)
        print_table(["recall@1 of copies", *edits], [[one.name, *_shares(one.copies.recall)] for one in made.results])
    print_table(["candidate", "wanted precision", "match_score", "precision", "recall"], _suggestions(made))


def _tell(skipped: Sequence["Skipped"]) -> None:
    for one in skipped[:SAID]:
        say(f"Left out: {one.path}: {one.reason}")
    if len(skipped) > SAID:
        say(f"{pictures(len(skipped))} left out in all; --json and --html list them.")


def _row(result: "Result") -> list[object]:
    measures, costs = result.measures, result.costs
    recalls = {k: recall for k, recall in measures.recall.items() if k > 1}
    shares = [*_shares(measures.precision), _share(measures.mean_average_precision), *_shares(recalls)]
    memory = "" if costs.memory is None else f"{costs.memory / 2**20:.0f} MB"
    speed = f"{costs.pictures_per_second:.1f}"
    return [result.name, *shares, _share(result.copies.recall_of_all), speed, result.bytes_a_vector, memory]


def _suggestions(made: "Evaluation") -> Iterator[list[object]]:
    for result in made.results:
        wanted = made.options.precision
        found = next((one for one in result.suggestions if one.wanted == wanted), None)
        if found is None:
            yield [result.name, wanted, "none: there are not both kinds of pairs", "", ""]
            continue
        score = "not reached" if found.match_score is None else f"{found.match_score:.6f}"
        yield [result.name, f"{wanted:g}", score, _share(found.precision), _share(found.recall)]


def _shares(values: Mapping[Any, float]) -> list[str]:
    return [_share(value) for value in values.values()]


def _share(value: float) -> str:
    """Empty for what could not be measured."""
    return f"{value:.3f}" if value == value else ""  # noqa: PLR0124 - NaN
