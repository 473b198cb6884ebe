"""One collection in Milvus: created, looked at, indexed and loaded."""

import logging
import time
from typing import Any

from search_by_image.errors import ConfigError, StoreError, StoreUnavailableError, VectorMismatchError
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.milvus_connection import OLDEST, MilvusConnection, NotLoadedError
from search_by_image.vectors.milvus_index_types import INDEX_TYPES, IndexType, index_type_for, lite_index_type, mistake
from search_by_image.vectors.milvus_names import collection_name, described, description, properties
from search_by_image.vectors.milvus_rows import stored_dimension

_LOAD_PAUSE = 0.05
_DOCUMENT_FIELDS = frozenset({"document", "partial"})

_logger = logging.getLogger(__name__)


class MilvusCollection:
    """Our id as primary key, the vector, and of the document what filters ask for.

    `kind`: the index that it has; `keeps_documents`: not where an older version made the collection, nor in Milvus
    Lite, which takes fifty times as long for a search with a condition on JSON as for one without.
    """

    def __init__(self, space: Space, connection: MilvusConnection) -> None:
        self.space = space
        self.kind: IndexType = INDEX_TYPES["FLAT"]
        self.keeps_documents = not connection.is_lite
        self._connection = connection
        self._name = collection_name(space.name)

    @property
    def metric_there(self) -> str:
        """Our rows are of length 1 for COSINE, and Milvus never finds a row of zeros by its own COSINE."""
        metric = self.space.metric
        return (Metric.IP if metric is Metric.COSINE else metric).value

    def open(self) -> None:
        """Create what is missing and load it.

        Raises `VectorMismatchError` for another dimension or metric, `ConfigError` for an index type that the server
        does not have.
        """
        wanted = self._wanted()
        if self.call("has_collection"):
            self._adopt(self.call("describe_collection"))
        else:
            self._create()
        self.kind = self._indexed_as(wanted)
        self._load(self._connection.settings.load_timeout)

    def written(self) -> None:
        """Milvus Lite searches what is not flushed a hundred times slower."""
        if self._connection.is_lite:
            self.call("flush")

    def call(self, method: str, **arguments: Any) -> Any:
        """A server that was restarted may have to be told to load the collection again."""
        try:
            return self._connection.call(method, collection_name=self._name, **arguments)
        except NotLoadedError:
            self._load(self._connection.settings.timeout)
            return self._connection.call(method, collection_name=self._name, **arguments)

    def _wanted(self) -> IndexType:
        name, metric = self._connection.settings.index_type, self.space.metric
        if self._connection.is_lite:
            return lite_index_type(name, metric)
        return index_type_for(name, is_binary=metric.is_binary)

    def _create(self) -> None:
        types = self._connection.types
        schema = self._connection.new_schema(description(self.space))
        schema.add_field("id", types.INT64, is_primary=True)
        kind = types.BINARY_VECTOR if self.space.metric.is_binary else types.FLOAT_VECTOR
        schema.add_field("vector", kind, dim=stored_dimension(self.space))
        if self.keeps_documents:
            schema.add_field("document", types.JSON)
            schema.add_field("partial", types.BOOL)
        told = {"properties": properties(self.space)} if self._connection.is_lite else {}
        try:
            self.call("create_collection", schema=schema, consistency_level="Bounded", **told)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            raise StoreError(f"{error} This server is Milvus {self._version()}; {OLDEST}") from error

    def _version(self) -> str:
        return str(self._connection.call("get_server_version"))

    def _adopt(self, found: Any) -> None:
        fields = {field["name"]: field for field in found["fields"]}
        if not {"id", "vector"} <= fields.keys():
            raise StoreError(
                f"The Milvus collection {self._name!r} was not made by search-by-image (its fields: "
                f"{', '.join(sorted(fields))}). Use another search_config/app_name or milvus/db_name."
            )
        self._check(described(found), int(fields["vector"]["params"]["dim"]))
        if self.keeps_documents and not fields.keys() >= _DOCUMENT_FIELDS:
            self.keeps_documents = False
            _logger.warning(
                "Space %r was made by an older version and has no documents in Milvus: filters are not passed on to "
                "it, which makes filtered searches slower. To make it anew: search-by-image reindex",
                self.space.name,
            )

    def _check(self, facts: dict[str, Any], stored: int) -> None:
        found = (facts.get("dimension", stored), facts.get("metric", self.space.metric))
        if found != (self.space.dimension, self.space.metric):
            raise VectorMismatchError(
                f"Space {self.space.name!r} is kept in Milvus with dimension {found[0]} and metric {found[1]}, asked "
                f"for: {self.space.dimension} and {self.space.metric}. Drop it first, or use another name."
            )

    def _indexed_as(self, wanted: IndexType) -> IndexType:
        """Build the index where there is none; an index of another type is kept."""
        if not self.call("list_indexes"):
            self._build(wanted)
            return wanted
        name = self.call("describe_index", index_name="vector")["index_type"]
        if name != wanted.name:
            _logger.warning(
                "Space %r keeps its %s index; the settings say %s, which `search-by-image reindex` builds",
                self.space.name,
                name,
                wanted.name,
            )
        return INDEX_TYPES.get(name, wanted)

    def _build(self, wanted: IndexType) -> None:
        definition = self._connection.new_index(
            field_name="vector",
            index_type=wanted.name,
            index_name="vector",
            metric_type=self.metric_there,
            params=wanted.build_parameters(self._connection.settings.index_params),
        )
        try:
            self.call("create_index", index_params=definition, sync=False)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            raise self._refused(wanted, error) from error

    def _refused(self, wanted: IndexType, error: StoreError) -> ConfigError:
        return mistake(
            "index_type",
            f"This server (Milvus {self._version()}) does not build {wanted.name} with these parameters: {error} "
            "Choose another type, for example AUTOINDEX, or change milvus/index_params.",
        )

    def _load(self, seconds: float) -> None:
        connection = self._connection
        connection.call("load_collection", collection_name=self._name, _async=True)
        patience = time.monotonic() + seconds
        while connection.call("get_load_state", collection_name=self._name)["state"].name != "Loaded":
            if time.monotonic() > patience:
                raise StoreUnavailableError(
                    f"Milvus at {connection.settings.shown} did not load space {self.space.name!r} within "
                    f"{seconds:g} seconds. Try again; if it stays so, has the server enough memory?"
                )
            time.sleep(_LOAD_PAUSE)
