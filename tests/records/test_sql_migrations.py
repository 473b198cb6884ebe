"""The schema's versions: what the version before left behind, what a newer one did, and that both ways agree."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, make_url, text

from records.conftest import CREATED, EVERY, ids_of, open_store, record, vector_of
from search_by_image.errors import StoreError, StoreUnavailableError
from search_by_image.filters import In
from search_by_image.records.base import Match, SpaceRecord, State
from search_by_image.records.database import open_database
from search_by_image.records.migrations import FOLDER, NEWEST
from search_by_image.records.schema import metadata
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.base import as_ids

VERSION_1 = """
CREATE TABLE collections (name VARCHAR(300) NOT NULL, PRIMARY KEY (name));
CREATE TABLE spaces (name VARCHAR(300) NOT NULL, collection VARCHAR(300) NOT NULL, pipeline VARCHAR(300) NOT NULL,
    dimension INTEGER NOT NULL, metric VARCHAR(16) NOT NULL, fingerprint VARCHAR(64) NOT NULL, PRIMARY KEY (name));
CREATE TABLE images (id INTEGER NOT NULL, space VARCHAR(300) NOT NULL, state VARCHAR(8) NOT NULL,
    collection VARCHAR(300) NOT NULL, pipeline VARCHAR(300) NOT NULL, created DATETIME NOT NULL, sha256 BLOB NOT NULL,
    document JSON NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (id));
CREATE INDEX images_of_collection ON images (collection, id, state);
CREATE INDEX images_of_space ON images (space, id, state);
CREATE INDEX images_by_hash ON images (sha256);
CREATE INDEX images_unsettled ON images (state, id) WHERE state != 'ready';
CREATE INDEX images_by_own_id ON images (json_extract(document, '$.id'));
INSERT INTO collections VALUES ('pets');
INSERT INTO spaces VALUES ('app_pets', 'pets', 'Thumb', 4, 'COSINE', 'f');
"""
"""What search-by-image 0.1.0 made: `sqlite3 records.db .schema`, and some rows."""

TABLES = ("collections", "images", "spaces")


@pytest.fixture
def version_1(file: Path) -> Path:
    connection = sqlite3.connect(file)
    connection.executescript(VERSION_1)
    row = (7, "app_pets", "ready", "pets", "Thumb", str(CREATED.replace(tzinfo=None)), b"h" * 32, '{"id":"a"}')
    connection.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, vector_of(7).tobytes()))
    connection.commit()
    connection.close()
    return file


def made_of(file: Path) -> set[tuple[str, str]]:
    with sqlite3.connect(file) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {(name, "".join(sql.split())) for name, sql in found}


def test_a_database_of_version_1_is_opened_with_everything_in_it(version_1):
    store = open_store(version_1)
    assert store.collections() == ("pets",)
    assert store.spaces() == (SpaceRecord("app_pets", "pets", "Thumb", 4, "COSINE", "f"),)
    assert ids_of(store.page(Match(In("id", ("a",))), limit=9)) == [7]
    assert store.vectors("app_pets", as_ids([7]))[1].tolist() == [vector_of(7).tolist()]
    assert store.in_state(State.READY)["app_pets"].tolist() == [7]
    assert version_of(store) == NEWEST
    assert store.replace_space(store.spaces()[0], replace(store.spaces()[0], index_name="app_pets@1", metric="L2"))
    store.put([record(8)])
    store.close()


def test_a_new_database_and_an_upgraded_one_are_the_same(version_1, tmp_path):
    for file in (version_1, tmp_path / "new.db"):
        open_store(file).close()
    assert made_of(version_1) == made_of(tmp_path / "new.db")


def version_of(store: SqlRecordStore) -> str:
    with store._read() as connection:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlRecordStore]:
    opened = request.getfixturevalue(request.param)()
    yield opened
    opened.close()


@pytest.fixture
def again(store: SqlRecordStore) -> str:
    """The URL of the store, for whoever opens it once more."""
    return store._engine.url.render_as_string(hide_password=False)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_the_migrations_come_to_the_tables_that_the_code_uses(store):
    with store._read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_portable})
        differences = [step for step in compare_metadata(context, metadata) if not is_own_id(step)]
    assert differences == []


def is_portable(name: str | None, kind: str, _parents: dict) -> bool:
    return kind != "index" or name != "images_by_own_id"


def is_own_id(step: tuple) -> bool:
    """Servers have the index on the documents' own id, and MariaDB a column for it, that the code does not know."""
    return step[0] in ("add_index", "remove_column") and step[-1].name in ("images_by_own_id", "own_id")


def test_a_store_is_of_the_newest_version(store):
    assert version_of(store) == NEWEST == ScriptDirectory(str(FOLDER)).get_current_head()


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(store, again):
    store.put([record(1)])
    set_version(store, "9999")
    try:
        with pytest.raises(StoreError, match=f"9999.*{NEWEST}.*newer") as caught:
            SqlRecordStore(again)
        assert not isinstance(caught.value, StoreUnavailableError)
        assert store.count(EVERY) == 1
    finally:
        set_version(store, NEWEST)


def set_version(store: SqlRecordStore, version: str) -> None:
    with store._connections.write() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_a_migration_that_was_stopped_half_way_is_finished(store, again):
    """MariaDB keeps what was made until then; the others have undone it."""
    with store._connections.write() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        if connection.dialect.name == "mysql":
            connection.execute(text("DROP INDEX images_by_hash ON images"))
            connection.execute(text("DROP TABLE spaces"))
        else:
            connection.execute(text("DROP TABLE images"))
            connection.execute(text("DROP TABLE spaces"))
            connection.execute(text("DROP TABLE collections"))
    second = SqlRecordStore(again)
    second.put([record(1)])
    with second._read() as connection:
        assert set(TABLES) < set(inspect(connection).get_table_names())
        assert "images_by_hash" in {index["name"] for index in inspect(connection).get_indexes("images")}
    assert version_of(second) == NEWEST
    second.close()


@contextmanager
def migrating(url: str) -> Iterator[None]:
    database = open_database(make_url(url))
    with database.engine.connect() as connection, database.migrating_alone(connection):
        yield
    database.engine.dispose()


def test_whoever_waits_too_long_for_another_migration_is_told_to_try_again(mariadb_server, monkeypatch):
    monkeypatch.setattr("search_by_image.records.mysql.MIGRATION_SECONDS", 0)
    url = mariadb_server.create_database("waiting")
    with pytest.raises(StoreUnavailableError, match="migrates"), migrating(url):
        SqlRecordStore(url)
    SqlRecordStore(url).close()
