"""Places in the index of spaces that are recorded no more: a model that was switched from, or not to."""

from collections.abc import Iterable

from search_by_image.vectors.base import VectorIndex


class EndedPlaces:
    """They are dropped two rounds of maintenance later, when every process has seen that. Not thread-safe."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index
        self._new: set[str] = set()
        self._due: set[str] = set()

    def __len__(self) -> int:
        return len(self._new | self._due)

    def add(self, places: Iterable[str]) -> None:
        self._new.update(places)

    def end_round(self, used: set[str]) -> None:
        """Drop what is due and not `used` again. Raises `StoreError`; then it is due in the next round as well."""
        for place in self._due - used:
            self._index.drop_space(place)
        self._new, self._due = set(), self._new

    def drop_all(self, used: set[str]) -> None:
        """Raises `StoreError`."""
        for _ in (self._due, self._new):
            self.end_round(used)
