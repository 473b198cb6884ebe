"""What is particular to Milvus: connecting, outages, names, index types; the rest is the contract's."""

import itertools
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_by_image.errors import (
    ConfigError,
    InvalidInputError,
    MissingDependencyError,
    StoreError,
    StoreUnavailableError,
    UnknownNameError,
    VectorMismatchError,
)
from search_by_image.filters import parse_filter
from search_by_image.vectors.base import Metric, Space
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
from search_by_image.vectors.milvus_names import collection_name
from search_by_image.vectors.milvus_rows import parcels, told_distances
from vectors.milvus_stores import milvus_settings
from vectors.stores import found, true_distances

SPACE = Space("app_pictures", 8, Metric.L2)
NOBODY = "http://127.0.0.1:1"
PATIENCE = 60


@pytest.fixture
def open_index(databases):
    opened = []

    def open_index(space=SPACE, **settings):
        index = MilvusIndex(databases.settings(**settings))
        opened.append(index)
        index.open_space(space)
        return index

    yield open_index
    for index in opened:
        index.close()


def filled(index, space=SPACE, count=300):
    vectors = np.random.default_rng(0).normal(size=(count, space.dimension)).astype(np.float32)
    vectors = (vectors > 0).astype(np.float32) if space.metric.is_binary else vectors
    index.upsert(space.name, np.arange(count), vectors)
    return vectors


class TestConnecting:
    def test_a_server_that_is_not_there_is_unavailable_and_then_refused_at_once(self):
        index = MilvusIndex(MilvusConnectionSettings(uri=NOBODY, password="s3cret", timeout=1))
        for told in ("does not answer", "a moment ago"):
            with pytest.raises(StoreUnavailableError, match=told):
                index.open_space(SPACE)
        index.close()

    @pytest.mark.parametrize("login", [{"password": "s3cret!"}, {"token": "root:s3cret!"}, {"uri": "//root:s3cret!@"}])
    def test_a_wrong_password_is_not_told(self, milvus, login):
        if "uri" in login:
            login = {"uri": f"http:{login['uri']}{milvus.address}", "password": ""}
        settings = milvus_settings(milvus, **login)
        index = MilvusIndex(settings)
        with pytest.raises(StoreError, match="refused the login") as caught:
            index.open_space(SPACE)
        assert "s3cret" not in f"{caught.value}{settings.shown}"
        assert "s3cret" not in repr(settings) or "uri" in login
        index.close()

    def test_an_unknown_database_is_told(self, milvus):
        index = MilvusIndex(milvus_settings(milvus, db_name="nobody"))
        with pytest.raises(StoreError, match="nobody"):
            index.open_space(SPACE)
        index.close()

    def test_a_server_without_a_call_that_is_needed_is_too_old(self):
        server = grpc.server(ThreadPoolExecutor(1))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        index = MilvusIndex(MilvusConnectionSettings(uri=f"http://127.0.0.1:{port}", timeout=10))
        try:
            with pytest.raises(StoreError, match=r"needs Milvus 2\.3 or newer"):
                index.open_space(SPACE)
        finally:
            index.close()
            server.stop(0)

    def test_without_pymilvus_the_line_to_install_it_is_told(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pymilvus", None)
        with pytest.raises(MissingDependencyError, match=r"pip install 'search-by-image\[milvus\]'"):
            MilvusIndex(MilvusConnectionSettings(uri=NOBODY))

    def test_the_module_alone_does_not_load_pymilvus(self):
        program = "import sys, search_by_image.vectors.milvus; assert 'pymilvus' not in sys.modules"
        subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.soak
class TestOutage:
    def test_after_a_restart_the_server_is_used_again(self, milvus, open_index):
        index = open_index(timeout=5)
        filled(index)
        before = index.search(SPACE.name, np.zeros(8), 5)
        milvus.stop()
        try:
            with pytest.raises(StoreUnavailableError):
                index.search(SPACE.name, np.zeros(8), 5)
        finally:
            milvus.start()
        assert eventually(lambda: index.search(SPACE.name, np.zeros(8), 5)) == before
        index.upsert(SPACE.name, np.array([1000]), np.zeros((1, 8)))
        assert index.ids(SPACE.name).tolist() == [*range(300), 1000]

    def test_a_server_that_hangs_is_given_up(self, milvus, open_index):
        index = open_index(timeout=1)
        filled(index)
        milvus.silence(silent=True)
        try:
            with pytest.raises(StoreUnavailableError, match="within 1 seconds"):
                index.search(SPACE.name, np.zeros(8), 1)
        finally:
            milvus.silence(silent=False)
        assert len(eventually(lambda: index.search(SPACE.name, np.zeros(8), 1))) == 1


def eventually(act):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except StoreUnavailableError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


class TestIndexTypes:
    @pytest.mark.parametrize("metric", [Metric.L2, Metric.HAMMING])
    @pytest.mark.parametrize(
        "name", ["AUTOINDEX", "FLAT", "IVF_FLAT", "IVF_SQ8", "HNSW", "DISKANN", "BIN_FLAT", "BIN_IVF_FLAT"]
    )
    def test_each_takes_its_kind_of_vectors(self, open_index, name, metric):
        """A type for real numbers stands for one for bits too: pipelines of both kinds share the setting."""
        space = Space("app_pictures", 16, metric)
        if name.startswith("BIN") and not metric.is_binary:
            with pytest.raises(ConfigError, match=f"{name}.*AUTOINDEX"):
                open_index(space, index_type=name)
            return
        index = open_index(space, index_type=name)
        vectors = filled(index, space)
        assert found(index.search(space.name, vectors[7], 1)) == [7]
        for_bits = "bin_ivf_flat" if "IVF" in name else "bin_flat"
        assert index.stats(space.name).kind == (for_bits if metric.is_binary else name.lower())

    @pytest.mark.parametrize("metric", [Metric.L2, Metric.IP, Metric.COSINE])
    @pytest.mark.parametrize("name", ["HNSW", "IVF_SQ8"])
    def test_distances_are_true_and_vectors_come_back_only_where_they_are_rounded(
        self, open_index, monkeypatch, name, metric
    ):
        space = Space("app_pictures", 16, metric)
        index = open_index(space, index_type=name)
        vectors = filled(index, space)
        asked = []
        call = index._connection.call
        monkeypatch.setattr(
            index._connection,
            "call",
            lambda method, **arguments: asked.append(arguments.get("output_fields")) or call(method, **arguments),
        )
        answer = index.search(space.name, vectors[7], 5)
        assert asked == [[] if name == "HNSW" else ["vector"]]
        expected = true_distances(metric, vectors, vectors[7])
        assert [neighbour.distance for neighbour in answer] == pytest.approx(np.sort(expected)[:5], abs=2e-5)

    @pytest.mark.parametrize(
        ("metric", "told", "ours"),
        [
            (Metric.L2, [0.0, -1e-9, 4.0], [0, 0, 2]),
            (Metric.IP, [3.0, -1.0], [-2, 2]),
            (Metric.COSINE, [1.0000001, 1.0, 0.0, -1.0], [0, 0, 1, 2]),
            (Metric.COSINE, [0.12345678, 0.12345681], [0.876543, 0.876543]),
            (Metric.COSINE, [], []),
        ],
    )
    def test_what_milvus_tells_becomes_our_distances(self, metric, told, ours):
        assert told_distances(metric, told).tolist() == pytest.approx(ours, abs=1e-12)

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"index_type": "ANNOY"}, "ANNOY.*IVF_SQ8"),
            ({"index_type": "HNSW", "index_params": {"nlist": 4}}, "nlist.*M, efConstruction"),
            ({"index_type": "HNSW", "search_params": {"nprobe": 4}}, "nprobe.*ef"),
            ({"key_file": "key.pem"}, "Give both"),
        ],
    )
    def test_settings_that_do_not_fit_are_refused(self, settings, told):
        with pytest.raises(ConfigError, match=told):
            MilvusConnectionSettings(uri=NOBODY, **settings)

    def test_parameters_that_the_server_refuses_are_a_mistake_of_the_configuration(self, open_index):
        with pytest.raises(ConfigError, match=r"Milvus v2\.3\.5"):
            open_index(index_type="IVF_FLAT", index_params={"nlist": -1})

    def test_an_index_of_another_type_is_kept(self, open_index, caplog):
        open_index(index_type="FLAT").close()
        again = open_index(index_type="HNSW")
        assert again.stats(SPACE.name).kind == "flat"
        assert "keeps its FLAT index" in caplog.text
        assert "search-by-image reindex" in caplog.text

    def test_the_recipe_tells_type_and_parameters(self):
        recipes = {
            MilvusIndex(MilvusConnectionSettings(uri=NOBODY, **settings)).recipe
            for settings in (
                {},
                {"index_type": "HNSW"},
                {"index_type": "HNSW", "index_params": {"M": 8}},
                {"index_type": "HNSW", "index_params": {"M": 9}},
                {"index_type": "HNSW", "search_params": {"ef": 9}},
            )
        }
        assert len(recipes) == 4


class TestSpaces:
    @pytest.mark.parametrize("other", [Space(SPACE.name, 9, SPACE.metric), Space(SPACE.name, 8, Metric.IP)])
    def test_a_kept_one_of_another_kind_is_refused_with_both(self, open_index, other):
        open_index().close()
        with pytest.raises(
            VectorMismatchError, match=rf"dimension 8 and metric L2.*{other.dimension} and {other.metric}"
        ):
            open_index(other)

    def test_two_processes_share_one(self, open_index):
        one, other = open_index(), open_index(consistency="Strong")
        vectors = filled(one)
        assert found(other.search(SPACE.name, vectors[3], 1)) == [3]
        other.delete(SPACE.name, np.array([3]))
        assert 3 not in one.ids(SPACE.name)

    def test_one_that_another_process_dropped_may_be_opened_again(self, open_index):
        one, other = open_index(), open_index()
        vectors = filled(one)
        for call in (
            lambda: one.search(SPACE.name, vectors[3], 1),
            lambda: one.ids(SPACE.name),
            lambda: one.stats(SPACE.name),
            lambda: one.upsert(SPACE.name, np.array([1000]), vectors[:1]),
            lambda: one.delete(SPACE.name, np.array([3])),
        ):
            other.drop_space(SPACE.name)
            with pytest.raises(UnknownNameError, match=SPACE.name):
                call()
            assert one.spaces() == ()
            one.open_space(SPACE)
            assert one.ids(SPACE.name).tolist() == []
        one.upsert(SPACE.name, np.array([3]), vectors[3:4])
        assert one.ids(SPACE.name).tolist() == [3]

    def test_one_that_another_process_created_anew_as_another_is_opened_as_that(self, open_index):
        one, other = open_index(), open_index()
        other.drop_space(SPACE.name)
        anew = Space(SPACE.name, 4, Metric.IP)
        other.open_space(anew)
        with pytest.raises(VectorMismatchError, match="dimension 4 and metric IP"):
            one.open_space(SPACE)
        one.open_space(anew)
        one.upsert(SPACE.name, np.array([1]), np.ones((1, 4)))
        assert other.ids(SPACE.name).tolist() == [1]

    @pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
    def test_ids_that_milvus_loses_are_refused(self, open_index, number):
        with pytest.raises(InvalidInputError, match=str(number)):
            open_index().upsert(SPACE.name, np.array([number]), np.zeros((1, 8)))

    def test_one_of_an_older_version_works_on_without_documents(self, databases, open_index, caplog):
        databases.create_without_documents(SPACE)
        index = open_index()
        index.upsert(SPACE.name, np.array([1, 2]), np.zeros((2, 8)), [{"kind": "cat"}, {"kind": "dog"}])
        where = parse_filter({"kind": "cat"})
        assert found(index.search(SPACE.name, np.zeros(8), 5, where=where)) == [1, 2]
        assert caplog.text.count("search-by-image reindex") == 1

    def test_names_stay_readable_and_apart(self):
        mapped = collection_name("以图搜图_a-b")
        assert collection_name("app_pictures") == "app_pictures"
        assert mapped.startswith("s_")
        assert len({mapped, collection_name("以图搜图_a/b"), collection_name(mapped)}) == 3

    def test_more_ids_than_a_page_holds(self, open_index):
        index = open_index(Space("app_pictures", 2, Metric.L2))
        index.upsert("app_pictures", np.arange(20_000), np.ones((20_000, 2)))
        assert index.ids("app_pictures").tolist() == list(range(20_000))


@given(st.lists(st.integers(1, 50)))
def test_parcels_hold_everything_once_and_are_small(sizes):
    parts = list(parcels(sizes, 60))
    assert [size for part in parts for size in sizes[part]] == sizes
    assert all(sum(sizes[part]) <= 60 for part in parts)
    assert all(sum(sizes[one.start : other.start + 1]) > 60 for one, other in itertools.pairwise(parts))


def test_what_is_too_large_for_a_parcel_goes_alone():
    assert list(parcels([70, 70, 1], 60)) == [slice(0, 1), slice(1, 2), slice(2, 3)]
