"""`evaluate` on the command line: its tables, files, exit codes and mistakes."""

import json
import os

import pytest
from typer.testing import CliRunner

from quality.cheap_set import fill
from search_by_image.cli import create_cli
from search_by_image.cli.evaluating import stopped

pytestmark = pytest.mark.usefixtures("logging_as_before")
HASHES = ("--processor", "PerceptualHash", "--processor", "HSVClusterHistogramVetor")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with labelled pictures, in which commands run; features are kept there too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE__MODELS__CACHE_PATH", str(tmp_path / "kept"))
    fill(tmp_path / "pictures", 6, 6)
    return tmp_path


def run(*words):
    return CliRunner().invoke(create_cli(), ["evaluate", *words])


def test_candidates_beside_each_other(here):
    done = run("pictures", *HASHES, "--copies", "4", "--k", "1", "--k", "3")
    assert done.exit_code == 0, done.stderr
    head, *rows = [line.split() for line in done.stdout.splitlines() if line.split()]
    assert head[:5] == ["candidate", "precision@1", "precision@3", "mAP", "recall@3"]
    assert ["PerceptualHash", "1.000", "1.000"] in [row[:3] for row in rows]
    assert [row[0] for row in rows if "match_score" not in row].count("HSVClusterHistogramVetor") == 3
    assert "text and border" in done.stdout
    assert (here / "kept" / "quality" / "features.db").is_file()
    assert not (here / "data").exists()


def test_the_files_and_the_document_say_the_same(here):
    done = run("pictures", *HASHES, "--copies", "2", "--json", "r.json", "--html", "r.html", "--format", "json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert json.loads((here / "r.json").read_text()) == told
    assert told["set"] == {"path": "pictures", "pictures": 12, "labels": 2, "skipped": []}
    assert [one["name"] for one in told["candidates"]] == list(HASHES[1::2])
    assert "<h2>PerceptualHash</h2>" in (here / "r.html").read_text()


def test_pairs_and_the_precision_wanted(here):
    (here / "pairs.csv").write_text(
        "left,right,same\n"
        + "".join(f"pictures/0/0{n}.png,pictures/{m}/0{n + 1}.png,{1 - m}\n" for n in range(4) for m in (0, 1))
    )
    done = run("pairs.csv", *HASHES[:2], "--copies", "0", "--precision", "1", "--format", "json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["set"]["pictures"] == 9
    (made,) = told["candidates"]
    assert made["copies"]["count"] == 0
    assert made["scores"]["different"]["pairs"] == 4
    (wanted,) = (one for one in made["match_score"] if one["wanted"] == 1)
    assert wanted["precision"] == 1
    assert "edited copies" not in run("pairs.csv", *HASHES[:2], "--copies", "0").stdout


def test_left_out_pictures_are_told_and_end_with_3(here):
    for number in range(7):
        (here / "pictures" / "0" / f"x{number}.png").write_text("no picture")
    done = run("pictures", *HASHES[:2], "--copies", "0", "--format", "json")
    assert done.exit_code == 3
    assert len(json.loads(done.stdout)["set"]["skipped"]) == 7
    assert done.stderr.count("Left out: 0/x") == 5
    assert "7 pictures left out in all" in done.stderr


def test_what_cannot_be_suggested_is_said(here):
    for file in (here / "pictures" / "1").iterdir():
        file.rename(here / "pictures" / "0" / f"1{file.name}")
    done = run("pictures", *HASHES, "--copies", "0")
    assert done.exit_code == 0
    assert done.stdout.count("there are not both kinds of pairs") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "does not exist"),
        (["pictures", "--html", "no/where.html"], "cannot be written"),
        (["pictures", "--json", "pictures"], "cannot be written"),
        (["pictures", "--pipeline", "Nobody"], "no pipeline named 'Nobody'"),
        (["pictures", "--precision", "95"], "less than or equal to 1"),
        (["pictures/0", "--processor", "PerceptualHash"], "has 0 usable pictures"),
    ],
)
def test_mistakes_end_with_2(here, words, said):
    done = run(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", "").split())


def test_a_folder_whose_name_is_not_utf8(here):
    (here / "pictures").rename(here / os.fsdecode(b"caf\xe9"))
    words = (*HASHES[:2], "--copies", "1", "--json", "r.json", "--html", "r.html", "--format", "json")
    done = run(os.fsdecode(b"caf\xe9"), *words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["set"]["path"] == r"caf\xe9"
    assert json.loads((here / "r.json").read_text())["set"]["path"] == r"caf\xe9"
    assert r"<title>Evaluation of caf\xe9</title>" in (here / "r.html").read_text()


def test_the_folder_one_is_in_has_a_name(here, monkeypatch):
    monkeypatch.chdir(here / "pictures")
    assert run(".", *HASHES[:2], "--copies", "0", "--html", "../r.html").exit_code == 0
    assert "<title>Evaluation of pictures</title>" in (here / "r.html").read_text()


def test_who_stops_a_fresh_one_is_not_told_to_begin_afresh():
    assert "the same command continues" in stopped(fresh=False)
    assert "the same command without --fresh continues" in stopped(fresh=True)
