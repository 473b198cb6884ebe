"""A trained network -> an OpenVINO graph with features and probabilities, held against PyTorch before it is done."""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import openvino as ov
import torch

from search_by_image.errors import ModelError
from search_by_image.models.adding import add
from search_by_image.models.description import Licence, ModelDescription, Output
from search_by_image.models.manifest import KeptFile, Manifest, now, write_manifest
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.models.sources import Tools
from search_by_image.models.store import InstalledModel
from search_by_image.training.network import Exported
from search_by_image.training.run_folder import LABELS, RunFolder
from search_by_image.training.session import Place, Trained, held_out, open_trained
from search_by_image.training.splitting import label_lines
from search_by_image.wheels import sha256_of

GRAPH: Final = "model.xml"
OUTPUTS: Final = ("features", "probabilities")
AGREEMENT: Final = 1e-4
MOST_TOLD: Final = 300
Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Agreement:
    """The largest difference from PyTorch over `pictures` held-out ones: of features divided by the largest feature,

    where that is above 1, and of probabilities.
    """

    pictures: int
    features: float
    probabilities: float


def export(folder: RunFolder, target: Path, place: Place, show: Show = lambda *_: None) -> tuple[Trained, Agreement]:
    """`model.xml`, `model.bin`, `labels.txt` and `model.json` into `target`, once they are checked.

    Raises `ModelError` when the graph and PyTorch differ by more than `AGREEMENT` on a held-out picture; then, as after
    any other end before the check's, what was in `target` is as before.
    """
    trained = open_trained(folder, place)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target) as beside:
        fresh = Path(beside)
        (fresh / LABELS).write_text(label_lines(trained.run.split.classes), encoding="utf-8")
        _save(trained, fresh / GRAPH)
        found = agreement(trained, fresh / GRAPH, place, show)
        _check(found)
        _describe(target.absolute().parent.name.lower(), fresh, trained, folder)
        for file in fresh.iterdir():
            file.replace(target / file.name)
    return trained, found


def _save(trained: Trained, file: Path) -> None:
    """Raises `ModelError`: OpenVINO's errors do not tell a full disk from a network that it does not know."""
    try:
        ov.save_model(converted(trained), file, compress_to_fp16=False)
    except RuntimeError as error:
        raise ModelError(
            f"OpenVINO could not write the graph of {trained.run.settings.base!r} beside {str(file.parent.parent)!r}: "
            f"{str(error).strip()[:MOST_TOLD]}. Is there room on the disk?"
        ) from error


def _check(found: Agreement) -> None:
    apart = float(np.max([found.features, found.probabilities]))  # NaN where one is
    if not apart <= AGREEMENT:
        raise ModelError(
            f"The exported graph and PyTorch differ by {apart:.1e} on the held-out pictures, and {AGREEMENT:.0e} is "
            "allowed. Nothing was exported; please report the base."
        )


def converted(trained: Trained) -> ov.Model:
    """From `image` (u8, 1 x side x side x 3, RGB) to `features` and `probabilities`."""
    side = trained.backbone.preprocessing.size
    example = torch.zeros(1, side, side, 3, dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of PyTorch, about its own insides
        model = ov.convert_model(torch.export.export(Exported(trained.network).eval(), (example,)))
    model.reshape(list(example.shape))
    model.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return model


@torch.no_grad()
def agreement(trained: Trained, graph: Path, place: Place, show: Show) -> Agreement:
    compiled = CompiledModel(ov.Core().read_model(graph), RuntimeSettings(threads=1))
    network, pictures = Exported(trained.network).eval(), held_out(trained.run, trained.backbone.preprocessing, place)
    apart = np.zeros((len(pictures), len(OUTPUTS)))
    for place_, row in enumerate(apart):
        pixels, _label = pictures[place_]
        expected = [output[0].numpy() for output in network(torch.from_numpy(pixels[None].copy()))]
        answered = compiled.infer(pixels)
        for column, (name, wanted) in enumerate(zip(OUTPUTS, expected, strict=True)):
            row[column] = np.abs(answered[name] - wanted).max() / max(1.0, float(np.abs(wanted).max()))
        show(place_ + 1, len(pictures))
    features, probabilities = apart.max(axis=0)
    return Agreement(len(pictures), float(features), float(probabilities))


def described(name: str, trained: Trained) -> ModelDescription:
    licence = trained.backbone.licence
    note = f"of {trained.run.settings.base}, on which it was trained"
    return ModelDescription(
        name,
        GRAPH,
        trained.network.dimension,
        replace(trained.backbone.preprocessing, mean=None, std=None, tensor="image", layout="NHWC"),
        Output(OUTPUTS[0]),
        Licence(licence.name, licence.declared, note),
    )


def _describe(name: str, target: Path, trained: Trained, folder: RunFolder) -> None:
    """`model.json`, which `models add` takes as --metadata."""
    names = (GRAPH, Path(GRAPH).with_suffix(".bin").name, LABELS)
    files = {one: KeptFile(sha256_of(target / one), (target / one).stat().st_size) for one in names}
    write_manifest(Manifest(described(name, trained), files, str(folder.path), now()), target)


def install(name: str, target: Path, trained: Trained, place: Place, *, force: bool = False) -> InstalledModel:
    """As `models add` does it. Raises what that raises."""
    said = asdict(described(name, trained))
    files = [str(target / GRAPH), str(target / LABELS)]
    return add(name, files, said, place.store, Tools(), replace=force)
