"""The two phases of a training: which layers learn, how fast, for how many steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from search_by_image.errors import InvalidInputError
from search_by_image.training.batches import batch_count
from search_by_image.training.network import Network
from search_by_image.training.settings import OptimiserName, PhaseSettings, Schedule, TrainingSettings

MOMENTUM = 0.9
FASTER = 10.0
"""What begins at random, the classes and the proxies, must first come to where the pictures are."""


@dataclass(frozen=True, slots=True)
class Phase:
    """`steps` in all, `per_epoch` of them in a whole epoch."""

    name: str
    steps: int
    per_epoch: int
    learning_rate: float
    schedule: Schedule
    whole: bool

    def rate(self, step: int) -> float:
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def ends_epoch(self, step: int) -> bool:
        """After `step` steps."""
        return step % self.per_epoch == 0 or step == self.steps


def phases(settings: TrainingSettings, pictures: int) -> tuple[Phase, ...]:
    """Those that have steps. Raises `InvalidInputError` when none has."""
    per_epoch = batch_count(pictures, settings.batch)

    def made(name: str, wanted: PhaseSettings, whole: bool) -> Phase:
        steps = wanted.steps or wanted.epochs * per_epoch
        return Phase(name, steps, per_epoch, wanted.learning_rate, settings.schedule, whole)

    found = (made("head", settings.head, whole=False), made("whole", settings.whole, whole=True))
    if not any(phase.steps for phase in found):
        raise InvalidInputError("Neither phase has a step. Give --epochs or --head-epochs more than 0.")
    return tuple(phase for phase in found if phase.steps)


def check_layers(backbone: nn.Module, trainable: Sequence[str]) -> None:
    """Raises `InvalidInputError` for a prefix that names none."""
    named = [name for name, _ in backbone.named_parameters()]
    for prefix in trainable:
        if not any(name.startswith(prefix) for name in named):
            known = ", ".join(dict.fromkeys(name.partition(".")[0] for name in named))
            raise InvalidInputError(f"The base has no layer that begins with {prefix!r}. It has: {known}.")


def choose_layers(network: Network, phase: Phase, trainable: Sequence[str]) -> None:
    """The new layers always learn."""
    for name, parameter in network.backbone.named_parameters():
        chosen = not trainable or any(name.startswith(prefix) for prefix in trainable)
        parameter.requires_grad_(phase.whole and chosen)


def optimiser(
    name: OptimiserName, network: Network, objective: nn.Module, rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """`factor` of a group: of the phase's learning rate. Directions, which have no length, know no decay."""
    directions = [*network.classifier.parameters(), *objective.parameters()]
    others = [one for one in network.parameters() if one.requires_grad and one is not network.classifier.weight]
    groups: list[dict[str, Any]] = [
        {"params": others, "factor": 1.0},
        {"params": directions, "factor": FASTER, "weight_decay": 0.0},
    ]
    if name == "sgd":
        return torch.optim.SGD(groups, rate, momentum=MOMENTUM, nesterov=True, weight_decay=weight_decay)
    if name == "rmsprop":
        return torch.optim.RMSprop(groups, rate, momentum=MOMENTUM, weight_decay=weight_decay)
    return torch.optim.AdamW(groups, rate, weight_decay=weight_decay)
