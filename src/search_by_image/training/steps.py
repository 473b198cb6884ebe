"""One step of training, in mixed precision on a GPU."""

from contextlib import AbstractContextManager
from typing import Any

import torch

from search_by_image.errors import InvalidInputError
from search_by_image.training.network import Network
from search_by_image.training.objectives import Objective
from search_by_image.training.pictures import Batch
from search_by_image.training.settings import Machine


def device_of(machine: Machine) -> torch.device:
    """Raises `InvalidInputError` when a GPU is asked for and PyTorch sees none."""
    there = torch.cuda.is_available()
    if machine.device == "cuda" and not there:
        raise InvalidInputError("PyTorch sees no GPU (cuda). Leave --device out, or install PyTorch's build for yours.")
    return torch.device("cuda" if there and machine.device != "cpu" else "cpu")


class Stepper:
    """Half precision is bfloat16 where the GPU has it, else float16 with a scaled loss; a CPU stays in float32."""

    def __init__(self, device: torch.device, mixed: bool) -> None:
        self.device = device
        self._mixed = mixed and device.type == "cuda"
        self._kind = torch.bfloat16 if self._mixed and torch.cuda.is_bf16_supported() else torch.float16
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._mixed and self._kind is torch.float16)

    def step(self, network: Network, objective: Objective, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
        """The loss before it."""
        pixels, labels = (part.to(self.device, non_blocking=True) for part in batch)
        optimiser.zero_grad(set_to_none=True)
        with self._precision():
            loss = objective(network, pixels, labels)
        self._scaler.scale(loss).backward()
        self._scaler.step(optimiser)
        self._scaler.update()
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        return dict(self._scaler.state_dict())

    def take(self, state: dict[str, Any]) -> None:
        if state:
            self._scaler.load_state_dict(state)

    def _precision(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, self._kind, enabled=self._mixed)
