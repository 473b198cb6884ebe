"""`models train`, `models evaluate`, `models export`."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from search_by_image.cli import create_cli
from search_by_image.cli.model_training import stopped

SMALL = ("--base", "thin", "--head-epochs", "1", "--epochs", "1", "--batch", "9", "--dimension", "16")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, logging_as_before, thin_store):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(thin_store.folder, tmp_path / "models")
    monkeypatch.setenv("SEARCH_BY_IMAGE__MODELS__PATH", str(tmp_path / "models"))


def run(*words, code=0):
    done = CliRunner().invoke(create_cli(), ["models", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


def test_from_pictures_to_an_installed_model(tmp_path, shapes):
    told = run("train", shapes, "--out", "run", "--name", "mine", *SMALL).stderr
    assert "2 classes: 16 pictures to learn from, 4 pictures held out." in told
    assert "whole 1/1: loss" in told
    assert "Recall@1 on the held-out pictures" in told
    assert "mine is installed in" in told
    listed = json.loads(run("list", "-f", "json").stdout)["models"]
    assert next(row for row in listed if row["name"] == "mine")["dimension"] == 16

    found = json.loads(run("evaluate", "run", "--model", "mine", "-f", "json").stdout)["models"]
    assert list(found) == ["before", "after", "mine"]
    assert found["mine"]["recall_at_1"] == found["after"]["recall_at_1"]
    assert found["mine"]["accuracy"] is found["before"]["accuracy"] is None
    assert "before" in run("evaluate", "run").stdout

    run("add", "after", "--file", "models/thin/thin.safetensors", "--size", "64")
    both = json.loads(run("evaluate", "run", "--model", "after", "-f", "json").stdout)["models"]
    assert list(both) == ["before", "after", "after (model)"]
    assert both["after"] == found["after"]

    told = run("train", shapes, "--out", "run", *SMALL[:-1], "8", code=2).stderr
    assert "other settings: dimension" in told
    told = run("export", "run", "--name", "mine", code=2).stderr
    assert "run/export/model.xml: on 4 held-out pictures it differs from PyTorch by at most" in told
    assert "There is a model 'mine' already" in told


def test_mistakes(shapes):
    told = run("train", shapes, "--base", "no-such", "--out", "run", code=1).stderr
    assert "The model 'no-such' is not installed" in told
    assert "no folder of a training" in run("evaluate", "run", code=1).stderr


def test_a_name_that_cannot_be_installed_is_told_before_the_training(tmp_path, shapes):
    for name, said in (("thin", "There is a model 'thin' already"), ("My Pets", "'My Pets' is no name of a model")):
        assert said in run("train", shapes, "--out", "run", "--name", name, *SMALL, code=2).stderr
    assert not (tmp_path / "run").exists()


def test_who_stops_a_restart_is_not_told_to_restart_again():
    assert "the same command continues" in stopped(restart=False)
    assert "the same command without --restart continues" in stopped(restart=True)
