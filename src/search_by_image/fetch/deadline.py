"""One time budget shared by all steps of a fetch."""

from time import monotonic


class Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds, always above 0. Raises `TimeoutError` when none are left."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("the time budget is spent")
        return left
