"""A short run of the second part of `make fuzz`: hostile pictures, sent in all ways to a running service."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fuzz.hostile import Outcome, hostile, memory_bound
from fuzz.pictures import COUNT, Picture, corpus, kinds
from fuzz.sending import ACCEPTED, CALLS, REFUSALS, WAYS, Answer
from search_by_image.errors import ImageError

ROOT = Path(__file__).parents[1]
SIDE = 900
GOOD = Answer("search", "Url", ACCEPTED)


@pytest.mark.slow
def test_hostile_pictures_are_answered_as_documented():
    outcome = hostile(seed=1, count=120, side=SIDE)
    assert outcome.faults == []
    assert outcome.pictures.keys() == kinds().keys()
    assert outcome.pictures.total() >= len(outcome.different) >= 120
    assert outcome.calls == outcome.pictures.total() * len(CALLS) * len(WAYS)
    codes = {code for answered in outcome.codes.values() for code in answered}
    assert codes == {ACCEPTED, *(code for code, _ in REFUSALS)}
    assert outcome.accepted["polyglot"] > 0
    assert outcome.accepted["too many bytes"] == outcome.accepted["huge header"] == 0
    assert outcome.peaks[0] <= outcome.peaks[-1] < memory_bound(SIDE)


def test_the_corpus_has_two_thousand_different_pictures():
    assert sum(kind.count for kind in kinds().values()) == COUNT
    pictures = {picture.data for picture in corpus(1, count=COUNT // 10, side=SIDE)}
    assert len(pictures) > COUNT // 12


def test_the_same_seed_makes_the_same_pictures():
    code = f"""
import hashlib
from fuzz.pictures import corpus
print(hashlib.sha256(b"".join(one.data for one in corpus(5, 60, {SIDE}))).hexdigest())
"""
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    digests = [hashlib.sha256(b"".join(one.data for one in corpus(seed, 60, SIDE))).hexdigest() for seed in (5, 6)]
    assert [digest == made.strip() for digest in digests] == [True, False]


def test_what_is_found_is_told():
    outcome = Outcome()
    picture = Picture("damaged", "damaged 1", b"bytes")
    outcome.note(picture, [GOOD, replace(GOOD, way="Base64", code="not_an_image")])
    outcome.note(picture, [GOOD, replace(GOOD, call="SearchBy", code="internal_error", fault="not documented: 500")])
    disagreement, fault = outcome.faults
    assert "search: not the same answer" in disagreement
    assert fault == "damaged 1, SearchBy, Url: not documented: 500"
    assert outcome.accepted["damaged"] == 0


@pytest.mark.parametrize("name", ["api.md", "api.zh-CN.md"])
def test_what_a_picture_may_be_refused_with_is_documented(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    subclasses = (kind for kind in ImageError.__subclasses__() if kind.__module__ == ImageError.__module__)
    kinds_of_error = (ImageError, *subclasses)
    assert {(kind.code, int(kind.status)) for kind in kinds_of_error} == {
        one for one in REFUSALS if not one[0].isdigit()
    }
    assert [kind.code for kind in kinds_of_error if f"`{kind.code}`" not in text] == []
