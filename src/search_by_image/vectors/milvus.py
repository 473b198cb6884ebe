"""The vector index on a Milvus server (standalone or cluster) through pymilvus."""

import threading
from collections.abc import Collection

import numpy as np

from search_by_image.errors import UnknownNameError, VectorMismatchError
from search_by_image.filters import Filter
from search_by_image.vectors.base import Documents, Ids, IndexStats, Neighbour, Space, Vector, Vectors
from search_by_image.vectors.milvus_connection import MilvusConnection
from search_by_image.vectors.milvus_names import collection_name
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
        with self._registry:
            self._connection.check_open()
            known = self._spaces.get(space.name)
            if known is None:
                opened = MilvusSpace(space, self._connection)
                opened.open()
                self._spaces = {**self._spaces, space.name: opened}
            elif known.space != space:
                raise VectorMismatchError(
                    f"Space {space.name!r} is open with dimension {known.space.dimension} and metric "
                    f"{known.space.metric}, asked for: {space.dimension} and {space.metric}. Drop it first, or use "
                    "another name."
                )

    def drop_space(self, name: str) -> None:
        with self._registry:
            self._connection.call("drop_collection", collection_name=collection_name(name))
            self._spaces = {known: space for known, space in self._spaces.items() if known != name}

    def spaces(self) -> tuple[Space, ...]:
        self._connection.check_open()
        return tuple(space.space for space in self._spaces.values())

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
        self._connection.call("list_collections")

    def maintain(self) -> None:
        """A server keeps house by itself."""
        self._connection.check_open()

    def close(self) -> None:
        self._connection.close()
        self._spaces = {}

    def _space(self, name: str) -> MilvusSpace:
        self._connection.check_open()
        spaces = self._spaces
        if name not in spaces:
            raise UnknownNameError("open vector space", name, spaces)
        return spaces[name]
