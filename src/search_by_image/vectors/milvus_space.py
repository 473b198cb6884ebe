"""One space in Milvus: what is written to its collection, and what is found there."""

import time
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from search_by_image.errors import InvalidInputError, VectorMismatchError
from search_by_image.filters import Filter
from search_by_image.vectors.base import (
    Documents,
    Ids,
    IndexStats,
    Neighbour,
    Space,
    Vector,
    Vectors,
    as_ids,
    batches,
)
from search_by_image.vectors.exact import Doubles, Found, as_rows, distances, merged
from search_by_image.vectors.milvus_collection import MilvusCollection
from search_by_image.vectors.milvus_connection import MilvusConnection
from search_by_image.vectors.milvus_documents import UNKNOWN, Filterable, filterable
from search_by_image.vectors.milvus_filters import expression
from search_by_image.vectors.milvus_index_types import WIDEST
from search_by_image.vectors.milvus_rows import Touched, packed, parcels, told_distances, unpacked

LARGEST_ID = 2**63 - 2
"""Milvus 2.3 loses the id above it, and cannot parse the one below its negative."""

_LISTED = 10_000
_BATCH_BYTES = 16 * 1024 * 1024
_SPARE = 16
_TIES = 2048
_REMEMBERED = 120.0
_REMOVAL_SEEN = 10.0


class MilvusSpace:
    """Milvus finds the candidates, a few more than asked for: of equal ones (up to 2048) the lowest ids are kept.

    Distances are Milvus's where its index keeps vectors whole, else computed here from the vectors.
    """

    def __init__(self, space: Space, connection: MilvusConnection) -> None:
        self.space = space
        self._connection = connection
        self._collection = MilvusCollection(space, connection)
        self._touched = Touched(_REMEMBERED)
        self._last_removal = -_REMOVAL_SEEN

    def open(self) -> None:
        """As `MilvusCollection.open`."""
        self._collection.open()

    def upsert(self, ids: Ids, vectors: Vectors, documents: Documents | None) -> None:
        rows = as_rows(self.space, vectors)
        if ids.shape != (len(rows),):
            raise VectorMismatchError(f"{len(rows)} vectors need as many ids, given: {ids.shape} (shape).")
        if len(outside := ids[_outside(ids)]):
            raise InvalidInputError(f"Milvus takes ids from {-LARGEST_ID} to {LARGEST_ID}, given: {outside[0]}.")
        _, firsts = np.unique(ids, return_index=True)
        for part in batches(firsts, _LISTED):
            fresh = part[~np.isin(ids[part], self._present(ids[part]))]
            self._write(ids[fresh], rows[fresh], self._kept(documents, fresh))

    def delete(self, ids: Ids) -> None:
        for part in batches(_possible(ids), _LISTED):
            self._collection.call("delete", filter=_among(part))
            self._touched.note(part, present=False)
            self._last_removal = time.monotonic()

    def search(self, vector: Vector, top_k: int, only: Collection[int] | None, where: Filter | None) -> list[Neighbour]:
        if top_k < 1:
            raise InvalidInputError(f"top_k is {top_k}; it must be 1 or more.")
        query = as_rows(self.space, np.asarray(vector)[np.newaxis])[0]
        best = merged([self._nearest(query, top_k, condition) for condition in self._conditions(only, where)], top_k)
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
        answer = self._collection.call("query", output_fields=["count(*)"], consistency_level=self._consistency)
        return IndexStats(self._collection.kind.name.lower(), int(answer[0]["count(*)"]), 0, 0)

    @property
    def _consistency(self) -> str:
        """Session does not cover removals: Milvus 2.3 answers them before it gives them their time."""
        wanted = self._connection.settings.consistency
        lately = time.monotonic() - self._last_removal < _REMOVAL_SEEN
        return "Strong" if wanted == "Session" and lately else wanted

    def _kept(self, documents: Documents | None, rows: Ids) -> list[Filterable]:
        return [UNKNOWN if documents is None else filterable(documents[row]) for row in rows]

    def _write(self, ids: Ids, vectors: Vectors, kept: list[Filterable]) -> None:
        data = [
            {"id": number, "vector": vector, **self._document_fields(known)}
            for number, vector, known in zip(ids.tolist(), packed(self.space, vectors), kept, strict=True)
        ]
        for part in parcels([4 * self.space.dimension + known.size for known in kept], _BATCH_BYTES):
            self._collection.call("upsert", data=data[part])
            self._collection.written()
            self._touched.note(ids[part], present=True)

    def _document_fields(self, known: Filterable) -> dict[str, Any]:
        if not self._collection.keeps_documents:
            return {}
        return {"document": known.content, "partial": known.partial}

    def _conditions(self, only: Collection[int] | None, where: Filter | None) -> Iterator[str]:
        """None where nothing can match."""
        narrowed = expression(where) if self._collection.keeps_documents else ""
        if narrowed is None:
            return
        if only is None:
            yield narrowed
            return
        for part in batches(_possible(as_ids(only)), _LISTED):
            yield f"{_among(part)} and {narrowed}" if narrowed else _among(part)

    def _present(self, ids: Ids) -> Ids:
        """Those that are there already. What we touched lately we know; what is older, every replica knows."""
        known = self._touched.known(ids)
        older = ids[~np.isin(ids, as_ids(known))]
        there = [number for number, present in known.items() if present]
        if len(older):
            rows = self._collection.call(
                "query", filter=_among(older), output_fields=["id"], consistency_level="Bounded"
            )
            there.extend(row["id"] for row in rows)
        return as_ids(there)

    def _page(self, first: int, consistency: str) -> Ids:
        rows = self._collection.call(
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
        return merged([Found(as_ids(hit["id"] for hit in hits), self._distances(query, hits))], top_k)

    def _hits(self, query: Vector, limit: int, condition: str) -> list[Any]:
        given = self._connection.settings.search_params
        answers = self._collection.call(
            "search",
            data=packed(self.space, query[np.newaxis]),
            anns_field="vector",
            limit=limit,
            filter=condition,
            output_fields=[] if self._tells_distances else ["vector"],
            search_params={
                "metric_type": self._collection.metric_there,
                "params": self._collection.kind.search_parameters(given, limit),
            },
            consistency_level=self._consistency,
        )
        return list(answers[0])

    @property
    def _tells_distances(self) -> bool:
        return self._collection.kind.tells_distances and not self.space.metric.is_binary

    def _distances(self, query: Vector, hits: list[Any]) -> Doubles:
        """To ask for the vectors, so as to measure them here, makes a search several times slower."""
        if self._tells_distances:
            return told_distances(self.space.metric, [hit["distance"] for hit in hits])
        rows = unpacked(self.space, [hit["entity"]["vector"] for hit in hits])
        return distances(self.space.metric, rows, query)


def _outside(ids: Ids) -> Any:
    return (ids > LARGEST_ID) | (ids < -LARGEST_ID)


def _possible(ids: Ids) -> Ids:
    distinct = np.unique(ids)
    possible: Ids = distinct[~_outside(distinct)]
    return possible


def _among(ids: Ids) -> str:
    return f"id in {ids.tolist()}"


def _is_tied(hits: list[Any], top_k: int) -> bool:
    last, counting = hits[-1]["distance"], hits[top_k - 1]["distance"]
    return bool(np.isclose(last, counting, rtol=1e-5, atol=1e-6))
