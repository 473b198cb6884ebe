"""The tables of the security documents say what is so."""

import re
from pathlib import Path

import pytest

from search_by_image.settings.keys import known_keys
from search_by_image.settings.masking import as_text

ROOT = Path(__file__).parents[1]
DOCS = ("security.md", "security.zh-CN.md")
ROW = re.compile(r"^\| .* \| `([a-z_/]+)` \| `([\d.]+)` \| (\d{3}|—) \| `(tests/[\w/]+\.py)` \|$", re.MULTILINE)


def text_of(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCS)
def test_limits_have_the_defaults_that_the_table_tells(name):
    rows = ROW.findall(text_of(name))
    assert len(rows) > 10
    fields = {"/".join(path): field for path, field in known_keys().fields.items()}
    assert [row[:2] for row in rows] == [(row[0], as_text(fields[row[0]].default)) for row in rows]


@pytest.mark.parametrize("name", DOCS)
def test_every_test_and_setting_that_is_named_exists(name):
    text = text_of(name)
    tests = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    assert [test for test in sorted(tests) if not (ROOT / test).is_file()] == []
    known = {"/".join(path) for path in known_keys().fields}
    named = set(re.findall(r"`((?:access|limits|tls|cors|fetch|images)/\w+)`", text))
    assert named <= known


def test_both_languages_have_the_same_limits():
    english, chinese = (ROW.findall(text_of(name)) for name in DOCS)
    assert english == chinese
