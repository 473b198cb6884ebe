"""Which vector space of a collection and pipeline is searched, and which ones new pictures get vectors in.

One is enough, but while a model is switched there are two: the pictures' own, and one of another model that is to
succeed it (`SpaceRecord.role`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from search_by_image.records.base import Record, SpaceRecord
from search_by_image.vectors.base import Ids

Key = tuple[str, str]
"""Of a collection and a pipeline."""
SERVING = ("serving", "final")


@dataclass(frozen=True, slots=True)
class Pair:
    """`first`: where new pictures have their first vector; `second`: where they get another one, if anywhere.

    `serving`: the one that is searched, which is one of these, or the pictures' own before the last of them has moved.
    """

    first: SpaceRecord
    second: SpaceRecord | None
    serving: SpaceRecord

    def lacking(self, record: Record) -> SpaceRecord | None:
        """The space in which the record, of this collection and pipeline, has no vector yet, and should."""
        has = {record.space, record.second.space if record.second else record.space}
        return next((space for space in (self.first, self.second) if space and space.name not in has), None)


def key_of(one: SpaceRecord | Record) -> Key:
    return one.collection, one.pipeline


def any_may_serve(_space: SpaceRecord) -> bool:
    return True


def pairs_of(
    spaces: Iterable[SpaceRecord], may_serve: Callable[[SpaceRecord], bool] = any_may_serve
) -> dict[Key, Pair]:
    """`may_serve`: whether one that has been promoted is searched already; once its role is final, it is."""
    by_key: defaultdict[Key, list[SpaceRecord]] = defaultdict(list)
    for space in spaces:
        by_key[key_of(space)].append(space)
    return {key: _pair(found, may_serve) for key, found in by_key.items()}


def serving_of(spaces: Iterable[SpaceRecord]) -> tuple[SpaceRecord, ...]:
    """Those that are searched, one for each collection and pipeline."""
    return tuple(pair.serving for pair in pairs_of(spaces).values())


def left_behind(spaces: Iterable[SpaceRecord], ids_of: Callable[[str], Ids]) -> list[str]:
    """What is not transferred, while models are switched: the vectors of those that are not searched."""
    return [text for pair in pairs_of(spaces).values() if pair.second for text in _left_behind(pair, ids_of)]


def _left_behind(pair: Pair, ids_of: Callable[[str], Ids]) -> list[str]:
    place = f"Collection {pair.serving.collection!r}, pipeline {pair.serving.pipeline!r}"
    told = [f"{place}: its model is being switched; the vectors that are searched now go along, the others stay."]
    lost = np.setdiff1d(ids_of(pair.first.name), ids_of(pair.serving.name))
    if len(lost):
        told.append(f"{place}: {len(lost)} pictures have no vector of the model that is searched, and are left out.")
    return told


def _pair(spaces: list[SpaceRecord], may_serve: Callable[[SpaceRecord], bool]) -> Pair:
    own = next((space for space in spaces if space.role is None), None)
    new = next((space for space in spaces if space.role is not None), None)
    if own is None or new is None:
        only = own or new or spaces[0]
        return Pair(only, None, only)
    if new.role == "final":
        return Pair(new, None, new)
    return Pair(own, new, new if new.role == "serving" and may_serve(new) else own)
