"""Databases of the tests' Milvus server: a store each, dropped when the test is over."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from milvus_server import PASSWORD, USER, MilvusProcess
from search_by_image.vectors.base import Space
from search_by_image.vectors.milvus import MilvusConnectionSettings
from search_by_image.vectors.milvus_names import description

_numbers = itertools.count()


class Databases:
    def __init__(self, server: MilvusProcess) -> None:
        self._server = server
        self._client = self._connected()
        self._names: dict[str, str] = {}

    def settings(self, store: str = "store", **settings) -> MilvusConnectionSettings:
        if store not in self._names:
            self._names[store] = f"test{next(_numbers)}"
            self._client.create_database(self._names[store])
        return milvus_settings(self._server, db_name=self._names[store], **settings)

    def create_without_documents(self, space: Space, store: str = "store") -> None:
        """As version 0.1 did."""
        from pymilvus import DataType

        inside = self._connected(self.settings(store).db_name)
        schema = inside.create_schema(auto_id=False, enable_dynamic_field=False, description=description(space))
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=space.dimension)
        inside.create_collection(space.name, schema=schema, consistency_level="Bounded")
        inside.close()

    def drop(self) -> None:
        for name in self._names.values():
            inside = self._connected(name)
            for collection in inside.list_collections():
                inside.drop_collection(collection)
            inside.close()
            self._client.drop_database(name)
        self._client.close()

    def _connected(self, database: str = "default"):
        from pymilvus import MilvusClient

        return MilvusClient(self._server.uri, USER, PASSWORD, database, timeout=30, dedicated=True)


def milvus_settings(server: MilvusProcess, **settings) -> MilvusConnectionSettings:
    return MilvusConnectionSettings(**{"uri": server.uri, "user": USER, "password": PASSWORD} | settings)


@contextmanager
def databases_of(server: MilvusProcess) -> Iterator[Databases]:
    databases = Databases(server)
    try:
        yield databases
    finally:
        databases.drop()
