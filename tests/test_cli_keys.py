"""`keys`: made, shown once, listed, revoked, deleted; while the service has the stores open, too."""

import json
import re

import pytest
from typer.testing import CliRunner

from cheap_library import open_library
from search_by_image.cli import create_cli
from search_by_image.keys import Keys, Scope, check_key, id_in


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, logging_as_before):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words, code=0, **options):
    done = CliRunner().invoke(create_cli(), ["keys", *words], **options)
    assert done.exit_code == code, done.output
    return done


def made(*words):
    return json.loads(run("create", *words, "-f", "json").stdout)


def listed():
    return json.loads(run("list", "-f", "json").stdout)["keys"]


def test_a_key_is_shown_once(here):
    done = run("create", "--name", "shop", "--scope", "read")
    text = done.stdout.strip()
    assert re.fullmatch(r"sbi_[0-9a-f]{12}_[\w-]{43}", text)
    assert "only time" in done.stderr
    secret = text.split("_", 2)[2]
    for shown in (run("list"), run("list", "-f", "json"), run("revoke", id_in(text))):
        assert secret not in shown.output


@pytest.mark.parametrize("scope", list(Scope))
def test_the_service_knows_a_key_that_was_made_beside_it(here, scope):
    library = open_library(here / "data")
    text = made("--name", "n", "--scope", scope, "--collection", "a", "--collection", "b", "--expires", "2")["key"]
    key = check_key(Keys(library.ledger).find(id_in(text)), text)
    library.close()
    assert (key.scope, key.collections, (key.expires - key.created).days) == (scope, ("a", "b"), 2)


def test_keys_are_listed(here):
    assert "no API key" in run("list").stderr
    assert listed() == []
    first = made("--name", "first", "--scope", "read")
    second = made("--name", "猫", "--scope", "admin", "--collection", "cats", "--expires", "1")
    assert [key["id"] for key in listed()] == [first["id"], second["id"]]
    assert listed()[1] == {name: value for name, value in second.items() if name != "key"}
    assert listed()[0]["expires"] is listed()[0]["revoked"] is None
    table = run("list").stdout
    assert re.search(rf"{second['id']} +猫 +admin +cats .* active", table)
    assert re.search(rf"{first['id']} +first +read +all .* active", table)


def test_a_key_is_revoked_then_deleted(here):
    one, other = (made("--name", name, "--scope", "read")["id"] for name in ("one", "other"))
    assert "revoke it first" in run("delete", one, code=2).stderr.lower()
    assert "revoked" in run("revoke", one).stderr
    assert json.loads(run("revoke", one, "-f", "json").stdout)["state"] == "revoked"
    assert [key["state"] for key in listed()] == ["revoked", "active"]
    run("delete", one)
    assert [key["id"] for key in listed()] == [other]


def test_the_last_key_is_deleted_only_when_asked(here):
    id_ = made("--name", "one", "--scope", "read")["id"]
    run("revoke", id_)
    for answer in ("n\n", ""):
        assert "Nothing was deleted" in run("delete", id_, code=1, input=answer).stderr
    assert len(listed()) == 1
    run("delete", id_, "--yes")
    assert listed() == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("create", "--name", "x", "--scope", "root"), "root"),
        (("create", "--scope", "read"), "name"),
        (("create", "--name", " ", "--scope", "read"), "name"),
        (("create", "--name", "x", "--scope", "read", "--expires", "0"), "--expires"),
        (("create", "--name", "x", "--scope", "read", "--collection", "a/b"), "a/b"),
        (("revoke", "nobody"), "nobody"),
        (("delete", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_is_said(here, words, text):
    assert text in run(*words, code=2).stderr
    assert listed() == []
