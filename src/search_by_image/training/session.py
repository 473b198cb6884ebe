"""A training, put together: from a folder of pictures and settings to a run's folder with what was learned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from search_by_image.errors import InvalidInputError, ModelError
from search_by_image.images import ImageLimits
from search_by_image.models.description import Preprocessing
from search_by_image.models.store import ModelStore
from search_by_image.training.backbones import Backbone, open_backbone
from search_by_image.training.checkpoints import Progress, load
from search_by_image.training.network import Network
from search_by_image.training.objectives import Objective
from search_by_image.training.phases import check_layers, phases
from search_by_image.training.pictures import (
    HeldOutPictures,
    Opener,
    TrainingPictures,
    held_out_batches,
    processes_explained,
)
from search_by_image.training.run_folder import Run, RunFolder
from search_by_image.training.settings import Machine, TrainingSettings
from search_by_image.training.splitting import Show, split_folder
from search_by_image.training.steps import Stepper, device_of
from search_by_image.training.trainer import Trainer, Watch
from search_by_image.training.validation import Score, network_score


@dataclass(frozen=True, slots=True)
class Place:
    """Where installed models are, and what pictures may cost."""

    store: ModelStore
    limits: ImageLimits


def begin(
    dataset: Path,
    folder: RunFolder,
    settings: TrainingSettings,
    place: Place,
    show: Show = lambda *_: None,
    *,
    restart: bool = False,
) -> tuple[Run, Mapping[str, str]]:
    """The run as its folder has it, or a new one; and why pictures were left out, by their paths.

    A run without a checkpoint is begun anew where pictures or settings are others. Raises `InvalidInputError` where
    there is one, when a folder without a run has files of a run's names, and for settings that cannot be trained with.
    """
    if folder.begun and not restart:
        run = folder.read()
        changed = _changed(run, dataset, settings)
        if not changed:
            return run, {}
        if folder.checkpoint.is_file():
            raise _others(changed)
    elif not restart:
        folder.check_free()
    backbone = open_backbone(settings.base, place.store, settings.size, settings.resize)
    check_layers(backbone.module, settings.trainable)
    phases(settings, pictures=1)
    split, left_out = split_folder(dataset, settings.held_out, settings.seed, place.limits, show)
    run = Run(settings, split, backbone.fingerprint)
    folder.begin(run)
    return run, left_out


def _changed(run: Run, dataset: Path, settings: TrainingSettings) -> list[str]:
    moved = ["the data set"] if run.split.root != dataset.absolute() else []
    names = [field.name for field in fields(settings)]
    return moved + [name for name in names if getattr(run.settings, name) != getattr(settings, name)]


def _others(changed: Sequence[str]) -> InvalidInputError:
    return InvalidInputError(
        f"The folder has a run with other settings: {', '.join(changed)}. Give those of before to continue it, "
        "--restart to begin anew, or another --out."
    )


def train(folder: RunFolder, run: Run, machine: Machine, place: Place, watch: Watch) -> Progress:
    """Raises `KeyboardInterrupt` after Ctrl-C, `InvalidInputError`, `ModelError`."""
    device = device_of(machine)
    torch.manual_seed(run.settings.seed)
    backbone, network = _new(run, place)
    opener, rows = Opener(run.split.root, place.limits), run.split.training
    objective = Objective(run.settings.objective, len(run.split.classes), network.dimension)
    trainer = Trainer(
        folder,
        run,
        network.to(device),
        objective.to(device),
        TrainingPictures(opener, rows, backbone.preprocessing, run.settings.augmentation, run.settings.seed),
        measure_of(run, backbone.preprocessing, place, device, machine.workers),
        Stepper(device, machine.mixed_precision),
        machine.workers,
        watch,
    )
    with processes_explained():
        return trainer.train()


def measure_of(
    run: Run, preprocessing: Preprocessing, place: Place, device: torch.device, workers: int = 0
) -> Callable[[Network], Score]:
    pictures = held_out(run, preprocessing, place)

    def measure(network: Network) -> Score:
        return network_score(network, held_out_batches(pictures, run.settings.batch, workers), device)

    return measure


def held_out(run: Run, preprocessing: Preprocessing, place: Place) -> HeldOutPictures:
    return HeldOutPictures(Opener(run.split.root, place.limits), run.split.held_out, preprocessing)


@dataclass(frozen=True, slots=True)
class Trained:
    """`network`: with the weights of the best epoch, on the CPU."""

    run: Run
    backbone: Backbone
    network: Network


def open_trained(folder: RunFolder, place: Place) -> Trained:
    """Raises `ModelError` when nothing is trained yet."""
    run = folder.read()
    state = load(folder.best)
    backbone, network = _new(run, place)
    network.load_state_dict(state)
    return Trained(run, backbone, network.eval())


def open_base(folder: RunFolder, place: Place) -> Trained:
    """The same network before it was trained."""
    run = folder.read()
    torch.manual_seed(run.settings.seed)
    backbone, network = _new(run, place)
    return Trained(run, backbone, network.eval())


def _new(run: Run, place: Place) -> tuple[Backbone, Network]:
    """Raises `ModelError` when the base is not what the run began with: its pictures or weights would be others."""
    wanted = run.settings
    backbone = open_backbone(wanted.base, place.store, wanted.size, wanted.resize)
    if run.base not in {"", backbone.fingerprint}:
        raise ModelError(
            f"The base {wanted.base!r} is not the one that this run began with: it was replaced. Install that one "
            "again under its name, or begin anew with --restart."
        )
    return backbone, Network(backbone, wanted.dimension or backbone.dimension, len(run.split.classes))
