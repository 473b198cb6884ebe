"""API keys: made once, shown once, kept as a hash, in force until they expire or are revoked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.conftest import open_store
from search_by_image.errors import InvalidInputError, UnauthenticatedError, UnknownNameError
from search_by_image.keys import KIND, Keys, Scope, check_key, id_in


@pytest.fixture
def records(tmp_path):
    store = open_store(tmp_path / "records.db")
    yield store
    store.close()


@pytest.fixture
def keys(records):
    return Keys(records.ledger)


def test_a_key_is_found_by_the_id_in_its_text(keys):
    assert not keys.exist()
    text, key = keys.create(" shop ", Scope.WRITE, collections=("cats", "dogs", "cats"), days=1)
    assert keys.exist()
    assert (key.name, key.scope, key.collections) == ("shop", Scope.WRITE, ("cats", "dogs"))
    assert key.expires - key.created == timedelta(days=1)
    assert id_in(text) == key.id
    assert keys.find(id_in(text)) == key
    assert check_key(keys.find(key.id), text) == key


def test_the_secret_has_256_bits_and_is_kept_nowhere(keys, records, tmp_path):
    text, key = keys.create("shop", Scope.READ)
    secret = text.split("_", 2)[2]
    assert len(secret) == 43
    assert secret not in json.dumps(dict(records.ledger.get(KIND, key.id).body))
    assert key.digest not in repr(key)
    records.close()
    assert not [file for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]


def test_no_two_keys_are_alike(keys):
    texts = {keys.create("same", Scope.READ)[0] for _ in range(50)}
    assert len(texts) == len({text.split("_", 2)[2] for text in texts}) == 50
    assert len(keys.all()) == 50


def test_another_secret_is_not_let_in(keys):
    text, key = keys.create("shop", Scope.READ)
    other, _ = keys.create("other", Scope.ADMIN)
    mixed = f"sbi_{key.id}_{other.split('_', 2)[2]}"
    for wrong in (mixed, text[:-1], text + "A", text.lower(), f"sbi_{key.id}_", f"sbi_{key.id}_{key.digest}"):
        with pytest.raises(UnauthenticatedError, match="not known"):
            check_key(keys.find(key.id), wrong)
    with pytest.raises(UnauthenticatedError, match="not known"):
        check_key(None, text)


@given(st.text())
def test_any_text_is_no_key(text):
    with pytest.raises(UnauthenticatedError):
        check_key(None, text)
    assert id_in(f"x{text}") == ""


@given(st.text(st.characters(codec="utf-8", exclude_characters="_")))
def test_the_id_in_any_text(part):
    assert id_in(f"sbi_{part}_secret") in ("", part)


def test_an_expired_and_a_revoked_key_say_so_to_their_owner_only(keys):
    text, key = keys.create("shop", Scope.READ, days=1)
    late = replace(key, expires=datetime.now(UTC))
    with pytest.raises(UnauthenticatedError, match="is expired"):
        check_key(late, text)
    revoked = keys.revoke(key.id)
    assert revoked == keys.find(key.id) == keys.revoke(key.id)
    with pytest.raises(UnauthenticatedError, match="is revoked"):
        check_key(revoked, text)
    for gone in (late, revoked):
        with pytest.raises(UnauthenticatedError, match="not known"):
            check_key(gone, text + "x")


def test_only_a_key_that_is_not_in_force_is_deleted(keys):
    _, key = keys.create("shop", Scope.READ)
    with pytest.raises(InvalidInputError, match=f"keys revoke {key.id}"):
        keys.delete(key.id)
    keys.revoke(key.id)
    keys.delete(key.id)
    assert keys.all() == []
    for verb in (keys.delete, keys.revoke):
        with pytest.raises(UnknownNameError, match="none"):
            verb(key.id)


def test_a_revocation_beside_another_change_is_not_lost(keys, records, monkeypatch):
    _, key = keys.create("shop", Scope.READ)
    entry = records.ledger.get(KIND, key.id)
    records.ledger.replace(KIND, key.id, {**entry.body, "name": "changed"}, entry.version)
    answers = iter([entry])
    get = records.ledger.get
    monkeypatch.setattr(records.ledger, "get", lambda *about: next(answers, None) or get(*about))
    keys.revoke(key.id)
    found = keys.find(key.id)
    assert (found.name, found.revoked is not None) == ("changed", True)


def test_keys_are_listed_oldest_first_over_many_pages(keys, monkeypatch):
    monkeypatch.setattr("search_by_image.keys.AT_ONCE", 2)
    for number in range(5):
        keys.create(f"key {number}", Scope.READ)
    assert [key.name for key in keys.all()] == [f"key {number}" for number in range(5)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\x1b[31m"])
def test_a_name_that_cannot_be(keys, name):
    with pytest.raises(InvalidInputError, match="name"):
        keys.create(name, Scope.READ)
    assert not keys.exist()


def test_a_collection_that_cannot_be(keys):
    with pytest.raises(InvalidInputError):
        keys.create("shop", Scope.READ, collections=("a/b",))


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {Scope.READ}),
        (Scope.WRITE, {Scope.READ, Scope.WRITE}),
        (Scope.ADMIN, {Scope.READ, Scope.WRITE, Scope.ADMIN}),
    ],
)
def test_a_scope_includes_those_below_it(scope, allowed):
    assert {needed for needed in Scope if scope.allows(needed)} == allowed
