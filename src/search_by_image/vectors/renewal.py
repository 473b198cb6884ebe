"""What `maintain` makes of a space: when segments are rebuilt, into what, and how the new ones catch up."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from search_by_image.vectors.base import Ids
from search_by_image.vectors.embedded_settings import EmbeddedSettings
from search_by_image.vectors.faiss_build import FEWEST_ROWS, VECTORS_FILE, Job, build, extend
from search_by_image.vectors.pile import Pile
from search_by_image.vectors.segment import BuiltSegment, FlatSegment

_BLOCK = 4096
_MOST_GROWTH = 2
"""An IVF index that grew more than twofold is trained anew."""


class Renewal:
    """Segments that take the place of those under a pile.

    The main segment's rows are the pile's rows `order`; the tail begins with the pile's rows `picked` and goes on with
    what the pile grew by since.
    """

    def __init__(self, pile: Pile, main: tuple[BuiltSegment, Ids] | None, picked: Ids) -> None:
        self.main: BuiltSegment | None = None
        self._main_order: Ids = np.empty(0, np.int64)
        if main is not None:
            self.main, self._main_order = main
        self.tail = FlatSegment(pile.dimension)
        self._tail_order = np.empty(0, np.int64)
        self._seen = len(pile)
        self._take(pile, picked)

    def keeps(self, folder: Path) -> bool:
        """Say whether the main segment's vectors are mapped from a file in the folder."""
        return self.main is not None and self.main.vectors_file == folder / VECTORS_FILE

    def follow(self, pile: Pile) -> None:
        self._take(pile, np.arange(self._seen, len(pile)))
        self._seen = len(pile)

    def settle(self, pile: Pile) -> None:
        """Remove what the pile has removed by now."""
        alive = pile.alive
        self.tail.remove(np.flatnonzero(~alive[self._tail_order]))
        if self.main is not None:
            self.main.remove(np.flatnonzero(~alive[self._main_order]))

    def _take(self, pile: Pile, numbers: Ids) -> None:
        ids = pile.ids[numbers]
        for block in _blocks(numbers):
            self.tail.append(ids[block], pile.vectors(numbers[block]))
        self._tail_order = np.concatenate([self._tail_order, numbers])


def is_due(settings: EmbeddedSettings, main: BuiltSegment | None, pile: Pile) -> bool:
    live = int(np.count_nonzero(pile.alive))
    if len(pile) - live > settings.rebuild_share * len(pile):
        return True
    if main is None:
        return settings.kind_for(live) is not None
    tail = len(pile) - len(main.rows)
    return tail > settings.tail_limit(len(main.rows)) or settings.is_outdated(main.ann.kind, main.recall, live)


def renewed(settings: EmbeddedSettings, main: BuiltSegment | None, pile: Pile, job: Job) -> Renewal:
    """Build anew from what is alive, or, where the main segment is still good, add the tail to a copy of it."""
    living = np.flatnonzero(pile.alive)
    kind = settings.kind_for(len(living))
    nothing = living[:0]
    if kind is None:
        return Renewal(pile, None, living)
    if main is None or not _is_good(settings, main, pile, len(living)):
        return Renewal(pile, build(kind, pile, living, job), nothing)
    late = living[living >= len(main.rows)]
    if len(late) < FEWEST_ROWS:
        return Renewal(pile, (main, np.arange(len(main.rows))), late)
    return Renewal(pile, extend(main, pile, late, job), nothing)


def _is_good(settings: EmbeddedSettings, main: BuiltSegment, pile: Pile, live: int) -> bool:
    removed = len(main.rows) - np.count_nonzero(pile.alive[: len(main.rows)])
    if removed > settings.rebuild_share * len(main.rows) or settings.kind_for(live) != main.ann.kind:
        return False
    if settings.is_outdated(main.ann.kind, main.recall, live):
        return False
    return main.ann.kind == "hnsw" or len(pile) <= _MOST_GROWTH * main.trained


def _blocks(numbers: Ids) -> Iterable[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, len(numbers), _BLOCK))
