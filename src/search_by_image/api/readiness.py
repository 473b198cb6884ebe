"""Whether the service could do its work now: its stores and models are asked, and each answer holds for a while."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic

from search_by_image.errors import SearchByImageError
from search_by_image.library import Library
from search_by_image.timing import unheard

SECONDS = 2.0
Check = Callable[[], None]


class Readiness:
    """Thread-safe; however many ask at once, a check runs once in `seconds`."""

    def __init__(self, checks: Mapping[str, Check], *, seconds: float = SECONDS) -> None:
        self._checks = {name: _Kept(check, seconds) for name, check in checks.items()}

    @classmethod
    def of(cls, library: Library, *, seconds: float = SECONDS) -> "Readiness":
        """`records`, `vectors`, and `model NAME` for each pipeline."""
        models = {f"model {name}": partial(library.extractor.check, name) for name in library.pipelines}
        return cls({**library.health.checks, **models}, seconds=seconds)

    def outcomes(self) -> dict[str, SearchByImageError | None]:
        """What each check said, None for all well."""
        return {name: kept.outcome() for name, kept in self._checks.items()}


class _Kept:
    def __init__(self, check: Check, seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._lock = threading.Lock()
        self._until = -1.0
        self._outcome: SearchByImageError | None = None

    def outcome(self) -> SearchByImageError | None:
        with self._lock:
            if monotonic() >= self._until:
                self._outcome = self._ask()
                self._until = monotonic() + self._seconds
            return self._outcome

    def _ask(self) -> SearchByImageError | None:
        try:
            with unheard():
                self._check()
        except SearchByImageError as error:
            return error
        return None
