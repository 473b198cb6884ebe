"""The commands of a switch to another model, beside a running service and by themselves."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from faults.pictures import picture
from made_models import described, install_grid
from search_by_image.cli import create_cli
from search_by_image.models.store import ModelStore
from switch_load import OTHER_MODEL, PICTURES, plugged_in, switched_under_load
from worker_process import SETTINGS, ServiceProcess, environment

pytestmark = [pytest.mark.usefixtures("logging_as_before")]


@pytest.fixture
def settings(tmp_path, monkeypatch):
    given = {
        "records/url": f"sqlite:///{tmp_path}/records.db",
        "vectors/path": f"{tmp_path}/vectors",
        "maintenance/interval": "0.2",
        "search_config/topk": "200",
        "pipeline/plugins_path": plugged_in(tmp_path / "plugins"),
    }
    for name, value in environment(given).items():
        monkeypatch.setenv(name, value)
    return given


def run(*words):
    return CliRunner().invoke(create_cli(), [*map(str, words), "--config", str(SETTINGS)])


def ran(*words):
    done = run(*words)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_service_on_embedded_stores_is_switched_under_load(settings):
    service = ServiceProcess(settings)
    try:
        service.wait_until_up()
        for number in range(PICTURES):
            service.add(number)
        switched_under_load([service], ran)
    finally:
        status = service.stop()
    assert status == 0
    checked = json.loads(ran("check", "--format", "json").stdout)
    assert (checked["ok"], checked["unnamed"], len(checked["spaces"])) == (True, [], 1)


@pytest.fixture
def pictures(settings, tmp_path):
    """A folder of pictures that have been imported, as documents without a field for the file."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number in range(4):
        (folder / "deep" / f"{number}.png").write_bytes(picture(number))
    ran("import", folder)
    return folder


def reindex(folder, *words):
    return run("reindex", "--processors", OTHER_MODEL, "--folder", folder, "--path-field", "id", *words)


def told(*words):
    return json.loads(ran(*words, "--format", "json").stdout)


def test_from_files_step_by_step(pictures):
    before = told("search", pictures / "deep" / "1.png")["matches"]
    done = reindex(pictures, "--format", "json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["collections"]
    assert (row["model"], row["pictures"], row["embedded"], row["failed"]) == ("Reddish", 4, 4, 0)
    (state,) = told("switch", "status")["collections"]
    assert (state["model"], state["new_model"], state["state"], state["embedded"]) == (
        "as configured",
        "Reddish",
        "prepared",
        4,
    )
    assert "the new model serves" in ran("switch", "promote").stderr
    after = told("search", pictures / "deep" / "1.png")["matches"]
    assert [one["ids"] for one in after] != [one["ids"] for one in before] or before != after
    assert "the old model serves" in ran("switch", "roll-back").stderr
    assert told("search", pictures / "deep" / "1.png")["matches"] == before
    ran("switch", "promote")
    ran("switch", "finish")
    assert told("search", pictures / "deep" / "1.png")["matches"] == after
    assert told("info")["models"] == {"images (Thumbnail)": "Reddish"}
    assert "images (Thumbnail)" in ran("info").stdout
    assert told("check")["unnamed"] == []


def test_abandoned(pictures):
    reindex(pictures)
    ran("switch", "abandon")
    (state,) = told("switch", "status")["collections"]
    assert (state["new_model"], state["state"]) == (None, None)
    refused = run("switch", "promote")
    assert refused.exit_code == 2
    assert "No switch to another model is under way there" in refused.stderr


def test_pictures_that_are_gone_are_reported(pictures, tmp_path):
    (pictures / "deep" / "2.png").unlink()
    (pictures / "deep" / "3.png").write_bytes(picture(33))
    report = tmp_path / "failures.jsonl"
    done = reindex(pictures, "--report", report)
    assert done.exit_code == 1
    assert "deep/2.png: There is no file 'deep/2.png'" in done.stderr
    assert "deep/3.png: The picture there is another one than was imported" in done.stderr
    assert {json.loads(line)["name"] for line in report.read_text().splitlines()} == {"deep/2.png", "deep/3.png"}
    refused = run("switch", "promote")
    assert refused.exit_code == 2
    assert "2 pictures have no vector of the new model" in refused.stderr
    assert reindex(pictures, "--accept-changed").exit_code == 1
    assert "1 pictures have no vector" in ran("switch", "promote", "--leave-out").stderr
    asked = run("switch", "finish", "--drop-missing")
    assert asked.exit_code == 1
    assert "remove 1 picture without a vector of the new model?" in asked.stderr
    assert "the switch is not finished" in asked.stderr
    assert told("list")["total"] == 4
    assert "1 picture without one removed" in ran("switch", "finish", "--drop-missing", "--yes").stderr
    assert told("list")["total"] == 3


def test_several_collections_of_which_one_does_not_fit(pictures, tmp_path):
    """It holds up none of the others, whatever their order; the report has the failures of all."""
    for name in ("a", "z"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.png").write_bytes(picture(ord(name)))
        ran("import", folder, "--collection", name)
    done = reindex(pictures, "--collection", "images")
    assert done.exit_code == 0, done.output
    ran("switch", "promote", "--collection", "images")
    ran("switch", "finish", "--collection", "images")
    report = tmp_path / "failures.jsonl"
    done = reindex(pictures, "--report", report, "--format", "json")
    assert "'images', pipeline 'Thumbnail' has its vectors from this model already" in done.stderr
    assert done.exit_code == 2
    assert [(row["collection"], row["missing"]) for row in json.loads(done.stdout)["collections"]] == [
        ("a", 1),
        ("z", 1),
    ]
    assert sorted(json.loads(line)["name"] for line in report.read_text().splitlines()) == ["a.png", "z.png"]
    ran("switch", "promote", "--collection", "z", "--leave-out")
    mixed = run("switch", "finish")
    assert mixed.exit_code == 2
    assert "'a', pipeline 'Thumbnail': no new model serves" in mixed.stderr
    assert "'z', pipeline 'Thumbnail': 1 pictures have no vector" in mixed.stderr
    abandoned = run("switch", "abandon")
    assert abandoned.exit_code == 2
    assert "'a', pipeline 'Thumbnail': the new model's vectors are gone" in abandoned.stderr
    assert "'z', pipeline 'Thumbnail': the new model serves. Roll back first" in abandoned.stderr


def test_what_cannot_be_is_refused(pictures):
    assert run("reindex", "--model", "x", "--as-configured").exit_code == 2
    for words, said in (
        (("--model", "x"), "Pipeline 'Thumbnail' has 0 processors whose model could be another by its name"),
        (("--as-configured",), "from this model already"),
        (("--processors", OTHER_MODEL), "has neither 'path' nor 'url'"),
        (("--processors", OTHER_MODEL, "--source", "nowhere:at_all"), "There is no picture source"),
        (("--processors", OTHER_MODEL, "--collection", "cats"), "Collections, with their pipelines: images"),
    ):
        refused = run("reindex", *words)
        assert refused.exit_code in (1, 2), refused.output
        assert said in refused.stderr


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Two installed models, one that a pipeline uses: the pictures' colours, and those less much red."""
    store = ModelStore(tmp_path / "models")
    plain = described().preprocessing
    install_grid(store, name="whole", preprocessing=plain)
    install_grid(store, name="paler", preprocessing=replace(plain, mean=(0.9, 0, 0)))
    file = tmp_path / "server.xml"
    file.write_text(
        f"""<server><records><url>sqlite:///{tmp_path}/records.db</url></records>
        <vectors><path>{tmp_path}/vectors</path></vectors><models><path>{tmp_path}/models</path></models>
        <maintenance><interval>0.1</interval></maintenance><pipeline>
        <processer_para><ImageModel><model>whole</model></ImageModel></processer_para>
        <pipeline_config><Any>{{"1": {{"name": "vector", "processor": "ImageModel"}}}}</Any></pipeline_config>
        </pipeline></server>"""
    )
    monkeypatch.setitem(globals(), "SETTINGS", file)
    return store


def test_a_model_of_the_catalogue_by_its_name(models, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(picture(number))
    ran("import", folder)
    before = told("search", folder / "1.png")["matches"]
    missing = run("reindex", "--model", "nothing")
    assert missing.exit_code == 1
    assert "The model 'nothing' cannot be used" in missing.stderr
    assert "search-by-image models add" in missing.stderr
    ran("reindex", "--model", "paler", "--folder", folder, "--path-field", "id")
    ran("switch", "promote")
    ran("switch", "finish")
    after = told("search", folder / "1.png")["matches"]
    assert after[0]["ids"] == before[0]["ids"]
    assert [one["score"] for one in after[1:]] != [one["score"] for one in before[1:]]
    assert told("info")["models"] == {"images (Any)": "paler"}
    ran("reindex", "--as-configured", "--folder", folder, "--path-field", "id")
    ran("switch", "promote")
    assert told("search", folder / "1.png")["matches"] == before
    models.remove("paler")
    ran("switch", "finish")
    assert told("search", folder / "1.png")["matches"] == before
