"""How the two stores of a library are: whether they answer, and what is on its way through them."""

from collections.abc import Callable, Mapping
from functools import partial

from search_by_image.deadline import limited
from search_by_image.records.base import RecordStore, State
from search_by_image.vectors.base import VectorIndex


class StoreHealth:
    """`seconds`: how long a question waits for an answer."""

    def __init__(self, records: RecordStore, index: VectorIndex, *, seconds: float) -> None:
        self._records = records
        self._index = index
        self._seconds = seconds

    @property
    def checks(self) -> Mapping[str, Callable[[], None]]:
        """By the store's name, `records` and `vectors`: each raises `StoreUnavailableError` when it does not answer."""
        return {"records": partial(self._ask, self._records.ping), "vectors": partial(self._ask, self._index.ping)}

    def ping(self) -> None:
        """Raises `StoreUnavailableError` when one of the stores does not answer."""
        with limited(self._seconds):
            for check in self.checks.values():
                check()

    def unsettled(self) -> dict[State, int]:
        """How many records are on their way into both stores, or out of them."""
        with limited(self._seconds):
            states = (state for state in State if state is not State.READY)
            return {state: sum(map(len, self._records.in_state(state).values())) for state in states}

    def _ask(self, ping: Callable[[], None]) -> None:
        with limited(self._seconds):
            ping()
