"""`models evaluate` and `models export`: what a training brought, and its model into use."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search_by_image.cli import options
from search_by_image.cli.models import Force, opened_store, use_of
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.cli.progress import counted

if TYPE_CHECKING:
    from search_by_image.settings import Settings
    from search_by_image.training.run_folder import RunFolder
    from search_by_image.training.session import Place, Trained
    from search_by_image.training.validation import Score

EVALUATE_EXAMPLES = """\
Example:

search-by-image models evaluate ~/runs/pets --model pets
"""
EXPORT_EXAMPLES = """\
Example:

search-by-image models export ~/runs/pets --name pets
"""
STOPPED = "Stopped. Nothing was exported; the training is kept."
BEFORE, AFTER = "before", "after"
COLUMNS = ("model", "recall@1", "mAP", "precision", "classes right")
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that models train was given as --out.")]
Others = Annotated[
    list[str] | None, typer.Option("--model", metavar="NAME", help="An installed model beside them; repeatable.")
]
Installed = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Install it under this name, as models add does.")
]
Target = Annotated[Path | None, typer.Option("--to", metavar="FOLDER", file_okay=False, help="Instead of RUN/export.")]


def evaluate(
    *,
    run: Run,
    model: Others = None,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Measure a training on its held-out pictures: the base, the best epoch, and installed models beside them."""
    place = opened_place(read_settings(config, config_encoding, debug))

    from search_by_image.training.run_folder import RunFolder

    found = dict(_scores(RunFolder(run), model or [], place))
    if output is Format.JSON:
        print_json({"models": {name: _without_nan(score.told()) for name, score in found.items()}})
        return
    print_table(COLUMNS, [[name, *_cells(score.told())] for name, score in found.items()])
    before, after, *_ = found.values()
    show_gain(before.told(), after.told(), "the best epoch")


def export(
    *,
    run: Run,
    name: Installed = None,
    to: Target = None,
    force: Force = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Write the best epoch as an OpenVINO graph with features and classes, and check it against PyTorch."""
    export_run(run, to, name, opened_place(read_settings(config, config_encoding, debug)), force)


def opened_place(settings: "Settings") -> "Place":
    """Raises `MissingDependencyError` where PyTorch is missing."""
    from search_by_image.training.packages import check_packages

    check_packages()

    from search_by_image.assembly import image_limits
    from search_by_image.training.session import Place

    return Place(opened_store(settings), image_limits(settings))


def export_run(run: Path, to: Path | None, name: str | None, place: "Place", force: bool) -> None:
    from search_by_image.training.exporting import export as export_trained
    from search_by_image.training.exporting import install
    from search_by_image.training.run_folder import RunFolder

    target = to or run / "export"
    with counted("Comparing", STOPPED) as show:
        trained, found = export_trained(RunFolder(run), target, place, show)
    say(
        f"{target / 'model.xml'}: on {found.pictures} held-out pictures it differs from PyTorch by at most "
        f"{found.features:.1e} (features) and {found.probabilities:.1e} (probabilities)."
    )
    if name:
        installed = install(name, target, trained, place, force=force)
        say(f"{name} is installed in {installed.folder}.\n{use_of(name)}")


def show_gain(before: Mapping[str, float], after: Mapping[str, float], best: str) -> None:
    """Honestly: also when nothing was gained."""
    old, new = (found["recall_at_1"] for found in (before, after))
    verdict = "rose" if new > old else "did not rise" if new == old else "fell"
    say(
        f"Recall@1 on the held-out pictures {verdict}: {old:.3f} before, {new:.3f} after ({best}); mAP "
        f"{before['mean_average_precision']:.3f} before, {after['mean_average_precision']:.3f} after."
    )
    if new <= old:
        say("A base that finds all of them has nothing to gain; otherwise try more pictures, or another objective.")


def _scores(folder: "RunFolder", models: list[str], place: "Place") -> "Iterator[tuple[str, Score]]":
    """The base's classes were never learned: how many of them are right would be chance."""
    from search_by_image.training.installed_scores import installed_score
    from search_by_image.training.session import open_base, open_trained

    yield BEFORE, replace(_measured(open_base(folder, place), place), accuracy=float("nan"))
    yield AFTER, _measured(open_trained(folder, place), place)
    for name in models:
        shown = f"{name} (model)" if name in {BEFORE, AFTER} else name
        yield shown, installed_score(name, folder.read(), place)


def _measured(opened: "Trained", place: "Place") -> "Score":
    import torch

    from search_by_image.training.session import measure_of

    return measure_of(opened.run, opened.backbone.preprocessing, place, torch.device("cpu"))(opened.network)


def _cells(found: Mapping[str, float]) -> list[str]:
    values = (found[name] for name in ("recall_at_1", "mean_average_precision", "precision", "accuracy"))
    return [f"{value:.3f}" if value == value else "" for value in values]  # noqa: PLR0124 - NaN


def _without_nan(found: Mapping[str, float]) -> dict[str, Any]:
    return {name: value if value == value else None for name, value in found.items()}  # noqa: PLR0124 - NaN
