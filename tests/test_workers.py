"""Two services over the same stores, real processes over HTTP: they give the same answers, whoever changes what."""

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cheap_library import library_over, picture
from milvus_server import PASSWORD, USER
from search_by_image.cli import create_cli
from search_by_image.indexed import IndexedSpaces
from search_by_image.reindexing import Reindex
from search_by_image.vectors.base import Metric
from search_by_image.vectors.milvus import MilvusConnectionSettings, MilvusIndex
from switch_load import PICTURES, plugged_in, switched_under_load
from worker_process import SETTINGS, ServiceProcess, command, environment

IMPORTS = 8
PAUSE = 0.1
"""Leaves the machine time for the command that runs meanwhile."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


@pytest.fixture(
    params=["mariadb", pytest.param("mongodb", marks=pytest.mark.soak), pytest.param("sqlite", marks=pytest.mark.soak)]
)
def settings(request: pytest.FixtureRequest, milvus, tmp_path) -> dict[str, str]:
    name = f"workers_{secrets.token_hex(4)}"
    records = {
        "mariadb": lambda: {"records/url": request.getfixturevalue("mariadb_server").create_database(name)},
        "mongodb": lambda: {"mongodb/host": f"{request.getfixturevalue('mongodb_process').uri}/{name}"},
        "sqlite": lambda: {"records/url": f"sqlite:///{tmp_path}/records.db"},
    }
    return records[request.param]() | {
        "search_config/app_name": name,
        "search_config/topk": "5",
        "pipeline/plugins_path": plugged_in(tmp_path / "plugins"),
        "milvus/uri": milvus.uri,
        "milvus/user": USER,
        "milvus/password": PASSWORD,
        "milvus/consistency_level": "Strong",
        "maintenance/interval": "0.5",
    }


@pytest.fixture
def services(settings) -> Iterator[tuple[ServiceProcess, ServiceProcess]]:
    with started(settings) as both:
        yield both


@contextmanager
def started(settings: dict[str, str]) -> Iterator[tuple[ServiceProcess, ServiceProcess]]:
    both = ServiceProcess(settings), ServiceProcess(settings)
    try:
        for service in both:
            service.wait_until_up()
        yield both
    finally:
        statuses = [service.stop() for service in both]
    assert statuses == [0, 0]


def test_two_services_are_one(services, settings):
    one, other = services
    what_one_creates_the_other_finds(one, other)
    kept = at_once(services, first=100)
    said_alike(services, kept)
    one.remove(kept.pop())
    said_alike(services, kept)
    kept |= while_the_index_is_built_anew(services, settings)
    said_alike(services, kept)
    assert ran(settings, "check", "--sample", "20")["ok"]
    what_is_cleared_is_gone_and_can_be_filled(one, other, settings)


@pytest.mark.parametrize("settings", ["mariadb"], indirect=True)
@pytest.mark.usefixtures("logging_as_before")
def test_two_services_follow_a_switch_of_the_model(settings, monkeypatch):
    settings |= {"search_config/topk": "200", "search_config/app_name": "switched"}
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)

    def here(*words):
        done = CliRunner().invoke(create_cli(), [*words, "--config", str(SETTINGS)])
        assert done.exit_code == 0, done.output

    with started(settings) as both:
        for number in range(PICTURES):
            both[0].add(number)
        switched_under_load(list(both), here)


def test_embedded_stores_refuse_a_second_service_and_serve_the_first(tmp_path):
    settings = {"records/url": f"sqlite:///{tmp_path}/records.db", "vectors/path": f"{tmp_path}/vectors"}
    first = ServiceProcess(settings)
    try:
        first.wait_until_up()
        first.add(1)
        for elsewhere in ({}, {"records/url": f"sqlite:///{tmp_path}/other.db"}):
            second = command(settings | elsewhere, "serve", "--port", "0")
            _, errors = second.communicate(timeout=60)
            assert second.returncode == 1
            assert f"The vector index in {tmp_path}/vectors is in use by another process. Stop that process" in errors
            assert "use server stores" in errors
            assert "Traceback" not in errors
        assert not (tmp_path / "other.db").exists()
        assert first.found(1) == [1]
    finally:
        status = first.stop()
    assert status == 0


def test_reindex_gives_milvus_the_index_type_of_the_settings(milvus, shared_records):
    """And other workers, with their own connections, go on from the old index to the new one."""
    wanted = {"uri": milvus.uri, "user": USER, "password": PASSWORD, "consistency": "Strong"}
    old, new = (MilvusConnectionSettings(**wanted, index_type=kind) for kind in ("FLAT", "HNSW"))
    worker, other = (library_over(shared_records, MilvusIndex(old), app_name="retyped") for _ in range(2))
    for number in range(30):
        worker.add(picture(number), {"n": number}, "Thumb")
    other.maintain()
    index = MilvusIndex(new)
    done = Reindex(shared_records, index, IndexedSpaces(shared_records, index)).run(worker.spaces()[0], Metric.IP)
    assert (done.kind, done.metric, done.indexed, done.searched.wrong) == ("hnsw", "IP", 30, ())
    assert [name for name in index.kept() if name.startswith("retyped")] == [done.place]
    for library in (worker, other):
        assert [hit.document["n"] for hit in library.search(picture(7), "Thumb", top_k=1)] == [7]
        assert library.spaces()[0].indexed.name == done.place
        library._index.close()
    index.drop_space(done.place)
    index.close()


def what_one_creates_the_other_finds(one, other):
    other.add(1, "cats")
    assert one.found(1, "cats") == [1]
    one.add(2, "dogs")
    assert other.found(2, "dogs") == [2]
    one.add(3, "cats")
    assert set(other.found(3, "cats")) == {1, 3}


def at_once(services, first: int, until: Callable[[], bool] = lambda: True) -> set[int]:
    """Both import, remove and search; each finds at once what it imported. What is left."""

    def work(service, first):
        kept, number = set(), first
        while number < first + IMPORTS or not until():
            service.add(number)
            assert service.found(number)[:1] == [number]
            kept.add(number)
            if random.random() < 0.2:
                gone = kept.pop()
                service.remove(gone)
                assert gone not in service.found(gone)
            number += 1
            time.sleep(PAUSE)
        return kept

    with ThreadPoolExecutor(2) as threads:
        return set().union(*threads.map(work, services, (first, first + 5000)))


def said_alike(services, kept: set[int]) -> None:
    one, other = services
    assert sorted(number for number in one.listed() if number >= 100) == sorted(kept)
    assert one.listed() == other.listed()
    for number in random.sample(sorted(kept), min(6, len(kept))):
        found = one.search(number)
        assert found[0]["id"] == number
        assert found == other.search(number)


def while_the_index_is_built_anew(services, settings) -> set[int]:
    """Once with a kill, then to the end."""
    stopped = threading.Event()

    def reindexed():
        try:
            killed = command(settings, "reindex", "--collection", "images", "--metric", "L2")
            with pytest.raises(Exception, match="timed out"):
                killed.communicate(timeout=random.uniform(1, 3))
            killed.kill()
            killed.communicate()
            return ran(settings, "reindex", "--collection", "images", "--metric", "L2")
        finally:
            stopped.set()

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(reindexed)
        kept = at_once(services, first=10_000, until=stopped.is_set)
        assert [space["metric"] for space in done.result()["spaces"]] == ["L2"]
    return kept


def what_is_cleared_is_gone_and_can_be_filled(one, other, settings):
    ran(settings, "clear", "--yes")
    assert one.listed() == other.listed() == []
    assert one.found(3) == other.found(3) == []
    other.add(7)
    one.add(8)
    assert set(one.found(7)) == set(other.found(7)) == {7, 8}


def ran(settings, *words) -> dict:
    process = command(settings, *words, "--format", "json")
    out, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    return json.loads(out)
