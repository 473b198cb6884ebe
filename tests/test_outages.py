"""Servers that are killed and started, and a disk without room, under a running library; `make faults` does more."""

from pathlib import Path

import pytest

from faults.full_disk import on_limited_files
from faults.kills import kill_often
from faults.outages import Outage, outage
from faults.pairs import Pair, embedded
from milvus_server import MilvusProcess
from search_by_image import library
from search_by_image.records.sql import SqlRecordStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:::pymilvus"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _soon_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was half written is finished after two seconds in place of sixty."""
    monkeypatch.setattr(library, "STUCK_AFTER_MS", 2000)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("pair", "server"), [("mariadb", "MariaDB"), ("mongodb", "MongoDB stand-in"), ("mongodb", "Milvus")]
)
def test_a_library_outlives_the_kill_of_a_server(
    milvus: MilvusProcess, request: pytest.FixtureRequest, pair: str, server: str
) -> None:
    stores: Pair = request.getfixturevalue(f"{pair}_pair")
    failing = next(one for one in stores.servers if one.name == server)
    check(outage(stores.settings(f"killed_{server[:7].lower()}"), failing.stop, failing.start))


def test_a_library_outlives_a_full_disk(tmp_path: Path) -> None:
    check(on_limited_files(tmp_path))


def test_ids_whose_settling_failed_are_settled_in_the_next_round(tmp_path, monkeypatch) -> None:
    """Not only when they count as stuck."""
    from cheap_library import open_library, picture
    from search_by_image.errors import StoreUnavailableError
    from search_by_image.records.base import State

    opened = open_library(tmp_path)
    opened.add(picture(1), {}, "Thumb")

    def unavailable(self, ids):
        raise StoreUnavailableError("away")

    with monkeypatch.context() as outage_of_records:
        outage_of_records.setattr(SqlRecordStore, "settle", unavailable)
        with pytest.raises(StoreUnavailableError, match="away"):
            opened.maintain()
    assert opened._records.in_state(State.PENDING)
    opened.maintain()
    assert not opened._records.in_state(State.PENDING)
    opened.close()


@pytest.mark.soak
def test_two_kills_on_servers(milvus: MilvusProcess, mariadb_pair: Pair) -> None:
    said, broken = kill_often(mariadb_pair.settings("two_kills"), 2)
    assert said.added
    assert not broken


def test_a_broken_promise_is_seen(tmp_path: Path) -> None:
    """The fault test itself: a record that goes behind the library's back is lost and half there."""
    from faults.pairs import open_library
    from faults.pictures import PIPELINE, picture
    from faults.promise import Acknowledged, broken_promises

    with open_library(embedded(tmp_path).settings("broken"), maintain=False) as engine:
        ids = [engine.image_to_search_db(picture(number), {"id": number}, PIPELINE)[0] for number in (1, 2)]
        (space,) = engine.library.spaces()
        engine.library._index.delete(space.name, [ids[0]])
        engine.image_to_search_db(picture(2), {"id": 2}, PIPELINE)
        broken = broken_promises(engine, Acknowledged({1, 2, 3}, {2}, {2}))
        assert broken.lost == {1, 3}
        assert broken.doubled == broken.back == {2}
        assert ids[0] in broken.half


def check(found: Outage) -> None:
    assert not found.broken
    assert found.calls.refused
    assert found.calls.errors == {"StoreUnavailableError"}
    assert len(found.said.added) > 2 * 20
    assert found.said.removed
