"""The vector indexes that the contract suite runs against."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from conftest import missing
from milvus_server import MilvusProcess, why_not
from search_by_image.vectors.base import VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.vectors.milvus import MilvusIndex
from search_by_image.vectors.milvus_space import LARGEST_ID
from vectors.milvus_stores import Databases, databases_of

MakeIndex = Callable[..., VectorIndex]


@pytest.fixture(params=["flat", "hnsw", "ivf"])
def kind(request: pytest.FixtureRequest) -> Literal["flat", "hnsw", "ivf"]:
    return request.param


@pytest.fixture(params=["flat", "hnsw", "ivf", "milvus"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def milvus() -> Iterator[MilvusProcess]:
    if reason := why_not():
        missing(reason)
    server = MilvusProcess()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def databases(milvus: MilvusProcess) -> Iterator[Databases]:
    with databases_of(milvus) as databases:
        yield databases


@pytest.fixture
def largest_id(backend: str) -> int:
    return LARGEST_ID if backend == "milvus" else 2**63 - 1


@pytest.fixture
def smallest_id(backend: str) -> int:
    return -LARGEST_ID if backend == "milvus" else -(2**63)


@pytest.fixture
def make_index(tmp_path: Path, backend: str, request: pytest.FixtureRequest) -> Iterator[MakeIndex]:
    """`make_index(store="s")` opens the store of that name: empty at first, after a `close` with what it kept.

    Up to 256 vectors every back end here answers exactly.
    """
    opened: list[VectorIndex] = []
    databases = request.getfixturevalue("databases") if backend == "milvus" else None

    def make(store: str = "store") -> VectorIndex:
        if databases is None:
            index = EmbeddedIndex(EmbeddedSettings(tmp_path / store, kind=backend, exact_below=257))
        else:
            index = MilvusIndex(databases.settings(store))
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.close()
