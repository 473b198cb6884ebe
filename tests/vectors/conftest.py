"""The vector indexes that the contract suite runs against."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from conftest import wants_every_case
from milvus_server import MilvusProcess
from search_by_image.vectors.base import VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
from search_by_image.vectors.milvus_space import LARGEST_ID
from vectors.milvus_stores import Databases, databases_of

MILVUS = ("milvus", "lite")
HERE = Path(__file__).parent
MakeIndex = Callable[..., VectorIndex]


SLOW = ("[milvus", "[lite")
ALL_METRICS = "test_distances_and_order"
LONG_THERE = ("test_any_history", "test_put_twice", "test_many_threads")


NO_BITS = pytest.mark.skip(reason="Milvus Lite keeps no vectors of bits; test_lite.py holds that it says so")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and "[lite" in item.nodeid and needs_bits(item):
            item.add_marker(NO_BITS)
    take_samples(config, items)


def needs_bits(item: pytest.Item) -> bool:
    metric = item.callspec.params.get("metric")
    return "TestBits" in item.nodeid or (metric is not None and metric.is_binary)


def take_samples(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where a case takes a second, one case of a test, and all metrics of a search; every one if asked."""
    if wants_every_case():
        return
    seen: Counter[tuple[str, str | None]] = Counter()
    kept, left_out = [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        place = next((slow for slow in SLOW if slow in item.nodeid and item.path.parent == HERE), None)
        seen[name, place] += 1
        surplus = seen[name, place] > 1 and ALL_METRICS not in name
        is_long = any(part in name for part in LONG_THERE)
        (left_out if place and (surplus or is_long) else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.fixture(params=["flat", "hnsw", "ivf"])
def kind(request: pytest.FixtureRequest) -> Literal["flat", "hnsw", "ivf"]:
    return request.param


@pytest.fixture(params=["flat", "hnsw", "ivf", "milvus", "lite"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def databases(milvus: MilvusProcess) -> Iterator[Databases]:
    with databases_of(milvus) as databases:
        yield databases


@pytest.fixture
def largest_id(backend: str) -> int:
    return LARGEST_ID if backend in MILVUS else 2**63 - 1


@pytest.fixture
def smallest_id(backend: str) -> int:
    return -LARGEST_ID if backend in MILVUS else -(2**63)


@pytest.fixture
def make_index(tmp_path: Path, backend: str, request: pytest.FixtureRequest) -> Iterator[MakeIndex]:
    """`make_index(store="s")` opens the store of that name: empty at first, after a `close` with what it kept.

    Up to 256 vectors every back end here answers exactly.
    """
    opened: list[VectorIndex] = []
    databases = request.getfixturevalue("databases") if backend == "milvus" else None

    def make(store: str = "store") -> VectorIndex:
        if backend == "lite":
            index = MilvusIndex(MilvusConnectionSettings(file=tmp_path / f"{store}.db", timeout=60))
        elif databases is None:
            index = EmbeddedIndex(EmbeddedSettings(tmp_path / store, kind=backend, exact_below=257))
        else:
            index = MilvusIndex(databases.settings(store))
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.close()
