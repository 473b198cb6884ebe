"""The mean of a library's vectors: over all collections or one, and the command that writes it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cheap_library import picture
from made_models import install_grid
from search_by_image.cli import create_cli
from search_by_image.errors import InvalidInputError, UnknownNameError
from search_by_image.library_mean import mean_vector
from search_by_image.models.store import ModelStore
from search_by_image.records.base import Match


@pytest.fixture
def filled(library):
    for seed in range(12):
        library.add(picture(seed), {"id": seed}, "Thumb", collection="a" if seed < 7 else "b")
    library.add(picture(50), {"id": 50}, "Bright", collection="a")
    return library


def wanted(library, seeds):
    return np.mean([library.extractor.extract(picture(seed), "Thumb").vector for seed in seeds], axis=0)


def test_it_is_that_of_all_collections_or_of_one(filled, monkeypatch):
    monkeypatch.setattr("search_by_image.library_mean.BATCH", 5)
    said = []
    made, count = mean_vector(filled._records, "Thumb", on_progress=lambda *numbers: said.append(numbers))
    assert made.dtype == np.float32
    assert count == 12
    assert made == pytest.approx(wanted(filled, range(12)), abs=1e-6)
    assert said == [(5, 12), (7, 12), (12, 12)]
    of_b, count = mean_vector(filled._records, "Thumb", "b")
    assert count == 5
    assert of_b == pytest.approx(wanted(filled, range(7, 12)), abs=1e-6)


def test_what_was_removed_is_not_in_it(filled):
    filled.remove(Match(collection="a"))
    made, count = mean_vector(filled._records, "Thumb")
    assert count == 5
    assert made == pytest.approx(wanted(filled, range(7, 12)), abs=1e-6)
    with pytest.raises(InvalidInputError, match="no vectors of pipeline 'Thumb'"):
        mean_vector(filled._records, "Thumb", "a")


@pytest.mark.parametrize("names", [("Nobody", ""), ("Thumb", "nowhere")])
def test_what_there_is_none_of_is_told(filled, names):
    with pytest.raises(UnknownNameError, match="Known: a, b"):
        mean_vector(filled._records, *names)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder whose library has three pictures, by a pipeline of a small model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE__MODELS__PATH", str(tmp_path / "models"))
    install_grid(ModelStore(tmp_path / "models"))
    (tmp_path / "pictures").mkdir()
    for seed in range(3):
        (tmp_path / "pictures" / f"{seed}.png").write_bytes(picture(seed, (64, 64)))
    write_settings(tmp_path, "")
    assert run("import", "pictures").exit_code == 0
    return tmp_path


def write_settings(folder, more):
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / "server.xml").write_text(
        f"""<server><pipeline><processer_para><JoinedModels><models>colour-grid</models>{more}</JoinedModels>
        </processer_para><pipeline_config><Joined>{{"1": {{"processor": "JoinedModels"}}}}</Joined></pipeline_config>
        </pipeline></server>"""
    )


def run(*words):
    return CliRunner().invoke(create_cli(), words)


@pytest.mark.usefixtures("logging_as_before")
def test_the_command_writes_what_the_processor_takes_off(here):
    done = run("learn-mean", "mean.npy", "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"file": "mean.npy", "pipeline": "Joined", "vectors": 3, "dimension": 48}
    write_settings(here, "<mean>mean.npy</mean>")
    refused = run("search", "pictures/0.png")
    assert refused.exit_code != 0  # another fingerprint
    assert run("clear", "--yes").exit_code == 0
    assert run("import", "pictures").exit_code == 0
    found = json.loads(run("search", "pictures/1.png", "--format", "json").stdout)["matches"]
    assert found[0]["document"]["id"] == "1.png"
    assert found[0]["score"] == pytest.approx(1, abs=1e-6)
    assert max(one["score"] for one in found[1:]) < 0.5  # three vectors less their mean point apart


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("mean.txt",), 2, "a new file whose name ends in .npy"),
        (("no/mean.npy",), 2, "in a folder that exists"),
        (("there.npy",), 2, "a new file"),
        (("mean.npy", "--pipeline", "Other"), 2, "Known: images"),
    ],
)
def test_mistakes_leave_no_file(here, words, code, said):
    (here / "there.npy").write_bytes(b"mine")
    done = run("learn-mean", *words)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", "").split())
    assert (here / "there.npy").read_bytes() == b"mine"
    assert not (here / "mean.npy").exists()


@pytest.mark.usefixtures("logging_as_before")
def test_without_a_library_none_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("learn-mean", "mean.npy")
    assert done.exit_code == 1
    assert "There is no library" in done.stderr
    assert list(tmp_path.iterdir()) == []
