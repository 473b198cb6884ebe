"""Backbones of timm, where it can be imported: it needs torchvision."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from torch import nn

from search_by_image.errors import InvalidInputError, MissingDependencyError, ModelError
from search_by_image.models.description import Licence

PREFIX: Final = "timm:"
Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TimmModel:
    """As `Backbone` has it."""

    module: nn.Module
    dimension: int
    shift: Channels
    scale: Channels
    size: int
    interpolation: Literal["bicubic", "bilinear"]
    licence: Licence


def create(name: str, size: int) -> TimmModel:
    """With the weights of the hub that timm is set to. `size` 0: that of the weights.

    Raises `MissingDependencyError`, `InvalidInputError` for a name that timm does not have, `ModelError`.
    """
    timm = _imported()
    if not timm.is_model(name):
        raise InvalidInputError(f"timm has no model {name!r}. Look: python -c 'import timm; print(timm.list_models())'")
    try:
        module = timm.create_model(name, pretrained=True, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"timm could not fetch the weights of {name!r}: {error}") from error
    return _described(module, size)


def _imported() -> Any:
    try:
        import timm  # noqa: PLC0415 - optional beside the other networks
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError("timm", extra="timm", purpose="A base whose name begins with timm:") from error
    return timm


def _described(module: nn.Module, size: int) -> TimmModel:
    told = module.pretrained_cfg
    without_inplace(module)
    return TimmModel(
        module,
        module.num_features,
        tuple(255 * value for value in told["mean"]),
        tuple(255 * value for value in told["std"]),
        size or told["input_size"][-1],
        "bilinear" if told["interpolation"] == "bilinear" else "bicubic",
        Licence(told.get("license") or "not told", declared=bool(told.get("license"))),
    )


def without_inplace(module: nn.Module) -> None:
    """OpenVINO's conversion of activations in place gives silently wrong features."""
    for part in module.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
