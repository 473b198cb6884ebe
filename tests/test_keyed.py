"""Pictures under callers' keys in the library: what failures and crashes leave, and what is done about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cheap_library import open_library, picture
from search_by_image import library as library_module
from search_by_image.errors import KeyTakenError, NotFoundError, PreconditionFailedError, StoreUnavailableError
from search_by_image.indexed import IndexedSpaces
from search_by_image.keyed import Expected
from search_by_image.records.base import State
from search_by_image.records.sql import SqlRecordStore


def put(library, key, seed, document=None, expected=None):
    prepared = library.prepare(picture(seed), document or {"seed": seed}, "Thumb", "images", pinned=True)
    return library.keyed.put(key, prepared, expected)


def found(library, seed):
    return [(hit.stored.key, hit.document["seed"]) for hit in library.search(picture(seed), "Thumb", min_score=0.999)]


def unavailable(*_, **__):
    raise StoreUnavailableError("away")


def test_a_replaced_picture_is_gone_from_both_stores(library):
    put(library, "a", 1)
    put(library, "a", 2)
    assert found(library, 2) == [("a", 2)]
    assert found(library, 1) == []
    (space,) = library.spaces()
    assert len(library._index.ids(space.indexed.name)) == 1
    assert library._records.in_state(State.REMOVING) == {}


def test_what_the_index_refuses_leaves_the_old_picture(library, monkeypatch):
    put(library, "a", 1)
    with monkeypatch.context() as outage:
        outage.setattr(IndexedSpaces, "add", unavailable)
        with pytest.raises(StoreUnavailableError):
            put(library, "a", 2)
        with pytest.raises(StoreUnavailableError):
            library.keyed.change("images", "a", {"seed": 3})
    assert found(library, 1) == [("a", 1)]
    assert library._records.in_state(State.STAGED) == {}
    library.maintain()
    assert library._records.in_state(State.REMOVING) == {}


def test_a_change_that_counts_is_acknowledged_though_the_old_vector_stays_for_a_while(library, monkeypatch):
    put(library, "a", 1)
    with monkeypatch.context() as outage:
        outage.setattr(IndexedSpaces, "delete", unavailable)
        assert not put(library, "a", 2).created
    assert found(library, 2) == [("a", 2)]
    assert found(library, 1) == []
    library.maintain()
    (space,) = library.spaces()
    assert len(library._index.ids(space.indexed.name)) == 1


def test_what_a_crash_left_staged_is_given_up_when_nobody_can_be_at_it(tmp_path, monkeypatch):
    library = open_library(tmp_path)
    put(library, "a", 1)
    with monkeypatch.context() as crash:
        crash.setattr(SqlRecordStore, "publish", unavailable)
        crash.setattr(SqlRecordStore, "give_up", lambda *_: None)
        with pytest.raises(StoreUnavailableError):
            put(library, "a", 2)
    library.close()

    library = open_library(tmp_path)
    library.maintain()
    assert library._records.in_state(State.STAGED)["search_by_image_images"].size == 1
    assert found(library, 1) == [("a", 1)]
    monkeypatch.setattr(library_module, "STUCK_AFTER_MS", -1000)
    library.maintain()
    assert library._records.in_state(State.STAGED) == {}
    assert library._records.in_state(State.REMOVING) == {}
    (space,) = library.spaces()
    assert len(library._index.ids(space.indexed.name)) == 1
    assert found(library, 1) == [("a", 1)]
    library.close()


def test_the_index_keeps_what_is_staged_when_it_is_brought_in_step(library, monkeypatch):
    """As when another process starts while this one is between staging and publishing."""
    put(library, "a", 1)
    publish = SqlRecordStore.publish

    def interrupted(store, publications):
        library._indexed.open_all()
        publish(store, publications)

    monkeypatch.setattr(SqlRecordStore, "publish", interrupted)
    put(library, "a", 2)
    assert found(library, 2) == [("a", 2)]


def test_many_keys_at_once(library):
    pictures = {f"k{n}": library.prepare(picture(n), {"seed": n}, "Thumb", "images", pinned=True) for n in range(20)}
    first = library.keyed.put_many(pictures)
    assert all(done.created for done in first.values())
    second = library.keyed.put_many(pictures)
    assert not any(done.created for done in second.values())
    assert library.count() == 20
    with pytest.raises(PreconditionFailedError):
        library.keyed.put_many(pictures, Expected(absent=True))
    assert library.keyed.put_many({}) == {}


def test_whoever_is_always_slower_is_told(library, monkeypatch):
    put(library, "a", 1)

    def taken(*_):
        raise KeyTakenError("changed meanwhile")

    monkeypatch.setattr(SqlRecordStore, "publish", taken)
    with pytest.raises(KeyTakenError):
        put(library, "a", 2)
    with pytest.raises(KeyTakenError):
        library.keyed.change("images", "a", {"x": 1})
    assert found(library, 1) == [("a", 1)]


def test_nothing_there(library):
    with pytest.raises(NotFoundError, match="'a'"):
        library.keyed.find("images", "a")
    with pytest.raises(NotFoundError):
        library.keyed.remove("images", "1")


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from cheap_library import open_library, picture
library = open_library(Path(sys.argv[1]))
seed = 0
while True:
    for key in "abc":
        prepared = library.prepare(picture(seed), {"seed": seed}, "Thumb", "images", pinned=True)
        os.write(1, f"? {key} {seed}\\n".encode())
        library.keyed.put(key, prepared)
        os.write(1, f"+ {key} {seed}\\n".encode())
        seed += 1
"""


@pytest.mark.slow
def test_kills_between_versions_lose_none_that_was_acknowledged_and_double_none(tmp_path):
    tests = Path(__file__).parent
    for lines in (2, 3, 9, 14, 21, 33):
        said, asked = {}, {}
        environment = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(tests), str(tests.parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            for heard, line in enumerate(process.stdout, 1):
                mark, key, seed = line.split()
                (said if mark == "+" else asked)[key] = int(seed)
                if heard == lines:
                    process.kill()
        library = open_library(tmp_path)
        library.maintain()
        documents = [stored.document["seed"] for stored in library.page(library_module.Match(), limit=99)]
        keys = {key: library.keyed.find("images", key).document["seed"] for key in said}
        assert all(said[key] <= keys[key] <= asked[key] for key in said)
        assert len(documents) == len(set(documents)) <= 3
        assert sorted(keys.values()) == sorted(seed for seed in documents if seed in keys.values())
        for key, seed in keys.items():
            assert (key, seed) in found(library, seed)
        library.close()
