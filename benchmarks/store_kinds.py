"""The vector indexes that are measured: how each is opened, how it is told that all is there, whose memory counts."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from search_by_image.vectors.base import Space, Vector, VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
from search_by_image.vectors.milvus_names import collection_name

TESTS = Path(__file__).parents[1] / "tests"
PATIENCE = 1800
LITE = "50,000 vectors, the most that it is good for; each search takes time in proportion to them; 100 queries"
Search = Callable[[Vector, int], list[int]]


@dataclass(frozen=True, slots=True)
class Opened:
    """`finish` returns when all that was inserted is indexed; `memory`: bytes of the process that holds the index."""

    index: VectorIndex
    finish: Callable[[], None]
    memory: Callable[[], int]
    search: Search


@dataclass(frozen=True, slots=True)
class StoreKind:
    open: Callable[[Path, Space], Any]
    note: str = ""
    rows: int = 100_000
    queries: int = 1000


@contextmanager
def embedded(kind: str, folder: Path, space: Space) -> Iterator[Opened]:
    index = EmbeddedIndex(EmbeddedSettings(folder / "vectors", kind=kind, exact_below=1000))
    index.open_space(space)
    try:
        yield Opened(index, index.maintain, lambda: _memory_of("self"), partial(_ids_found, index, space))
    finally:
        index.close()


@contextmanager
def milvus(index_type: str, _folder: Path, space: Space, *, plain: bool = False) -> Iterator[Opened]:
    """`plain`: the search is pymilvus's alone."""
    sys.path.append(str(TESTS))
    module = importlib.import_module("milvus_server")
    server = module.MilvusProcess()
    server.start()
    settings = MilvusConnectionSettings(
        uri=server.uri, user=module.USER, password=module.PASSWORD, index_type=index_type, timeout=PATIENCE
    )
    index = MilvusIndex(settings)
    try:
        index.open_space(space)
        search = partial(_plain_search, index, space) if plain else partial(_ids_found, index, space)
        yield Opened(index, partial(_indexed, index, space), lambda: _memory_of_server(server), search)
    finally:
        index.close()
        server.close()


@contextmanager
def milvus_lite(index_type: str, folder: Path, space: Space) -> Iterator[Opened]:
    """In this process; each of its writes is flushed by our class."""
    settings = MilvusConnectionSettings(uri="", file=folder / "lite.db", index_type=index_type, timeout=PATIENCE)
    index = MilvusIndex(settings)
    try:
        index.open_space(space)
        finish = partial(index.search, space.name, np.zeros(space.dimension, np.float32), 1)
        yield Opened(index, finish, lambda: _memory_of("self"), partial(_ids_found, index, space))
    finally:
        index.close()


KINDS = {
    "embedded, exact": StoreKind(partial(embedded, "flat")),
    "embedded, HNSW": StoreKind(partial(embedded, "hnsw")),
    "embedded, IVF": StoreKind(partial(embedded, "ivf")),
    "Milvus server, HNSW": StoreKind(partial(milvus, "HNSW")),
    "Milvus server, HNSW, pymilvus alone": StoreKind(
        partial(milvus, "HNSW", plain=True), "its search is one call of pymilvus: what our class adds is the difference"
    ),
    "Milvus server, IVF_FLAT": StoreKind(partial(milvus, "IVF_FLAT")),
    "Milvus server, IVF_SQ8": StoreKind(partial(milvus, "IVF_SQ8")),
    "Milvus server, FLAT": StoreKind(partial(milvus, "FLAT")),
    "Milvus server, AUTOINDEX": StoreKind(partial(milvus, "AUTOINDEX")),
    "Milvus Lite, HNSW": StoreKind(partial(milvus_lite, "HNSW"), LITE, 50_000, 100),
    "Milvus Lite, FLAT": StoreKind(partial(milvus_lite, "FLAT"), LITE, 50_000, 100),
}


def _ids_found(index: VectorIndex, space: Space, query: Vector, top_k: int) -> list[int]:
    return [neighbour.id for neighbour in index.search(space.name, query, top_k)]


def _plain_search(index: MilvusIndex, space: Space, query: Vector, top_k: int) -> list[int]:
    client = index._connection._client
    parameters = {"metric_type": "IP", "params": {"ef": 100}}
    (hits,) = client.search(
        collection_name(space.name), data=[query], limit=top_k, search_params=parameters, anns_field="vector"
    )
    return [hit["id"] for hit in hits]


def _indexed(index: MilvusIndex, space: Space) -> None:
    """Milvus searches rows without an index until a segment is full; a flush closes it at once."""
    connection, name = index._connection, collection_name(space.name)
    connection.call("flush", collection_name=name)
    patience = time.monotonic() + PATIENCE
    while not _is_indexed(connection, name):
        if time.monotonic() > patience:
            raise TimeoutError(f"Milvus did not index all within {PATIENCE} seconds")
        time.sleep(0.2)
    connection.call("refresh_load", collection_name=name)


def _is_indexed(connection: Any, name: str) -> bool:
    state = connection.call("describe_index", collection_name=name, index_name="vector")
    return int(state["indexed_rows"]) >= int(state["total_rows"]) > 0


def _memory_of_server(server: Any) -> int:
    """Of all processes below the one that was started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    below = [number for number in parents if _is_below(number, server._process.pid, parents)]
    return max(_memory_of(number) for number in below)


def _is_below(number: int, ancestor: int, parents: dict[int, int]) -> bool:
    while number in parents:
        if number == ancestor:
            return True
        number = parents[number]
    return False


def _memory_of(process: int | str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
