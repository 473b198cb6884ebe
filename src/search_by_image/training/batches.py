"""Which pictures come together, and in which order: each epoch its own, the same for the same seed."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

OF_A_CLASS = 4
"""Neighbours in the order are of one class, so that a batch has pairs that belong together."""


def order(labels: Sequence[int], drawn: np.random.Generator) -> list[int]:
    """Every place once: each class shuffled and cut into fours, the fours shuffled."""
    groups: dict[int, list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        groups[label].append(place)
    parts: list[list[int]] = []
    for label in sorted(groups):
        places = drawn.permutation(groups[label]).tolist()
        parts += [places[start : start + OF_A_CLASS] for start in range(0, len(places), OF_A_CLASS)]
    return [place for part in drawn.permutation(len(parts)) for place in parts[int(part)]]


def batches(labels: Sequence[int], size: int, seed: Sequence[int]) -> list[list[int]]:
    """The places of one epoch. The last batch may be smaller."""
    places = order(labels, np.random.default_rng(seed))
    return [places[start : start + size] for start in range(0, len(places), size)]


def batch_count(pictures: int, size: int) -> int:
    return -(-pictures // size)
