"""The vector indexes that the contract suite runs against."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from search_by_image.vectors.base import VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

MakeIndex = Callable[..., VectorIndex]


@pytest.fixture(params=["flat", "hnsw", "ivf"])
def kind(request: pytest.FixtureRequest) -> Literal["flat", "hnsw", "ivf"]:
    return request.param


@pytest.fixture
def make_index(tmp_path: Path, kind: Literal["flat", "hnsw", "ivf"]) -> Iterator[MakeIndex]:
    """`make_index(store="s")` opens the store of that name: empty at first, after a `close` with what it kept.

    Up to 256 vectors every back end here answers exactly.
    """
    opened: list[VectorIndex] = []

    def make(store: str = "store") -> VectorIndex:
        index = EmbeddedIndex(EmbeddedSettings(tmp_path / store, kind=kind, exact_below=257))
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.close()
