"""The pretrained networks that can be taught, as PyTorch modules with the weights that are installed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from search_by_image.errors import InvalidInputError, ModelError
from search_by_image.models.description import Licence, Preprocessing
from search_by_image.models.efficientnet_lite import LITE0, LITE2
from search_by_image.models.runtime import fingerprint
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.models.timm_names import under_reference_names
from search_by_image.models.weights_files import Tensors, read_weights
from search_by_image.training import timm_models
from search_by_image.training.efficientnet_lite import EfficientNetLite
from search_by_image.training.inception_v4 import InceptionV4
from search_by_image.training.settings import Square


@dataclass(frozen=True, slots=True)
class Backbone:
    """`module`: from (n, 3, side, side) to (n, dimension). Its pixels are (0..255 - shift) / scale, a channel each.

    `centred`: searches take less the features' own mean, and so does what is built upon them. `fingerprint`: of the
    weights and of what pictures become before them; '' where that is not known.
    """

    module: nn.Module
    dimension: int
    shift: tuple[float, float, float]
    scale: tuple[float, float, float]
    preprocessing: Preprocessing
    centred: bool
    licence: Licence
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """How one of our own graphs is made here; `least`: pixels a side."""

    build: Callable[[Tensors, int], nn.Module]
    shift: float
    scale: float
    least: int


def known() -> Mapping[str, Known]:
    return {
        "efficientnet-lite0": Known(lambda tensors, side: EfficientNetLite(tensors, side, LITE0), 127, 128, 32),
        "efficientnet-lite2": Known(lambda tensors, side: EfficientNetLite(tensors, side, LITE2), 127, 128, 32),
        "inception-v4": Known(lambda tensors, _side: InceptionV4(tensors), 127.5, 127.5, 75),
    }


def open_backbone(name: str, store: ModelStore, size: int = 0, resize: Square | None = None) -> Backbone:
    """`name`: an installed model, or `timm:` and a name of timm's. `size` 0 and `resize` None: as the model has it.

    Raises `InvalidInputError` for a model that is a graph without weights that we know, `ModelError`.
    """
    if name.startswith(timm_models.PREFIX):
        return _of_timm(name, size, resize)
    installed = store.get(name)
    graph = installed.manifest.model.graph
    if graph not in known():
        raise InvalidInputError(
            f"The model {name!r} is a finished graph, which cannot be taught. Base it on one of these networks: "
            f"{', '.join(known())}; or on timm:NAME where timm is installed."
        )
    return _of_weights(installed, known()[graph], size, resize)


def _of_weights(installed: InstalledModel, made: Known, size: int, resize: Square | None) -> Backbone:
    model = installed.manifest.model
    side = size or model.preprocessing.size
    if side < made.least:
        raise InvalidInputError(f"{model.name} needs pictures of {made.least} pixels a side at least, not {side}.")
    installed.check_files()
    tensors = under_reference_names(read_weights(installed.folder / model.file))
    return Backbone(
        _loaded(tensors, side, made, model.name),
        model.dimension,
        (made.shift,) * 3,
        (made.scale,) * 3,
        replace(model.preprocessing, size=side, resize=resize or model.preprocessing.resize),
        model.output.centred,
        model.licence,
        _fingerprint(installed),
    )


def _fingerprint(installed: InstalledModel) -> str:
    model = installed.manifest.model
    said = model.preprocessing
    parts = (str(said.size), said.resize, said.interpolation, str(model.output.centred))
    return fingerprint("base", *installed.made_of(), model.graph, *parts)


def _loaded(tensors: Tensors, side: int, made: Known, name: str) -> nn.Module:
    """What the weights have beyond the network, such as their classes, is left out."""
    try:
        module = made.build(tensors, side)
        wanted = module.state_dict().keys()
        state = {
            key: torch.from_numpy(tensors[key].copy()) for key in wanted if not key.endswith("num_batches_tracked")
        }
        module.load_state_dict(state, strict=False)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ModelError(f"The weights of {name!r} are not those of its network: {error}") from error
    return module


def _of_timm(name: str, size: int, resize: Square | None) -> Backbone:
    made = timm_models.create(name.removeprefix(timm_models.PREFIX), size)
    return Backbone(
        made.module,
        made.dimension,
        made.shift,
        made.scale,
        Preprocessing(made.size, resize or "central-square", made.interpolation),
        centred=False,
        licence=made.licence,
    )
