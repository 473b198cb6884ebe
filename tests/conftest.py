"""Fixtures that many test files use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cheap_library import open_library
from search_by_image.engine import SearchEngine
from search_by_image.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = open_library(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def engine(library: Library) -> SearchEngine:
    return SearchEngine(library)


def missing_in_ci(reason: str) -> None:
    """Skip; where CI must have everything, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)
