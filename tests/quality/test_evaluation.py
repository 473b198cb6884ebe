"""The whole of it over real pictures: what is measured, left out, kept and gone on with."""

import math
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from quality.cheap_set import Brightness, Counting, Thumbnail, candidate, evaluator, fill, kind_of_picture
from search_by_image.errors import InvalidInputError, StoreError
from search_by_image.quality import features
from search_by_image.quality.document import document
from search_by_image.quality.edits import EDITS
from search_by_image.quality.evaluation import Options
from search_by_image.quality.feature_cache import FILE, FeatureCache
from search_by_image.quality.sets import labelled_folder
from worker_process import environment

FEW = Options(copies=4)


def evaluate(folder, cache, *candidates, options=FEW, **more):
    with evaluator(cache, **more) as work:
        return work.run(labelled_folder(folder), candidates or [candidate()], options)


@pytest.fixture
def pictures(tmp_path):
    return fill(tmp_path / "pictures", 12, 9)


def test_alike_pictures_are_found(pictures, tmp_path):
    (result,) = evaluate(pictures, tmp_path).results
    assert result.measures.precision[1] == 1
    assert result.measures.queries == 21
    assert result.copies.copies == 4 * 8
    assert set(result.copies.recall) == set(EDITS)
    assert result.copies.recall["JPEG 30"] == 1
    assert result.costs.pictures_per_second > 0
    assert result.bytes_a_vector == 192 * 4
    wanted = next(one for one in result.suggestions if one.wanted == 0.95)
    assert wanted.precision >= 0.95
    assert wanted.recall > 0.9


def test_candidates_stand_beside_each_other_on_the_same_pictures(pictures, tmp_path):
    (pictures / "0" / "tiny.png").write_bytes(kind_of_picture(0, 0, (1, 1)))
    (pictures / "1" / "black.bmp").write_bytes(b"")
    made = evaluate(pictures, tmp_path, candidate(Thumbnail), candidate(Brightness))
    assert [one.name for one in made.results] == ["Thumbnail", "Brightness"]
    assert [one.metric for one in made.results] == ["COSINE", "L2"]
    assert {len(one.searches.first) for one in made.results} == {22}
    assert made.results[0].measures.mean_average_precision > made.results[1].measures.mean_average_precision


def test_broken_pictures_and_those_a_candidate_cannot_take_are_told_and_left_out(pictures, tmp_path):
    whole = (pictures / "0" / "00.png").read_bytes()
    (pictures / "0" / "empty.jpg").write_bytes(b"")
    (pictures / "0" / "text.png").write_text("no picture")
    (pictures / "1" / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (40, 40)).save(pictures / "1" / "dark.png")
    made = evaluate(pictures, tmp_path, candidate(Counting), candidate(Thumbnail), options=Options(copies=99))
    told = {one.path: one.reason for one in made.pictures.skipped}
    assert sorted(told) == ["0/empty.jpg", "0/text.png", "1/cut.png", "1/dark.png"]
    assert "too dark" in told["1/dark.png"]
    assert "cut off or damaged" in told["1/cut.png"]
    assert {one.copies.copies for one in made.results} == {21 * 8}
    assert {one.measures.queries for one in made.results} == {21}


def test_when_nothing_is_left_it_says_why(tmp_path):
    folder = fill(tmp_path / "pictures", 3)
    for file in (folder / "0").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(InvalidInputError, match=r"0 usable pictures.*3 skipped, such as 0/02.png: This is not a pict"):
        evaluate(folder, tmp_path)


@pytest.mark.parametrize(
    ("counts", "queries", "suggests"),
    [((6,), 6, False), ((1, 1, 1), 0, False), ((2,), 2, False), ((1, 1), 0, False), ((2, 1), 2, True)],
    ids=["one label", "one picture a label", "two pictures", "two labels", "two and one"],
)
def test_the_smallest_sets(tmp_path, counts, queries, suggests):
    made = evaluate(fill(tmp_path / "pictures", *counts), tmp_path)
    (result,) = made.results
    assert result.measures.queries == queries
    assert math.isnan(result.measures.precision[1]) is (queries == 0)
    assert bool(result.suggestions) is suggests
    assert document(made)["candidates"][0]["mean_average_precision"] == (1.0 if queries else None)


def test_the_same_file_twice_is_the_same_picture_to_its_copies(pictures, tmp_path):
    for file in list((pictures / "0").iterdir()):
        (pictures / "1" / f"again-{file.name}").write_bytes(file.read_bytes())
    (result,) = evaluate(pictures, tmp_path, options=Options(copies=99)).results
    assert result.copies.copies == 33 * 8
    assert result.copies.recall["JPEG 30"] == 1


def test_what_was_computed_is_not_computed_again(pictures, tmp_path):
    def calls(options=FEW):
        Counting.calls = 0
        evaluate(pictures, tmp_path, candidate(Counting), options=options)
        return Counting.calls - 1 - 21  # the probes

    assert calls() == 21 + 4 * 8
    assert calls() == 0
    (pictures / "0" / "new.png").write_bytes(kind_of_picture(0, 77))
    assert calls(Options(copies=0)) == 1 + 1  # a probe more
    assert calls(replace(FEW, fresh=True)) == 1 + 22 + 4 * 8


def test_an_interrupted_one_goes_on_where_it_stopped(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "AT_ONCE", 4)

    @contextmanager
    def stopping(what):
        def show(done, total):
            if what.startswith("Features") and done >= 8:
                raise KeyboardInterrupt

        yield show

    with pytest.raises(KeyboardInterrupt):
        evaluate(pictures, tmp_path, candidate(Counting), watch=stopping)
    Counting.calls = 0
    made = evaluate(pictures, tmp_path, candidate(Counting))
    assert Counting.calls == 22 + 21 - 8 + 4 * 8
    assert (
        document(made)["candidates"][0]["precision"]
        == (document(evaluate(pictures, tmp_path / "other", candidate(Counting)))["candidates"][0]["precision"])
    )


def test_a_killed_one_goes_on_where_it_stopped(tmp_path):
    folder = fill(tmp_path / "pictures", 40, 40)
    child = subprocess.Popen(
        [sys.executable, "-m", "quality.evaluate_child", str(folder), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment({}),
    )
    for line in child.stdout:
        if line.startswith("Features") and int(line.split()[3]) >= features.AT_ONCE:
            child.send_signal(signal.SIGKILL)
            break
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    Counting.calls = 0
    evaluate(folder, tmp_path, candidate(Counting), options=Options(copies=3))
    assert Counting.calls <= 25 + 80 - features.AT_ONCE + 3 * 8


def test_a_picture_that_changes_meanwhile_gives_no_vector_to_the_old_one(pictures, tmp_path):
    file = pictures / "0" / "00.png"
    old = file.read_bytes()

    @contextmanager
    def changing(what):
        if what.startswith("Features"):
            file.write_bytes(kind_of_picture(5, 5))
        yield lambda *_: None

    made = evaluate(pictures, tmp_path, candidate(Thumbnail), candidate(Brightness), watch=changing)
    assert [(one.path, "changed" in one.reason) for one in made.pictures.skipped] == [("0/00.png", True)]
    file.write_bytes(old)
    rows = evaluate(pictures, tmp_path).results[0].searches.distances
    assert (rows == evaluate(pictures, tmp_path / "other").results[0].searches.distances).all()


def test_a_cache_that_another_command_empties_meanwhile(pictures, tmp_path):
    @contextmanager
    def emptying(what):
        yield lambda *_: None
        if what.startswith("Edited"):
            with closing(sqlite3.connect(tmp_path / FILE)) as rows, FeatureCache(tmp_path) as other:
                for (maker,) in rows.execute("SELECT DISTINCT maker FROM features").fetchall():
                    other.forget(maker)

    with pytest.raises(StoreError, match=r"'Thumbnail' went away.*Run the same command again"):
        evaluate(pictures, tmp_path, watch=emptying)


def test_a_damaged_cache_is_told_with_the_remedy(pictures, tmp_path):
    (tmp_path / FILE).write_bytes(b"no database" * 200)
    with pytest.raises(StoreError, match=r"cannot be used.*Delete the file, or give another folder with --cache"):
        evaluate(pictures, tmp_path)


def test_two_makers_have_nothing_in_common_in_the_cache(tmp_path):
    with FeatureCache(tmp_path) as cache:
        cache.put("a", {b"1": np.array([1, 2], np.float32)})
        cache.put("b", {b"1": np.array([3], np.float32)})
        cache.put("b", {b"1": np.array([4], np.float32), b"2": np.array([5], np.float32)})
        assert cache.known("a", [b"1", b"2", b"1"]) == {b"1"}
        assert {key: vector.tolist() for key, vector in cache.vectors("b", [b"2", b"1", b"3"]).items()} == {
            b"1": [4],
            b"2": [5],
        }
        cache.forget("b")
        assert cache.known("b", [b"1", b"2"]) == set()
        assert cache.known("a", [b"1"]) == {b"1"}
