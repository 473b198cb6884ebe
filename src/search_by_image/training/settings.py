"""How a model is trained, as frozen data: the run's folder keeps it, and a run that is taken up again has the same."""

from dataclasses import dataclass, field
from typing import Literal

ObjectiveName = Literal["proxy-anchor", "contrastive", "classification"]
OptimiserName = Literal["adamw", "sgd", "rmsprop"]
Schedule = Literal["cosine", "constant"]
Square = Literal["central-square", "squash"]


@dataclass(frozen=True, slots=True)
class PhaseSettings:
    """`steps`: of one batch each, in place of `epochs`; 0: as many as the epochs have."""

    epochs: int
    learning_rate: float
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What a training picture goes through, anew in every epoch.

    smallest_crop: the least share of the picture's area that is cut out; 1: no cropping.
    flip: how often it is mirrored. colour: by how much brightness, contrast and saturation change; 0: not at all.
    """

    smallest_crop: float = 0.5
    flip: float = 0.5
    colour: float = 0.2


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """head: the new layers, before a frozen backbone; whole: all layers, or those named by `trainable`.

    size: pixels a side; 0: that of the base. dimension: of the features; 0: that of the base.
    trainable: prefixes of the names of the backbone's parameters; (): all of them.
    patience: epochs of the second phase without a gain before it ends; 0: never.
    """

    base: str
    objective: ObjectiveName = "proxy-anchor"
    head: PhaseSettings = field(default=PhaseSettings(5, 1e-3))
    whole: PhaseSettings = field(default=PhaseSettings(15, 1e-4))
    trainable: tuple[str, ...] = ()
    batch: int = 32
    optimiser: OptimiserName = "adamw"
    weight_decay: float = 1e-4
    schedule: Schedule = "cosine"
    size: int = 0
    resize: Square | None = None
    dimension: int = 0
    held_out: float = 0.25
    augmentation: Augmentation = field(default=Augmentation())
    patience: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """What may change from one start of a run to the next. `workers`: processes that open pictures; 0: none beside."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = 0
    mixed_precision: bool = True
