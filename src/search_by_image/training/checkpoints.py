"""A run's state to its folder and back, exactly."""

from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from search_by_image.errors import ModelError
from search_by_image.training.run_folder import BEST, CHECKPOINT, RunFolder


@dataclass(slots=True)
class Progress:
    """Where a run stands: `step` batches of the phase are done.

    best: the score so far. waited: epochs since. losses: of the epoch's steps so far. before: the score of the base.
    """

    phase: int = 0
    step: int = 0
    best: list[float] = field(default_factory=list)
    best_at: str = ""
    waited: int = 0
    losses: list[float] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(folder: RunFolder, progress: Progress, state: dict[str, Any]) -> None:
    folder.write(CHECKPOINT, _packed({"progress": asdict(progress), "torch": torch.get_rng_state(), **state}))


def save_best(folder: RunFolder, network: dict[str, torch.Tensor]) -> None:
    folder.write(BEST, _packed(network))


def load_checkpoint(folder: RunFolder) -> tuple[Progress, dict[str, Any]] | None:
    """None where there is none. Raises `ModelError` for a damaged one."""
    if not folder.checkpoint.is_file():
        return None
    state = load(folder.checkpoint)
    torch.set_rng_state(state.pop("torch"))
    return Progress(**state.pop("progress")), state


def load(file: Path) -> dict[str, Any]:
    """On the CPU; nothing in the file is run. Raises `ModelError`."""
    try:
        found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"There is no {str(file)!r} yet. Train first: search-by-image models train.") from error
    except Exception as error:
        raise ModelError(f"{str(file)!r} is damaged, or no checkpoint. Begin anew with --restart.") from error
    return found


def _packed(state: dict[str, Any]) -> bytes:
    buffer = BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()
