"""One space in Milvus: a collection with our id as primary key and the vector; nothing else is kept there."""

import logging
import time
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from search_by_image.errors import (
    ConfigError,
    InvalidInputError,
    StoreError,
    StoreUnavailableError,
    VectorMismatchError,
)
from search_by_image.vectors.base import Ids, IndexStats, Metric, Neighbour, Space, Vector, Vectors, as_ids, batches
from search_by_image.vectors.exact import Found, as_rows, distances, merged
from search_by_image.vectors.milvus_connection import MilvusConnection, NotLoadedError
from search_by_image.vectors.milvus_index_types import INDEX_TYPES, WIDEST, IndexType, index_type_for, mistake
from search_by_image.vectors.milvus_names import collection_name, described, description
from search_by_image.vectors.milvus_rows import Touched, packed, stored_dimension, unpacked

LARGEST_ID = 2**63 - 2
"""Milvus 2.3 loses the id above it, and cannot parse the one below its negative."""

_LISTED = 10_000
_BATCH_BYTES = 16 * 1024 * 1024
_SPARE = 16
_TIES = 2048
_REMEMBERED = 120.0
_LOAD_PAUSE = 0.05
_REMOVAL_SEEN = 10.0

_logger = logging.getLogger(__name__)


class MilvusSpace:
    """Milvus finds the candidates, a few more than asked for; their distances are computed here, from their vectors.

    So distances are exact for every index type, and of equal ones the lowest ids are kept (among up to 2048).
    """

    def __init__(self, space: Space, connection: MilvusConnection) -> None:
        self.space = space
        self._connection = connection
        self._collection = collection_name(space.name)
        self._touched = Touched(_REMEMBERED)
        self._last_removal = -_REMOVAL_SEEN
        self._kind: IndexType = INDEX_TYPES["FLAT"]

    def open(self) -> None:
        """Create what is missing and load it.

        Raises `VectorMismatchError` for another dimension or metric, `ConfigError` for an index type that the server
        does not have.
        """
        wanted = index_type_for(self._connection.settings.index_type, is_binary=self.space.metric.is_binary)
        if self._call("has_collection"):
            self._check(self._call("describe_collection"))
        else:
            self._create()
        self._kind = self._indexed_as(wanted)
        self._load(self._connection.settings.load_timeout)

    def upsert(self, ids: Ids, vectors: Vectors) -> None:
        rows = as_rows(self.space, vectors)
        if ids.shape != (len(rows),):
            raise VectorMismatchError(f"{len(rows)} vectors need as many ids, given: {ids.shape} (shape).")
        if len(outside := ids[_outside(ids)]):
            raise InvalidInputError(f"Milvus takes ids from {-LARGEST_ID} to {LARGEST_ID}, given: {outside[0]}.")
        _, firsts = np.unique(ids, return_index=True)
        for part in batches(firsts, self._batch_size()):
            self._write(ids[part], rows[part])

    def delete(self, ids: Ids) -> None:
        for part in batches(_possible(ids), _LISTED):
            self._call("delete", filter=_among(part))
            self._touched.note(part, present=False)
            self._last_removal = time.monotonic()

    def search(self, vector: Vector, top_k: int, only: Collection[int] | None) -> list[Neighbour]:
        if top_k < 1:
            raise InvalidInputError(f"top_k is {top_k}; it must be 1 or more.")
        query = as_rows(self.space, np.asarray(vector)[np.newaxis])[0]
        best = merged([self._nearest(query, top_k, condition) for condition in _conditions(only)], top_k)
        return [Neighbour(*pair) for pair in zip(best.ids.tolist(), best.distances.tolist(), strict=True)]

    def ids(self) -> Ids:
        """As of now for all processes; pymilvus's own iterator would not wait for the last writes."""
        page = self._page(-LARGEST_ID, "Strong")
        pages = [page]
        while len(page) == WIDEST:
            page = self._page(int(page[-1]) + 1, "Session")
            pages.append(page)
        return np.concatenate(pages)

    def stats(self) -> IndexStats:
        answer = self._call("query", output_fields=["count(*)"], consistency_level=self._consistency)
        return IndexStats(self._kind.name.lower(), int(answer[0]["count(*)"]), 0, 0)

    @property
    def _consistency(self) -> str:
        """Session does not cover removals: Milvus 2.3 answers them before it gives them their time."""
        wanted = self._connection.settings.consistency
        lately = time.monotonic() - self._last_removal < _REMOVAL_SEEN
        return "Strong" if wanted == "Session" and lately else wanted

    @property
    def _metric_there(self) -> str:
        """Our rows are of length 1 for COSINE, and Milvus never finds a row of zeros by its own COSINE."""
        metric = self.space.metric
        return (Metric.IP if metric is Metric.COSINE else metric).value

    def _call(self, method: str, **arguments: Any) -> Any:
        """A server that was restarted may have to be told to load the collection again."""
        try:
            return self._connection.call(method, collection_name=self._collection, **arguments)
        except NotLoadedError:
            self._load(self._connection.settings.timeout)
            return self._connection.call(method, collection_name=self._collection, **arguments)

    def _batch_size(self) -> int:
        return max(1, min(_LISTED, _BATCH_BYTES // (4 * self.space.dimension)))

    def _write(self, ids: Ids, rows: Vectors) -> None:
        fresh = ~np.isin(ids, self._present(ids))
        pairs = zip(ids[fresh].tolist(), packed(self.space, rows[fresh]), strict=True)
        data = [{"id": number, "vector": vector} for number, vector in pairs]
        if data:
            self._call("upsert", data=data)
            self._touched.note(ids[fresh], present=True)

    def _present(self, ids: Ids) -> Ids:
        """Those that are there already. What we touched lately we know; what is older, every replica knows."""
        known = self._touched.known(ids)
        older = ids[~np.isin(ids, as_ids(known))]
        there = [number for number, present in known.items() if present]
        if len(older):
            rows = self._call("query", filter=_among(older), output_fields=["id"], consistency_level="Bounded")
            there.extend(row["id"] for row in rows)
        return as_ids(there)

    def _page(self, first: int, consistency: str) -> Ids:
        rows = self._call(
            "query",
            filter=f"id >= {first}",
            limit=WIDEST,
            output_fields=["id"],
            consistency_level=consistency,
            reduce_stop_for_best="True",
        )
        return np.sort(as_ids(row["id"] for row in rows))

    def _nearest(self, query: Vector, top_k: int, condition: str) -> Found:
        """Ask for more until the last one is farther than the last that counts."""
        limit = min(top_k + _SPARE, WIDEST)
        hits = self._hits(query, limit, condition)
        while len(hits) == limit and limit < _TIES and _is_tied(hits, top_k):
            limit = min(4 * limit, _TIES)
            hits = self._hits(query, limit, condition)
        return self._measured(query, top_k, hits)

    def _hits(self, query: Vector, limit: int, condition: str) -> list[Any]:
        given = self._connection.settings.search_params
        answers = self._call(
            "search",
            data=packed(self.space, query[np.newaxis]),
            anns_field="vector",
            limit=limit,
            filter=condition,
            output_fields=["vector"],
            search_params={
                "metric_type": self._metric_there,
                "params": self._kind.search_parameters(given, limit),
            },
            consistency_level=self._consistency,
        )
        return list(answers[0])

    def _measured(self, query: Vector, top_k: int, hits: list[Any]) -> Found:
        rows = unpacked(self.space, [hit["entity"]["vector"] for hit in hits])
        ids = as_ids(hit["id"] for hit in hits)
        return merged([Found(ids, distances(self.space.metric, rows, query))], top_k)

    def _create(self) -> None:
        types = self._connection.types
        schema = self._connection.new_schema(description(self.space))
        schema.add_field("id", types.INT64, is_primary=True)
        kind = types.BINARY_VECTOR if self.space.metric.is_binary else types.FLOAT_VECTOR
        schema.add_field("vector", kind, dim=stored_dimension(self.space))
        self._call("create_collection", schema=schema, consistency_level="Bounded")

    def _check(self, description: Any) -> None:
        facts = described(description.get("description", ""))
        found = (facts.get("dimension", self._stored(description)), facts.get("metric", self.space.metric))
        if found != (self.space.dimension, self.space.metric):
            raise VectorMismatchError(
                f"Space {self.space.name!r} is kept in Milvus with dimension {found[0]} and metric {found[1]}, asked "
                f"for: {self.space.dimension} and {self.space.metric}. Drop it first, or use another name."
            )

    def _stored(self, description: Any) -> int:
        fields = {field["name"]: field for field in description["fields"]}
        if not {"id", "vector"} <= fields.keys():
            raise StoreError(
                f"The Milvus collection {self._collection!r} was not made by search-by-image (its fields: "
                f"{', '.join(sorted(fields))}). Use another search_config/app_name or milvus/db_name."
            )
        return int(fields["vector"]["params"]["dim"])

    def _indexed_as(self, wanted: IndexType) -> IndexType:
        """Build the index where there is none; an index of another type is kept."""
        if not self._call("list_indexes"):
            self._build(wanted)
            return wanted
        name = self._call("describe_index", index_name="vector")["index_type"]
        if name != wanted.name:
            _logger.warning(
                "Space %r keeps its %s index; the settings say %s, which `search-by-image reindex` builds",
                self.space.name,
                name,
                wanted.name,
            )
        return INDEX_TYPES.get(name, wanted)

    def _build(self, wanted: IndexType) -> None:
        settings = self._connection.settings
        definition = self._connection.new_index(
            field_name="vector",
            index_type=wanted.name,
            index_name="vector",
            metric_type=self._metric_there,
            params=wanted.build_parameters(settings.index_params),
        )
        try:
            self._call("create_index", index_params=definition, sync=False)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            raise self._refused(wanted, error) from error

    def _refused(self, wanted: IndexType, error: StoreError) -> ConfigError:
        version = self._connection.call("get_server_version")
        return mistake(
            "index_type",
            f"This server (Milvus {version}) does not build {wanted.name} with these parameters: {error} Choose "
            f"another type, for example AUTOINDEX, or change milvus/index_params.",
        )

    def _load(self, seconds: float) -> None:
        connection = self._connection
        connection.call("load_collection", collection_name=self._collection, _async=True)
        patience = time.monotonic() + seconds
        while connection.call("get_load_state", collection_name=self._collection)["state"].name != "Loaded":
            if time.monotonic() > patience:
                raise StoreUnavailableError(
                    f"Milvus at {connection.settings.shown} did not load space {self.space.name!r} within "
                    f"{seconds:g} seconds. Try again; if it stays so, has the server enough memory?"
                )
            time.sleep(_LOAD_PAUSE)


def _outside(ids: Ids) -> Any:
    return (ids > LARGEST_ID) | (ids < -LARGEST_ID)


def _possible(ids: Ids) -> Ids:
    distinct = np.unique(ids)
    possible: Ids = distinct[~_outside(distinct)]
    return possible


def _among(ids: Ids) -> str:
    return f"id in {ids.tolist()}"


def _conditions(only: Collection[int] | None) -> Iterator[str]:
    if only is None:
        return iter([""])
    return (_among(part) for part in batches(_possible(as_ids(only)), _LISTED))


def _is_tied(hits: list[Any], top_k: int) -> bool:
    last, counting = hits[-1]["distance"], hits[top_k - 1]["distance"]
    return bool(np.isclose(last, counting, rtol=1e-5, atol=1e-6))
