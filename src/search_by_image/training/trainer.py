"""The training itself: phases of epochs of steps, each epoch measured and saved."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean
from typing import Any

import torch

from search_by_image.errors import ModelError
from search_by_image.training.batches import batches
from search_by_image.training.checkpoints import Progress, load_checkpoint, save_best, save_checkpoint
from search_by_image.training.interruption import interruptible
from search_by_image.training.network import Network
from search_by_image.training.objectives import Objective
from search_by_image.training.phases import Phase, choose_layers, optimiser, phases
from search_by_image.training.pictures import Batch, TrainingPictures, training_batches
from search_by_image.training.run_folder import Run, RunFolder
from search_by_image.training.steps import Stepper
from search_by_image.training.validation import Measure, Score


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a watcher gets: `loss` is the mean of the epoch's steps."""

    phase: str
    number: int
    of: int
    loss: float
    score: Score


@dataclass(frozen=True, slots=True)
class Watch:
    """step: steps done and in all, of a phase."""

    step: Callable[[str, int, int], None] = lambda *_: None
    epoch: Callable[[Epoch], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Trainer:
    """`measure`: a network to its score on the held-out pictures."""

    folder: RunFolder
    run: Run
    network: Network
    objective: Objective
    pictures: TrainingPictures
    measure: Measure
    stepper: Stepper
    workers: int
    watch: Watch

    @property
    def _phases(self) -> tuple[Phase, ...]:
        return phases(self.run.settings, len(self.run.split.training))

    def train(self) -> Progress:
        """From where the folder's checkpoint stands to the end.

        Raises `KeyboardInterrupt` after Ctrl-C, with a checkpoint written.
        """
        progress, state = load_checkpoint(self.folder) or (self._first(), {})
        self._take(state)
        while progress.phase < len(self._phases):
            self._train_phase(self._phases[progress.phase], progress, state.pop("optimiser", None))
            progress.phase, progress.step = progress.phase + 1, 0
            self._save(progress, None)
        return progress

    def _first(self) -> Progress:
        return Progress(before=self.measure(self.network).told())

    def _take(self, state: dict[str, Any]) -> None:
        if state:
            self.network.load_state_dict(state["network"])
            self.objective.load_state_dict(state["objective"])
            self.stepper.take(state["scaler"])

    def _train_phase(self, phase: Phase, progress: Progress, state: dict[str, Any] | None) -> None:
        choose_layers(self.network, phase, self.run.settings.trainable)
        wanted = self.run.settings
        learner = optimiser(wanted.optimiser, self.network, self.objective, phase.learning_rate, wanted.weight_decay)
        if state:
            learner.load_state_dict(state)
        with interruptible() as wish:
            for batch in self._batches(phase, progress):
                progress.losses.append(self._step(phase, progress, learner, batch))
                if phase.ends_epoch(progress.step):
                    self._end_epoch(phase, progress)
                    self._save(progress, learner)
                if wish.asked:
                    self._save(progress, learner)
                    raise KeyboardInterrupt
            if wish.asked:  # since the last step, whose epoch is saved
                raise KeyboardInterrupt

    def _batches(self, phase: Phase, progress: Progress) -> Iterator[Batch]:
        """From the step that is due to the phase's last, or until epochs have brought no gain for long enough."""
        while progress.step < phase.steps and not self._given_up(phase, progress):
            labels = [label for _, label in self.run.split.training]
            epoch, done = divmod(progress.step, phase.per_epoch)
            left = phase.steps - progress.step
            number = epoch + (self._epochs_before(phase) if phase.whole else 0)
            places = batches(labels, self.run.settings.batch, (self.run.settings.seed, number))
            yield from training_batches(self.pictures, number, places[done : done + left], self.workers)

    def _given_up(self, phase: Phase, progress: Progress) -> bool:
        patience = self.run.settings.patience
        return phase.whole and 0 < patience <= progress.waited and phase.ends_epoch(progress.step)

    def _epochs_before(self, phase: Phase) -> int:
        return sum(-(-other.steps // other.per_epoch) for other in self._phases if other is not phase)

    def _step(self, phase: Phase, progress: Progress, learner: torch.optim.Optimizer, batch: Batch) -> float:
        self.network.train(phase.whole)
        for group in learner.param_groups:
            group["lr"] = phase.rate(progress.step) * group["factor"]
        loss = self.stepper.step(self.network, self.objective, learner, batch)
        if loss != loss:  # noqa: PLR0124 - NaN
            raise ModelError(
                "The loss is not a number any more. Begin anew with a smaller --learning-rate and --restart."
            )
        progress.step += 1
        self.watch.step(phase.name, progress.step, phase.steps)
        return loss

    def _end_epoch(self, phase: Phase, progress: Progress) -> None:
        found = self.measure(self.network)
        number, of = (-(-steps // phase.per_epoch) for steps in (progress.step, phase.steps))
        epoch = Epoch(phase.name, number, of, mean(progress.losses), found)
        progress.losses.clear()
        progress.history.append({"phase": phase.name, "epoch": number, "loss": epoch.loss, **found.told()})
        self._rank(phase, progress, found, f"{phase.name} {number}")
        self.watch.epoch(epoch)

    def _rank(self, phase: Phase, progress: Progress, found: Score, name: str) -> None:
        if found.rank > progress.best:
            progress.best, progress.best_at, progress.waited = found.rank, name, 0
            save_best(self.folder, self.network.state_dict())
        else:
            progress.waited += phase.whole

    def _save(self, progress: Progress, learner: torch.optim.Optimizer | None) -> None:
        state = {
            "network": self.network.state_dict(),
            "objective": self.objective.state_dict(),
            "scaler": self.stepper.state(),
        }
        save_checkpoint(self.folder, progress, state | ({"optimiser": learner.state_dict()} if learner else {}))
        self.folder.report({"before": progress.before, "best": progress.best_at, "history": progress.history})
