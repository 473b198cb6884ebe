"""What is MongoDB's own: what is kept, half-done batches, outages, logins, and a library over it."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pymongo")

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, OperationFailure

from cheap_library import cheap_pipelines, picture
from conftest import missing
from mongodb_server import MongodbProcess, why_not
from records.conftest import EVERY, MakeRecords, hash_of, ids_of, record
from search_by_image.deadline import limited
from search_by_image.errors import DuplicateIdError, StoreError, StoreUnavailableError
from search_by_image.extraction import Extractor
from search_by_image.filters import And, Compare, Exists, In, Order
from search_by_image.images import ImageLimits
from search_by_image.library import Library
from search_by_image.locks import Gate
from search_by_image.records import mongodb_keys
from search_by_image.records.base import Match, Publication, SpaceRecord, State
from search_by_image.records.mongodb import INDEXES, MongoRecordStore
from search_by_image.records.mongodb_client import translated
from search_by_image.records.mongodb_filters import query_of
from search_by_image.records.mongodb_inserts import insert_in_transaction
from search_by_image.records.mongodb_terms import FORM, LONGEST, term, terms_of
from search_by_image.records.mongodb_upgrade import AT_ONCE, OLDER
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings

IMPATIENT = {"serverSelectionTimeoutMS": 300, "connectTimeoutMS": 300, "socketTimeoutMS": 1000}


@pytest.fixture(params=["mongodb_stand_in", "mongodb"])
def make_store(request: pytest.FixtureRequest) -> MakeRecords:
    return request.getfixturevalue(request.param)


@pytest.fixture
def store(make_store: MakeRecords) -> Iterator[MongoRecordStore]:
    opened = make_store()
    yield opened
    opened.close()


@pytest.fixture
def process() -> Iterator[MongodbProcess]:
    """A server that the test may stop."""
    if reason := why_not():
        missing(reason)
    own = MongodbProcess()
    own.start()
    yield own
    own.close()


@pytest.fixture
def impatient(process: MongodbProcess) -> Iterator[MongoRecordStore]:
    opened = MongoRecordStore({"host": "127.0.0.1", "port": process.port, **IMPATIENT})
    yield opened
    opened.close()


# Terms


def test_a_document_is_found_by_its_scalars_by_their_order_and_by_its_paths():
    document = {"id": "a", "shop": {"id": 1.0, "open": True}, "tags": ["x", None, ["y"], {"z": 1}, "x"], "none": {}}
    assert terms_of(document) == [
        *('id="a"', '"id"ta'),
        *('"shop"e', "shop.id=1", '"shop.id"nbff0000000000000', "shop.open=true", '"shop.open"e'),
        *('tags="x"', "tags=null", '"tags"tx'),
        '"none"e',
    ]


def test_names_that_nobody_can_ask_for_have_no_terms():
    assert terms_of({"a.b": 1, "": 2, 'a"b': 3, "a": {"c.d": 4, "$e": None}}) == ['"a"e', "a.$e=null", '"a.$e"e']


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_numbers_sort_as_their_terms_do(pair):
    first, second = (terms_of({"v": number})[1] for number in pair)
    assert (first < second, first == second) == (pair[0] < pair[1], pair[0] == pair[1])


def test_numbers_that_are_equal_have_the_same_term():
    assert term("v", 1) == term("v", 1.0) != term("v", True)
    assert term("v", 0) == term("v", -0.0)
    assert term("v", 10**18) == term("v", 1e18)
    assert term("v", 2**53 + 1) != term("v", float(2**53))
    assert len({term("v", value) for value in ("1", 1, "true", True, "null", None, "")}) == 7


def test_long_values_have_short_terms_that_differ():
    one, other = term("v", "x" * 10_000), term("v", "x" * 10_001)
    assert one != other
    assert len(one) == len(other) < LONGEST
    assert term("v", "猫" * 60).startswith("#")
    assert not term("v", "猫" * 30).startswith("#")


# What is kept


def kept(store: MongoRecordStore, id_: int) -> dict[str, object]:
    return store._images.find_one({"_id": id_})


def test_the_document_is_kept_as_its_json_text(store):
    store.put([record(1, {"$set": {"_id": 1, "a.b": None}, "": "é"})])
    assert kept(store, 1)["document"] == '{"$set":{"_id":1,"a.b":null},"":"é"}'
    assert kept(store, 1)["terms"] == ['"$set"e', "$set._id=1", '"$set._id"nbff0000000000000']
    assert list(store.get([1])[1].document) == ["$set", ""]


def test_every_index_is_there(store):
    there = [tuple(name for name, _ in index["key"]) for index in store._images.index_information().values()]
    assert set(there) >= set(INDEXES)


def as_of_old(store: MongoRecordStore) -> None:
    """What a store of form 1 has written: terms for equality only."""
    for row in list(store._images.find()):
        terms = [one for one in row["terms"] if not one.startswith('"')]
        store._images.update_one({"_id": row["_id"]}, {"$set": {"terms": terms}, "$unset": {"form": 1}})


def test_rows_of_an_older_form_are_found_by_any_filter_when_the_store_is_opened(make_store, store):
    store.put([record(n, {"n": n, "text": "x" * n}) for n in range(1, 451)])
    store.begin_removal(Match(ids=(450,)))
    as_of_old(store)
    above = Match(And((Compare("n", Order.GT, 440), Exists("text"))))
    assert store.count(above) == 0
    with_new_terms = make_store(name(store))
    assert ids_of(with_new_terms.page(above, limit=99)) == list(range(441, 450))
    assert with_new_terms.count(Match(In("n", (7,)))) == 1
    assert {row["form"] for row in store._images.find()} == {FORM}
    with_new_terms.close()


def test_an_upgrade_goes_on_where_it_was_stopped(make_store, store, monkeypatch):
    store.put([record(n, {"n": n}) for n in range(1, 451)])
    as_of_old(store)
    bulk_write, left = Collection.bulk_write, [1]

    def write_once(*args, **options):
        if not left:
            raise AutoReconnect("gone")
        left.pop()
        return bulk_write(*args, **options)

    with monkeypatch.context() as patched, pytest.raises(StoreUnavailableError):
        patched.setattr(Collection, "bulk_write", write_once)
        make_store(name(store))
    assert store._images.count_documents({"form": FORM}) == AT_ONCE
    make_store(name(store)).close()
    assert store.count(Match(Compare("n", Order.GTE, 1))) == 450


@pytest.mark.soak
def test_a_row_too_large_for_more_terms_keeps_those_it_has(make_store, store, caplog):
    store.put([record(1, {"n": "old"}), record(2)])
    as_of_old(store)
    store._images.update_one({"_id": 1}, {"$set": {"document": json.dumps({"n": list(range(400_000))})}})
    opened = make_store(name(store))
    assert ids_of(opened.page(Match(In("n", ("old", 2))), limit=9)) == [1, 2]
    assert "Record 1 is too large" in caplog.text
    opened.close()


def test_a_second_store_opens_what_the_first_made(make_store, store):
    store.create_collection("pets")
    store.put([record(1)])
    other = make_store(name(store))
    assert other.collections() == ("pets",)
    assert other.get([1]).keys() == {1}
    other.close()


def name(store: MongoRecordStore) -> str:
    return store._images.database.name


def test_no_query_of_a_real_server_scans_every_record(mongodb):
    store = mongodb()
    store.put([record(n, {"id": n, "shop": n % 7}, collection="ab"[n % 2]) for n in range(1, 301)])
    visible = {"$in": ["pending", "ready"]}
    for query in (
        {"state": visible},
        {"state": visible, "collection": "a"},
        {"state": visible, "space": "app_a"},
        {"state": visible, "terms": {"$in": ["shop=4"]}},
        {"state": visible, **query_of(Compare("shop", Order.GT, 4))},
        {"state": visible, **query_of(Exists("shop"))},
        OLDER,
        {"state": visible, "pipeline": "Thumb", "sha256": {"$in": [hash_of(1).hex()]}},
        {"state": "removing"},
    ):
        assert "COLLSCAN" not in str(store._images.find(query).sort("id", 1).explain())
    store.close()


# Batches


def test_a_space_of_a_version_without_names_in_the_index_can_be_given_one(store):
    space = store.create_space(SpaceRecord("app_pets", "pets", "Thumb", 4, "L2", "f"))
    store._spaces.update_one({}, {"$unset": {"index_name": ""}})
    assert store.space("app_pets") == space
    assert store.spaces() == (space,)
    assert store.replace_space(space, replace(space, index_name="app_pets@1", metric="IP"))
    assert not store.replace_space(space, replace(space, index_name="app_pets@2", metric="IP"))
    assert store.space("app_pets").index_name == "app_pets@1"


def test_a_batch_that_fails_takes_out_only_what_it_put(store):
    store.put([record(2, {"mine": False})])
    store.begin_removal(EVERY)
    with pytest.raises(DuplicateIdError):
        store.put([record(1), record(2), record(3)])
    assert store.count(EVERY) == 0
    assert store.in_state(State.REMOVING)["app_images"].tolist() == [2]


@pytest.mark.soak
def test_a_document_larger_than_mongodb_takes_is_refused_and_nothing_is_written(store):
    for large in ({"text": "猫" * 5_600_000}, {"numbers": list(range(700_000))}):
        with pytest.raises(StoreError, match="16 MB"):
            store.put([record(1), record(2, large)])
    assert store.count(EVERY) == 0
    store.put([record(1, {"text": "猫" * 5_500_000})])
    assert len(store.get([1])[1].document["text"]) == 5_500_000
    assert len(store.begin_removal(EVERY)) == 1
    with pytest.raises(StoreError, match="not JSON"):
        store.put([record(1, {"text": "\ud800"})])


def test_more_values_than_mongodb_takes_are_refused(store):
    with pytest.raises(StoreError, match="16 MB"):
        store.count(Match(In("v", tuple("x" * 100 + str(number) for number in range(200_000)))))


def test_a_transaction_puts_all_or_none(mongodb_stand_in):
    """As on a replica set, where the contract suite takes this way. The stand-in knows transactions too."""
    store = mongodb_stand_in()
    store._has_transactions = True
    store.put([record(1), record(2)])
    with pytest.raises(DuplicateIdError):
        store.put([record(3), record(1), record(4)])
    assert ids_of(store.page(EVERY, limit=9)) == [1, 2]
    store.put([record(3)])
    assert store.count(EVERY) == 3
    store.close()


def test_a_transaction_waits_for_another_that_is_in_the_way(mongodb_stand_in, monkeypatch):
    store = mongodb_stand_in()
    conflict = OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})
    left, insert_many = [conflict] * 5, Collection.insert_many

    def insert(*args, **options):
        if left:
            raise left.pop()
        return insert_many(*args, **options)

    monkeypatch.setattr(Collection, "insert_many", insert)
    insert_in_transaction(store._images, [{"_id": 1}])
    assert store._images.count_documents({}) == 1
    left += [conflict] * 6
    with pytest.raises(StoreUnavailableError), translated():
        insert_in_transaction(store._images, [{"_id": 2}])
    assert store._images.count_documents({}) == 1
    store.close()


def test_a_page_of_no_rows_has_none(store):
    store.put([record(1)])
    assert store.page(EVERY, limit=0) == store.offset_page(EVERY, offset=0, limit=0) == []


# Outages


def eventually(call, *, attempts=100):
    for _ in range(attempts):
        with suppress(StoreUnavailableError):
            return call()
        time.sleep(0.05)
    return call()


def test_a_server_that_is_away_is_an_error_and_works_again_after(process, impatient):
    impatient.put([record(1)])
    process.kill()
    for call in (
        impatient.ping,
        lambda: impatient.put([record(2)]),
        lambda: impatient.settle([1]),
        lambda: impatient.get([1]),
        lambda: impatient.page(EVERY, limit=1),
        lambda: impatient.begin_removal(EVERY),
        impatient.clear,
    ):
        with pytest.raises(StoreUnavailableError, match="Try again") as caught:
            call()
        assert str(process.port) not in str(caught.value)
    process.start()
    eventually(impatient.ping)
    impatient.put([record(3)])
    assert ids_of(impatient.page(EVERY, limit=9)) == [1, 3]


def test_a_server_that_is_silent_is_an_error_and_works_again_after(process, impatient):
    impatient.put([record(1)])
    process.silence(silent=True)
    with pytest.raises(StoreUnavailableError):
        impatient.get([1])
    with pytest.raises(StoreUnavailableError):
        impatient.put([record(2)])
    process.silence(silent=False)
    assert eventually(lambda: impatient.get([1])).keys() == {1}


def test_a_silent_server_is_waited_for_within_the_limit_of_the_call(process):
    patient = MongoRecordStore({"host": process.uri, "socketTimeoutMS": 60_000, "serverSelectionTimeoutMS": 60_000})
    patient.put([record(1)])
    process.silence(silent=True)
    began = time.monotonic()
    with limited(1):
        for call in (lambda: patient.get([1]), lambda: patient.put([record(2)]), patient.ping):
            with pytest.raises(StoreUnavailableError):
                call()
    assert time.monotonic() - began < 30
    with limited(0.01), pytest.raises(StoreUnavailableError, match="limits/store_timeout"):
        patient.ping()
    assert patient._outage._pause, "a call that asked nothing says nothing about the server"
    process.silence(silent=False)
    assert eventually(lambda: patient.get([1])).keys() == {1}
    patient.close()


def test_opening_without_a_server_is_an_error_of_ours(process):
    process.stop()
    with pytest.raises(StoreUnavailableError):
        MongoRecordStore({"host": process.uri, "password": "", **IMPATIENT})


# Logins


@pytest.fixture
def login(mongodb_uri: str) -> Iterator[dict[str, str]]:
    """A user of a real server, who may write the database that has the same name."""
    database, password = f"test_{uuid4().hex}", uuid4().hex
    with MongoClient(mongodb_uri) as client:
        client[database].command("createUser", "me", pwd=password, roles=["readWrite"])
        host, port = client.address
        yield {"host": host, "port": port, "username": "me", "password": password, "authSource": database}
        client[database].command("dropUser", "me")
        client.drop_database(database)


def test_a_user_of_a_real_server_logs_in(login):
    for mechanism in ("", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        store = MongoRecordStore({**login, "authMechanism": mechanism})
        store.create_collection("pets")
        assert store.collections() == ("pets",)
        assert name(store) == login["authSource"]
        store.close()


def test_a_wrong_password_is_refused_by_a_real_server(login):
    with pytest.raises(StoreError, match="mongodb/username, password") as caught:
        MongoRecordStore({**login, "password": "wrong-" + login["password"]})
    assert not isinstance(caught.value, StoreUnavailableError)
    assert login["password"] not in str(caught.value)


# A library


@pytest.fixture
def library(impatient, tmp_path) -> Iterator[Library]:
    extractor = Extractor(cheap_pipelines(), ImageLimits(), Gate(4, 64))
    opened = Library(impatient, EmbeddedIndex(EmbeddedSettings(path=tmp_path / "vectors")), extractor)
    yield opened
    opened.close()


def test_a_library_imports_searches_lists_removes_and_clears(library):
    added = [library.add(picture(seed), {"id": seed, "shop": {"id": seed % 2}}, "Thumb") for seed in range(6)]
    (best,) = library.search(picture(3), "Thumb", top_k=1)
    assert (best.id, best.document["id"]) == (added[3].id, 3)
    library.maintain()
    assert [one.document["id"] for one in library.page(Match(In("shop.id", (1,))))] == [1, 3, 5]
    assert ids_of(library.remove(Match(In("id", (3,))))) == [added[3].id]
    assert library.search(picture(3), "Thumb", top_k=1)[0].id != added[3].id
    library.clear()
    assert library.count() == 0
    assert library.search(picture(1), "Thumb") == []
    library.add(picture(1), {}, "Thumb")
    assert library.count() == 1


def test_a_library_outlives_an_outage_of_its_records(process, library):
    before = library.add(picture(1), {"n": 1}, "Thumb")
    process.stop()
    for call in (
        lambda: library.add(picture(2), {"n": 2}, "Thumb"),
        lambda: library.search(picture(1), "Thumb"),
        lambda: library.remove(Match(In("n", (1,)))),
        library.count,
        library.maintain,
    ):
        with pytest.raises(StoreUnavailableError):
            call()
    process.start()
    after = library.add(picture(3), {"n": 3}, "Thumb")
    library.maintain()
    assert ids_of(library.page(EVERY)) == [before.id, after.id]
    assert {hit.id for hit in library.search(picture(1), "Thumb")} == {before.id, after.id}


@pytest.mark.parametrize("ended_by", ["give_up", "finish_removal"])
def test_a_publication_that_stopped_when_it_was_decided_is_completed(store, ended_by, monkeypatch):
    """As by a crash between the write to the record replaced and the one to its successor."""
    store.put([record(1, key="a")])
    store.stage([record(2, key="a")])
    with monkeypatch.context() as crash:
        crash.setattr(mongodb_keys, "_show", lambda *_: None)
        store.publish([Publication(2, "images", "a", replaces=1)])
    assert store.find_keys("images", ["a"]) == {}
    if ended_by == "give_up":
        store.give_up([2])
    store.finish_removal([1])
    assert store.find_keys("images", ["a"])["a"].id == 2
    assert store.in_state(State.STAGED) == {}
