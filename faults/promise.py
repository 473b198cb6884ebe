"""What was acknowledged, and whether both stores still agree with it."""

import random
from collections import Counter
from dataclasses import dataclass, field

from faults.pictures import PIPELINE, picture
from search_by_image.engine import SearchEngine
from search_by_image.records.base import State


@dataclass
class Acknowledged:
    """`removing`: told to go, whether or not that was acknowledged."""

    added: set[int] = field(default_factory=set)
    removing: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)

    def hear(self, mark: str, number: int) -> None:
        {"+": self.added, "?": self.removing, "-": self.removed}[mark].add(number)

    @property
    def surely_there(self) -> set[int]:
        return self.added - self.removing


@dataclass(frozen=True, slots=True)
class Broken:
    """The numbers of the pictures for which the promise was broken; `half`: ids that only one store has."""

    lost: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    back: frozenset[int] = frozenset()
    half: frozenset[int] = frozenset()

    def __or__(self, other: "Broken") -> "Broken":
        return Broken(
            self.lost | other.lost, self.doubled | other.doubled, self.back | other.back, self.half | other.half
        )

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.back or self.half)


def broken_promises(engine: SearchEngine, said: Acknowledged, searches: int = 20) -> Broken:
    """Compares the list and both stores as wholes, and searches for some of the pictures."""
    return _listed(engine, said) | _searched(engine, said, searches) | Broken(half=half_there(engine))


def half_there(engine: SearchEngine) -> frozenset[int]:
    records, index = engine.library._records, engine.library._index
    differing = set(unsettled(engine))
    for space in engine.library.spaces():
        differing |= set(records.ids(space.name).tolist()) ^ set(index.ids(space.indexed.name).tolist())
    return frozenset(differing)


def unsettled(engine: SearchEngine) -> list[int]:
    """What is half written, or half removed."""
    by_space = [engine.library._records.in_state(state) for state in (State.PENDING, State.REMOVING)]
    return [id_ for found in by_space for ids in found.values() for id_ in ids.tolist()]


def _listed(engine: SearchEngine, said: Acknowledged) -> Broken:
    listed = Counter(document["id"] for document in engine.get_images(None, page_size=0))
    doubled = frozenset(number for number, count in listed.items() if count > 1)
    return Broken(frozenset(said.surely_there - listed.keys()), doubled, frozenset(said.removed & listed.keys()))


def _searched(engine: SearchEngine, said: Acknowledged, searches: int) -> Broken:
    broken = Broken()
    for number in _some(said.surely_there, searches):
        found = _found(engine, number)
        broken |= Broken(
            lost=frozenset() if found[:1] == [number] else frozenset([number]),
            doubled=frozenset([number]) if found.count(number) > 1 else frozenset(),
        )
    back = frozenset(number for number in _some(said.removed, searches // 2) if number in _found(engine, number))
    return broken | Broken(back=back)


def _found(engine: SearchEngine, number: int) -> list[int]:
    return [hit["id"] for hit in engine.search(picture(number), PIPELINE)]


def _some(numbers: set[int], count: int) -> list[int]:
    """Half of them the youngest."""
    in_order = sorted(numbers)
    young, old = in_order[-(count // 2) :], in_order[: -(count // 2)]
    return young + random.sample(old, min(count - len(young), len(old)))
