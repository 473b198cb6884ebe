"""`models train`: a model taught on the user's own labelled pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from search_by_image.cli import options
from search_by_image.cli.model_results import Installed, export_run, opened_place, show_gain
from search_by_image.cli.models import Force
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import pictures, say
from search_by_image.cli.progress import counted
from search_by_image.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_by_image.training.session import Place
    from search_by_image.training.settings import Machine, TrainingSettings
    from search_by_image.training.trainer import Epoch

EXAMPLES = """\
Examples:

search-by-image models train ~/pets --base efficientnet-lite0 --out ~/runs/pets --name pets

search-by-image models train ~/pets --base efficientnet-lite2 --out ~/runs/large --epochs 30 --batch 64 --workers 4
"""
OPENING_STOPPED = "Stopped. Nothing is kept; the same command begins anew."
SAID = 5
Labelled = Annotated[
    Path,
    typer.Argument(
        metavar="DATASET", exists=True, file_okay=False, help="A folder with a folder of pictures for each class."
    ),
]
Base = Annotated[str, typer.Option(metavar="NAME", help="The pretrained model to begin with: an installed one's name.")]
Out = Annotated[
    Path, typer.Option(metavar="FOLDER", file_okay=False, help="Where checkpoints, labels and figures are written.")
]
Objective = Annotated[
    Literal["proxy-anchor", "contrastive", "classification"],
    typer.Option(help="What is learned: a measure of likeness (the first two), or the classes."),
]
HeadEpochs = Annotated[int, typer.Option(metavar="N", min=0, help="Of the first phase: new layers, frozen base.")]
Epochs = Annotated[int, typer.Option(metavar="N", min=0, help="Of the second phase: all layers.")]
HeadSteps = Annotated[int, typer.Option(metavar="N", min=0, help="Batches of the first phase, in place of its epochs.")]
Steps = Annotated[int, typer.Option(metavar="N", min=0, help="Batches of the second phase, in place of its epochs.")]
Trainable = Annotated[
    list[str] | None,
    typer.Option(metavar="PREFIX", help="Only the base's layers that begin so learn, in the second phase; repeatable."),
]
Batch = Annotated[int, typer.Option(metavar="N", min=2, help="Pictures in a batch.")]
HeadRate = Annotated[float, typer.Option(metavar="RATE", min=0, help="Learning rate of the first phase.")]
Rate = Annotated[float, typer.Option(metavar="RATE", min=0, help="Learning rate of the second phase.")]
Schedule = Annotated[Literal["cosine", "constant"], typer.Option(help="How the learning rate goes on in a phase.")]
Optimiser = Annotated[Literal["adamw", "sgd", "rmsprop"], typer.Option(help="The optimiser.")]
Decay = Annotated[float, typer.Option(metavar="X", min=0, help="Weight decay.")]
Size = Annotated[int, typer.Option(metavar="N", min=0, max=4096, help="Pixels a side. 0: those of the base.")]
Resize = Annotated[Literal["central-square", "squash"] | None, typer.Option(help="Without: as the base has it.")]
Dimension = Annotated[int, typer.Option(metavar="N", min=0, help="Of the features. 0: that of the base.")]
HeldOut = Annotated[float, typer.Option(metavar="SHARE", min=0.01, max=0.9, help="Of each class, to measure on.")]
SmallestCrop = Annotated[
    float, typer.Option(metavar="SHARE", min=0.01, max=1, help="Of a picture that is cut out at least; 1: no cropping.")
]
Flip = Annotated[float, typer.Option(metavar="SHARE", min=0, max=1, help="Of training pictures that are mirrored.")]
Colour = Annotated[
    float, typer.Option(metavar="X", min=0, max=0.9, help="By how much brightness, contrast and saturation change.")
]
Patience = Annotated[
    int, typer.Option(metavar="N", min=0, help="Epochs without a gain before the second phase ends; 0: never.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the split, the order and the augmentation.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto: a GPU where PyTorch sees one.")]
Workers = Annotated[int, typer.Option(metavar="N", min=0, help="Processes that open pictures; 0: none beside.")]
Mixed = Annotated[bool, typer.Option("--mixed-precision/--full-precision", help="On a GPU; a CPU is always full.")]
Restart = Annotated[bool, typer.Option("--restart", help="Forget the run that --out has, and begin anew.")]


def train(
    *,
    dataset: Labelled,
    base: Base,
    out: Out,
    name: Installed = None,
    objective: Objective = "proxy-anchor",
    head_epochs: HeadEpochs = 5,
    epochs: Epochs = 15,
    head_steps: HeadSteps = 0,
    steps: Steps = 0,
    trainable: Trainable = None,
    batch: Batch = 32,
    head_learning_rate: HeadRate = 1e-3,
    learning_rate: Rate = 1e-4,
    schedule: Schedule = "cosine",
    optimiser: Optimiser = "adamw",
    weight_decay: Decay = 1e-4,
    size: Size = 0,
    resize: Resize = None,
    dimension: Dimension = 0,
    held_out: HeldOut = 0.25,
    smallest_crop: SmallestCrop = 0.5,
    flip: Flip = 0.5,
    colour: Colour = 0.2,
    patience: Patience = 5,
    seed: Seed = 0,
    device: Device = "auto",
    workers: Workers = 0,
    mixed_precision: Mixed = True,
    restart: Restart = False,
    force: Force = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Teach a model on your own labelled pictures: first new layers, then all. After Ctrl-C the same command continues.

    The best epoch on held-out pictures counts. With --name it is exported and installed at once.
    """
    from search_by_image.training.settings import Augmentation, Machine, PhaseSettings, TrainingSettings

    place = opened_place(read_settings(config, config_encoding, debug))
    if name and not force:
        _check_free(name, place)
    wanted = TrainingSettings(
        base,
        objective,
        PhaseSettings(head_epochs, head_learning_rate, head_steps),
        PhaseSettings(epochs, learning_rate, steps),
        tuple(trainable or ()),
        batch,
        optimiser,
        weight_decay,
        schedule,
        size,
        resize,
        dimension,
        held_out,
        Augmentation(smallest_crop, flip, colour),
        patience,
        seed,
    )
    _train(dataset, out, wanted, Machine(device, workers, mixed_precision), place, restart=restart)
    if name:
        export_run(out, None, name, place, force)
    else:
        say(f"To use it: search-by-image models export {out} --name NAME")


def stopped(restart: bool) -> str:
    """What Ctrl-C leaves. The same command would forget it where it says --restart."""
    same = "the same command without --restart" if restart else "the same command"
    return f"Stopped. What was learned is kept; {same} continues where it stopped."


def _check_free(name: str, place: "Place") -> None:
    """Before hours are spent on what could then not be installed. Raises `InvalidInputError`."""
    if place.store.find(name):
        raise InvalidInputError(f"There is a model {name!r} already. Take another --name, or --force to replace it.")


def _train(
    dataset: Path, out: Path, wanted: "TrainingSettings", machine: "Machine", place: "Place", *, restart: bool
) -> None:
    from search_by_image.training.run_folder import RunFolder
    from search_by_image.training.session import begin, train
    from search_by_image.training.trainer import Watch

    folder = RunFolder(out)
    with folder.locked():
        with counted("Opening", OPENING_STOPPED) as show:
            run, left_out = begin(dataset, folder, wanted, place, show, restart=restart)
        _tell_left_out(left_out)
        counts = pictures(len(run.split.training)), pictures(len(run.split.held_out))
        say(f"{len(run.split.classes)} classes: {counts[0]} to learn from, {counts[1]} held out.")
        with counted("Steps", stopped(restart)) as show:
            done = train(folder, run, machine, place, Watch(lambda _phase, step, of: show(step, of), _tell_epoch))
    show_gain(done.before, max(done.history, key=_rank), done.best_at)


def _rank(found: "Mapping[str, float]") -> list[float]:
    return [found["recall_at_1"], found["mean_average_precision"]]


def _tell_left_out(left_out: "Mapping[str, str]") -> None:
    for path, reason in list(left_out.items())[:SAID]:
        say(f"Left out: {path}: {reason}")
    if len(left_out) > SAID:
        say(f"{pictures(len(left_out))} left out in all.")


def _tell_epoch(epoch: "Epoch") -> None:
    found = epoch.score
    say(
        f"{epoch.phase} {epoch.number}/{epoch.of}: loss {epoch.loss:.3f}; held-out recall@1 {found.recall_at_1:.3f}, "
        f"mAP {found.mean_average_precision:.3f}, classes right {found.accuracy:.3f}"
    )
