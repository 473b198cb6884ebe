"""What this process has done for jobs since it started, counted as it happens."""

import threading
from collections import Counter
from collections.abc import Mapping

from search_by_image.jobs.job import Counts, State


class JobTally:
    """Thread-safe. `items` by what became of them; jobs `ended` by the state that they ended in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: Counter[str] = Counter(dict.fromkeys(Counts.model_fields, 0))
        self._ended: Counter[str] = Counter({state.value: 0 for state in State if state.has_ended})

    @property
    def items(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._items)

    @property
    def ended(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._ended)

    def add(self, counts: Counts) -> None:
        with self._lock:
            self._items.update(dict(counts))

    def end(self, state: State) -> None:
        with self._lock:
            self._ended[state.value] += 1
