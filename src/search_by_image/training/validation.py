"""How well features find what belongs together among the held-out pictures, leave one out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from search_by_image.errors import ModelError
from search_by_image.quality.measures import measured, search_each
from search_by_image.training.network import Network
from search_by_image.training.pictures import Batch
from search_by_image.vectors.base import Metric, Vectors


@dataclass(frozen=True, slots=True)
class Score:
    """Over the held-out pictures of which another of their class is held out; `accuracy`: of the classes, or NaN.

    precision: of the k nearest, k being as many as the rarest class has others, at most ten.
    """

    recall_at_1: float
    mean_average_precision: float
    precision: float
    accuracy: float = float("nan")

    @property
    def rank(self) -> list[float]:
        """What an epoch must have more of to be the best."""
        return [self.recall_at_1, self.mean_average_precision]

    def told(self) -> dict[str, float]:
        return asdict(self)


def score(vectors: Vectors, labels: Sequence[int]) -> Score:
    """`vectors`: of any length, shape (n, dimension). Raises `ModelError` for one without a finite length."""
    numbers = np.asarray(labels, np.int64)
    counts = np.bincount(numbers)
    k = int(min(counts[counts > 1].min(initial=11) - 1, 10))
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ModelError(
            "Features of held-out pictures are no finite numbers any more, so nothing can be found by them. Begin anew "
            "with a smaller --learning-rate and --restart."
        )
    searches = search_each(Metric.COSINE, vectors / np.maximum(lengths, np.float32(1e-12)), numbers, (1, k))
    found = measured(searches, (1, k), numbers, [str(number) for number in range(len(counts))])
    return Score(found.recall[1], found.mean_average_precision, found.precision[k])


@torch.no_grad()
def network_score(network: Network, batches: Iterable[Batch], device: torch.device) -> Score:
    """In float32, as searches are."""
    network.eval()
    features, answers, labels = [], [], []
    for pixels, wanted in batches:
        found = network(pixels.to(device))
        features.append(found.cpu().numpy())
        answers.append(network.classified(found).argmax(dim=1).cpu().numpy())
        labels.append(wanted.numpy())
    rows, wanted_all = np.concatenate(features), np.concatenate(labels)
    scored = score(rows, wanted_all.tolist())
    right = float((np.concatenate(answers) == wanted_all).mean())
    return Score(scored.recall_at_1, scored.mean_average_precision, scored.precision, right)


Measure = Callable[[Network], Score]
