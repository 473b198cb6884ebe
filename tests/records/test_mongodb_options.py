"""MongoDB's client: what it is given, which assurance it asks for, its errors as ours. No server is needed."""

import importlib
import sys

import pytest

pytest.importorskip("pymongo")

from pymongo import errors
from pymongo.database import Database

from search_by_image.errors import DuplicateIdError, MissingDependencyError, StoreError, StoreUnavailableError
from search_by_image.records.mongodb import MongoRecordStore
from search_by_image.records.mongodb_client import assured, database_name, open_client, translated
from search_by_image.settings.sections import MongodbSettings

SECRET = "s3cr3t-pass"


@pytest.fixture
def opened():
    """Clients connect when they are first used, so these never do."""
    clients = []

    def open_(**options):
        clients.append(open_client(options))
        return clients[-1]

    yield open_
    for client in clients:
        client.close()


def section(**keys):
    return MongodbSettings(**keys).model_dump(by_alias=True)


def test_the_keys_of_the_section_reach_the_client(opened):
    keys = section(
        host="db.local",
        port=27018,
        username="me",
        password=SECRET,
        authSource="photos",
        authMechanism="SCRAM-SHA-256",
        maxPoolSize=7,
        replicaSet="rs0",
        retryWrites=False,
    )
    options = opened(**keys).options
    credentials = options.pool_options._credentials
    assert (credentials.username, credentials.password, credentials.source) == ("me", SECRET, "photos")
    assert credentials.mechanism == "SCRAM-SHA-256"
    assert options.pool_options.max_pool_size == 7
    assert (options.replica_set_name, options.retry_writes) == ("rs0", False)
    assert opened(**keys).topology_description.server_descriptions().keys() == {("db.local", 27018)}


def test_empty_keys_are_not_given(opened):
    client = opened(**section(host="db.local"))
    assert client.options.pool_options._credentials is None
    assert client.options.pool_options.max_pool_size == 100


def test_an_outage_is_noticed_within_seconds_unless_the_settings_say_otherwise(opened):
    assert opened(host="db.local").options.server_selection_timeout == 5
    assert opened(host="db.local").options.pool_options.socket_timeout == 30
    assert opened(host="db.local", serverselectiontimeoutms=700).options.server_selection_timeout == 0.7
    uri = "mongodb://db.local/?serverSelectionTimeoutMS=900"
    assert opened(host=uri).options.server_selection_timeout == 0.9


def test_what_a_uri_says_wins(opened):
    uri = f"mongodb://me:{SECRET}@one:27018,two/photos?maxPoolSize=3&replicaSet=rs0&authSource=admin"
    client = opened(**section(host=uri, authSource="other"))
    assert client.options.pool_options.max_pool_size == 3
    assert client.options.pool_options._credentials.source == "admin"
    assert client.topology_description.server_descriptions().keys() == {("one", 27018), ("two", 27017)}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "search_by_image"),
        ({"authSource": ""}, "search_by_image"),
        ({"authSource": "photos"}, "photos"),
        ({"authSource": "$external"}, "search_by_image"),
        ({"host": "mongodb://h/pictures?authSource=admin", "authSource": "photos"}, "pictures"),
        ({"host": "mongodb://h/?replicaSet=a", "authSource": "photos"}, "photos"),
        ({"host": "h"}, "search_by_image"),
    ],
)
def test_the_database_is_that_of_the_uri_or_of_the_login(options, name):
    assert database_name(options) == name


# Assurance


@pytest.mark.parametrize(
    ("hello", "write", "read", "shared"),
    [
        ({}, {"w": 1, "j": True}, None, False),
        ({"setName": "rs0"}, {"w": "majority", "j": True, "wtimeout": 10_000}, "majority", True),
        ({"msg": "isdbgrid"}, {"w": "majority", "j": True, "wtimeout": 10_000}, "majority", True),
    ],
)
def test_a_replica_set_is_asked_for_its_majority_and_a_single_server_for_its_journal(
    opened, monkeypatch, *, hello, write, read, shared
):
    monkeypatch.setattr(Database, "command", lambda *_: hello)
    database, is_shared = assured(opened(host="db.local"), "photos")
    assert database.name == "photos"
    assert (database.write_concern.document, database.read_concern.level, is_shared) == (write, read, shared)


def test_the_settings_may_ask_for_other_assurance(opened, monkeypatch):
    monkeypatch.setattr(Database, "command", lambda *_: {"setName": "rs0"})
    database, _ = assured(opened(host="db.local", w=2, readConcernLevel="local"), "photos")
    assert (database.write_concern.document, database.read_concern.level) == ({"w": 2}, "local")


# Errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "h", "noSuchOption": 1}, "noSuchOption"),
        ({"host": "h", "authMechanism": "NONE-SUCH"}, "SCRAM-SHA-256"),
        ({"host": "h", "maxPoolSize": -1}, "maxPoolSize"),
        ({"host": "h", "tls": True, "tlsCAFile": "/no/such/file"}, "mongodb/"),
        ({"host": f"mongodb://me:{SECRET}@/x@h:port"}, "%XX"),
        ({"host": f"mongodb://me:{SECRET}@h:{SECRET}"}, "%XX"),
        ({"host": "h", "password": SECRET, SECRET: SECRET}, "%XX"),
    ],
)
def test_settings_that_the_client_refuses_are_an_error_without_secrets(options, said):
    with pytest.raises(StoreError) as caught:
        MongoRecordStore(options)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def bulk(*codes, concern=()):
    return errors.BulkWriteError(
        {"writeErrors": [{"code": code} for code in codes], "writeConcernErrors": [{"code": code} for code in concern]}
    )


LABELLED = errors.OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})


@pytest.mark.parametrize(
    ("foreign", "ours", "words"),
    [
        (errors.DuplicateKeyError(SECRET, 11000), DuplicateIdError, "recorded already"),
        (bulk(11000), DuplicateIdError, "recorded already"),
        (bulk(8), StoreError, "refused a request"),
        (bulk(concern=(64,)), StoreUnavailableError, "Try again"),
        (errors.BulkWriteError({}), StoreError, "refused a request"),
        (errors.AutoReconnect(SECRET), StoreUnavailableError, "Try again"),
        (errors.ServerSelectionTimeoutError(SECRET), StoreUnavailableError, "Try again"),
        (errors.WaitQueueTimeoutError(SECRET), StoreUnavailableError, "Try again"),
        (errors.ExecutionTimeout(SECRET, 50), StoreUnavailableError, "Try again"),
        (errors.WTimeoutError(SECRET, 64), StoreUnavailableError, "Try again"),
        (errors.OperationFailure(SECRET, 11600), StoreUnavailableError, "Try again"),
        (LABELLED, StoreUnavailableError, "Try again"),
        (errors.OperationFailure(SECRET, 18), StoreError, "mongodb/username, password"),
        (errors.OperationFailure(SECRET, 13), StoreError, "mongodb/username, password"),
        (errors.OperationFailure(SECRET), StoreError, "refused a request"),
        (errors.OperationFailure(SECRET, 10334), StoreError, "16 MB"),
        (errors.DocumentTooLarge(SECRET), StoreError, "16 MB"),
        (errors.InvalidOperation(SECRET), StoreError, "refused a request"),
    ],
    ids=repr,
)
def test_the_clients_errors_become_ours(foreign, ours, words):
    with pytest.raises(StoreError, match=words) as caught, translated():
        raise foreign
    assert type(caught.value) is ours
    assert caught.value.__cause__ is foreign
    assert SECRET not in str(caught.value)


def test_without_pymongo_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("search_by_image.records.mongodb")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'search-by-image\[mongo\]'"):
        importlib.import_module("search_by_image.records.mongodb")
