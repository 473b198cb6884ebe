"""What is particular to Milvus Lite: its file, its one process, what it cannot do; the rest is the contract's."""

import subprocess
import sys

import numpy as np
import pytest

from search_by_image.errors import ConfigError, MissingDependencyError, StoreError, StoreLockedError
from search_by_image.filters import parse_filter
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
from vectors.stores import found

SPACE = Space("app_pictures", 8, Metric.L2)


@pytest.fixture
def open_index(tmp_path):
    opened = []

    def open_index(space=SPACE, name="lite.db", **settings):
        index = MilvusIndex(MilvusConnectionSettings(file=tmp_path / name, timeout=60, **settings))
        opened.append(index)
        index.open_space(space)
        return index

    yield open_index
    for index in opened:
        index.close()


def test_a_second_one_on_the_same_file_is_refused_until_the_first_is_closed(open_index):
    first = open_index()
    first.upsert(SPACE.name, np.array([1]), np.ones((1, 8)))
    with pytest.raises(StoreLockedError, match=r"lite\.db is in use by another process"):
        open_index()
    first.close()
    assert open_index().ids(SPACE.name).tolist() == [1]


def test_so_is_a_second_process(open_index, tmp_path):
    open_index()
    program = f"""
from pathlib import Path
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
MilvusIndex(MilvusConnectionSettings(file=Path({str(tmp_path / "lite.db")!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "StoreLockedError" in done.stderr


def test_what_a_killed_process_wrote_is_there(open_index, tmp_path):
    program = f"""
import os, signal
from pathlib import Path
import numpy as np
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
index = MilvusIndex(MilvusConnectionSettings(file=Path({str(tmp_path / "lite.db")!r}), timeout=60))
index.open_space(Space("app_pictures", 8, Metric.L2))
for number in range(5):
    index.upsert("app_pictures", np.array([number]), np.full((1, 8), number))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert open_index().ids(SPACE.name).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("metric", [Metric.HAMMING, Metric.JACCARD])
def test_vectors_of_bits_are_refused_with_what_takes_them(open_index, metric):
    with pytest.raises(ConfigError, match=f"no vectors of bits.*{metric}.*embedded"):
        open_index(Space("app_pictures", 8, metric))


def test_an_index_type_that_it_lacks_is_a_mistake_of_the_configuration(open_index):
    with pytest.raises(ConfigError, match=r"does not build DISKANN.*AUTOINDEX, FLAT, IVF_FLAT, IVF_SQ8, HNSW"):
        open_index(index_type="DISKANN")


@pytest.mark.parametrize("index_type", ["AUTOINDEX", "FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8"])
def test_these_index_types_find(open_index, index_type):
    index = open_index(index_type=index_type)
    vectors = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    index.upsert(SPACE.name, np.arange(300), vectors)
    assert found(index.search(SPACE.name, vectors[7], 1)) == [7]
    assert index.stats(SPACE.name).kind == ("flat" if index_type == "AUTOINDEX" else index_type.lower())


def test_filters_narrow_nothing_because_it_is_slow_at_them(open_index):
    index = open_index()
    index.upsert(SPACE.name, np.arange(3), np.zeros((3, 8)), [{"kind": "cat"}, {"kind": "dog"}, {}])
    assert found(index.search(SPACE.name, np.zeros(8), 5, where=parse_filter({"kind": "cat"}))) == [0, 1, 2]


def test_a_file_that_it_did_not_make_is_refused(open_index, tmp_path):
    (tmp_path / "lite.db").write_bytes(b"SQLite format 3\0")
    with pytest.raises(StoreError, match=r"cannot open .*lite\.db"):
        open_index()


def test_without_the_package_the_line_to_install_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "milvus_lite.server_manager", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'search-by-image\[milvus-lite\]'"):
        MilvusIndex(MilvusConnectionSettings(file=tmp_path / "lite.db"))


def test_a_server_alone_does_not_load_it():
    program = "import sys, search_by_image.vectors.milvus; assert 'milvus_lite' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
