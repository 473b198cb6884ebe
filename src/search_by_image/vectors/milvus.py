"""The vector index on a Milvus server (standalone or cluster) through pymilvus."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np

from search_by_image.errors import UnknownNameError
from search_by_image.filters import Filter
from search_by_image.vectors.base import Documents, Ids, IndexStats, Neighbour, Space, Vector, Vectors
from search_by_image.vectors.milvus_connection import MilvusConnection, NotThereError
from search_by_image.vectors.milvus_names import collection_name, described
from search_by_image.vectors.milvus_settings import MilvusConnectionSettings
from search_by_image.vectors.milvus_space import MilvusSpace

__all__ = ["MilvusConnectionSettings", "MilvusIndex"]


class MilvusIndex:
    """A `VectorIndex` that many processes may share. Connects with the first call.

    Raises `MissingDependencyError` without pymilvus; every call may raise `StoreUnavailableError`, within the time-out.
    """

    def __init__(self, settings: MilvusConnectionSettings) -> None:
        self._connection = MilvusConnection(settings)
        self._spaces: dict[str, MilvusSpace] = {}
        self._registry = threading.Lock()

    def open_space(self, space: Space) -> None:
        """Anew, if it is open: another process may have dropped it, or dropped and created it, meanwhile."""
        opened = MilvusSpace(space, self._connection)
        opened.open()
        with self._registry:
            self._spaces = {**self._spaces, space.name: opened}

    def drop_space(self, name: str) -> None:
        self._connection.call("drop_collection", collection_name=collection_name(name))
        self._forget(name, self._spaces.get(name))

    def spaces(self) -> tuple[Space, ...]:
        self._connection.check_open()
        return tuple(space.space for space in self._spaces.values())

    def kept(self) -> tuple[str, ...]:
        collections = self._connection.call("list_collections")
        described_by = (self._connection.call("describe_collection", collection_name=name) for name in collections)
        names = (described(found).get("space") for found in described_by)
        return tuple(sorted(str(name) for name in names if name is not None))

    @property
    def recipe(self) -> str:
        settings = self._connection.settings
        return f"{settings.index_type} {sorted(settings.index_params.items())} with documents"

    def upsert(self, name: str, ids: Ids, vectors: Vectors, documents: Documents | None = None) -> None:
        with self._space(name) as space:
            space.upsert(np.asarray(ids, np.int64), vectors, documents)

    def delete(self, name: str, ids: Ids) -> None:
        with self._space(name) as space:
            space.delete(np.asarray(ids, np.int64))

    def search(
        self,
        name: str,
        vector: Vector,
        top_k: int,
        *,
        only: Collection[int] | None = None,
        where: Filter | None = None,
    ) -> list[Neighbour]:
        with self._space(name) as space:
            return space.search(vector, top_k, only, where)

    def ids(self, name: str) -> Ids:
        with self._space(name) as space:
            return space.ids()

    def stats(self, name: str) -> IndexStats:
        with self._space(name) as space:
            return space.stats()

    def ping(self) -> None:
        self._connection.call("list_collections")

    def maintain(self) -> None:
        """A server keeps house by itself."""
        self._connection.check_open()

    def close(self) -> None:
        self._connection.close()
        self._spaces = {}

    @contextmanager
    def _space(self, name: str) -> Iterator[MilvusSpace]:
        """Another process may have dropped it."""
        self._connection.check_open()
        space = self._spaces.get(name)
        if space is None:
            raise UnknownNameError("open vector space", name, self._spaces)
        try:
            yield space
        except NotThereError as error:
            self._forget(name, space)
            raise UnknownNameError("vector space in Milvus", name, self._spaces) from error

    def _forget(self, name: str, gone: MilvusSpace | None) -> None:
        """Unless another thread has opened it again."""
        with self._registry:
            if self._spaces.get(name) is gone:
                self._spaces = {known: space for known, space in self._spaces.items() if known != name}
