"""The corpus of broken and hostile pictures: made by a script, the same for the same seed, kept nowhere."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from fuzz import bombs, oddities, strangers
from fuzz.samples import damaged, samples

Make = Callable[[random.Random, int], bytes]
COUNT, LEAST = 2400, 3
"""How many the whole corpus has, and how many of a kind any corpus has."""


@dataclass(frozen=True, slots=True)
class Picture:
    kind: str
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """`count`: how many of `COUNT`."""

    make: Make
    count: int


def cut_off(dice: random.Random, number: int) -> bytes:
    """A whole picture that ends early."""
    data = _sample(number)
    return data[: dice.randrange(20, len(data))]


def with_errors(dice: random.Random, number: int) -> bytes:
    """A few bits or bytes of a whole picture changed, lost or put in."""
    return damaged(_sample(number), dice)


def cut_off_with_errors(dice: random.Random, number: int) -> bytes:
    """Both."""
    return cut_off(dice, number)[:-1] + damaged(_sample(number), dice)[: dice.randrange(200)]


def _sample(number: int) -> bytes:
    names = sorted(samples())
    return samples()[names[number % len(names)]]


def kinds(side: int = bombs.ALLOWED_SIDE) -> MappingProxyType[str, Kind]:
    """`side`: of the largest pictures that are whole."""
    return MappingProxyType(
        {
            "cut off": Kind(cut_off, 480),
            "damaged": Kind(with_errors, 740),
            "cut off and damaged": Kind(cut_off_with_errors, 120),
            "almost nothing": Kind(strangers.almost_nothing, 90),
            "another kind of file": Kind(strangers.other_kind, 180),
            "only a signature": Kind(strangers.only_a_signature, 130),
            "two pictures in one": Kind(strangers.spliced, 120),
            "polyglot": Kind(strangers.polyglot, 168),
            "huge header": Kind(bombs.huge_header, 90),
            "many parts": Kind(bombs.many_parts, 40),
            "many frames": Kind(bombs.many_frames, 20),
            "metadata": Kind(oddities.metadata, 96),
            "channels": Kind(oddities.channels, 110),
            "pixel bomb": Kind(partial(bombs.pixel_bomb, side=side), 13),
            "too many bytes": Kind(bombs.too_many_bytes, 3),
        }
    )


def corpus(seed: int, count: int = COUNT, side: int = bombs.ALLOWED_SIDE) -> Iterator[Picture]:
    """Some of every kind, kind by kind: `count` in all, or somewhat more of few."""
    for name, kind in kinds(side).items():
        for number in range(max(LEAST, round(kind.count * count / COUNT))):
            yield Picture(name, f"{name} {number}", kind.make(random.Random(f"{seed} {name} {number}"), number))
