"""The vector index inside the process: faiss and exact search over a folder that this process alone uses."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable

import numpy as np

from search_by_image.errors import StoreError, UnknownNameError, VectorMismatchError
from search_by_image.filters import Filter
from search_by_image.vectors.base import Documents, Ids, IndexStats, Neighbour, Space, Vector, Vectors
from search_by_image.vectors.embedded_settings import EmbeddedSettings
from search_by_image.vectors.embedded_space import EmbeddedSpace
from search_by_image.vectors.file_lock import hold
from search_by_image.vectors.snapshot import folder_name, kept_names, remove_folder

__all__ = ["EmbeddedIndex", "EmbeddedSettings"]

_LOCK = ".lock"
_logger = logging.getLogger(__name__)


class EmbeddedIndex:
    """A `VectorIndex` that keeps no documents: `where` narrows nothing.

    Raises `StoreLockedError` when another process, or another index here, holds the folder.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._lock = hold(settings.path / _LOCK, settings.path)
        self._spaces: dict[str, EmbeddedSpace] = {}
        self._registry = threading.RLock()
        self._closed = False

    def open_space(self, space: Space) -> None:
        with self._registry:
            self._check_open()
            known = self._spaces.get(space.name)
            if known is None:
                path = self._settings.path / folder_name(space.name)
                self._spaces = {**self._spaces, space.name: EmbeddedSpace(space, self._settings, path)}
            elif known.space != space:
                raise VectorMismatchError(
                    f"Space {space.name!r} is open with dimension {known.space.dimension} and metric "
                    f"{known.space.metric}, asked for: {space.dimension} and {space.metric}. Drop it first, or use "
                    "another name."
                )

    def drop_space(self, name: str) -> None:
        with self._registry:
            self._check_open()
            dropped = self._spaces.get(name)
            self._spaces = {known: space for known, space in self._spaces.items() if known != name}
            if dropped is None:
                remove_folder(self._settings.path / folder_name(name))
            else:
                dropped.drop()

    def spaces(self) -> tuple[Space, ...]:
        self._check_open()
        return tuple(space.space for space in self._spaces.values())

    def kept(self) -> tuple[str, ...]:
        self._check_open()
        return tuple(sorted({*self._spaces, *kept_names(self._settings.path)}))

    @property
    def recipe(self) -> str:
        return self._settings.kind

    def upsert(self, name: str, ids: Ids, vectors: Vectors, documents: Documents | None = None) -> None:  # noqa: ARG002
        self._space(name).upsert(np.asarray(ids, np.int64), vectors)

    def delete(self, name: str, ids: Ids) -> None:
        self._space(name).delete(np.asarray(ids, np.int64))

    def search(
        self,
        name: str,
        vector: Vector,
        top_k: int,
        *,
        only: Collection[int] | None = None,
        where: Filter | None = None,  # noqa: ARG002
    ) -> list[Neighbour]:
        return self._space(name).search(vector, top_k, only)

    def ids(self, name: str) -> Ids:
        return self._space(name).ids()

    def stats(self, name: str) -> IndexStats:
        return self._space(name).stats()

    def ping(self) -> None:
        self._check_open()

    def maintain(self) -> None:
        """Maintain every space; the first failure is raised at the end, so that one space does not hold up the rest."""
        self._check_open()
        _for_each(self._spaces.values(), EmbeddedSpace.maintain)

    def close(self) -> None:
        with self._registry:
            if self._closed:
                return
            self._closed = True
            try:
                _for_each(self._spaces.values(), EmbeddedSpace.close)
            finally:
                self._spaces = {}
                self._lock.release()

    def _space(self, name: str) -> EmbeddedSpace:
        self._check_open()
        spaces = self._spaces
        if name not in spaces:
            raise UnknownNameError("open vector space", name, spaces)
        return spaces[name]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"The vector index in {self._settings.path} is closed. Open a new one.")


def _for_each(spaces: Iterable[EmbeddedSpace], act: Callable[[EmbeddedSpace], None]) -> None:
    failures = []
    for space in spaces:
        try:
            act(space)
        except StoreError as error:
            _logger.warning("Space %r: %s", space.space.name, error)
            failures.append(error)
    if failures:
        raise failures[0]
