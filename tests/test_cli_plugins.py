"""`plugins` and `explain`."""

import json
import re

import pytest
from typer.testing import CliRunner

from cheap_library import picture
from search_by_image.cli import create_cli

PLUGINS = '''
import numpy as np
from search_by_image.lib.pipeline import PipelineProcesser, PipelineRouter
from search_by_image.plugins import Features, processor


@processor(name="Corner", image_size=64)
def corner(image, context):
    """The picture's upper left quarter.

    And more about it.
    """
    return image.crop((0, 0, image.width // 2, image.height // 2))


@processor(dimension=3)
def mean_colour(image, context):
    return Features(np.asarray(image).mean((0, 1)), extra={"words": ["a", "b"], "long": "x" * 100})


class Failing(PipelineProcesser):
    """Always fails."""

    @classmethod
    def processer_name(cls):
        return "Failing"

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        raise KeyError("no such thing")


class ToTheEnd(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "ToTheEnd"

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        return None
'''
SETTINGS = """<server><pipeline><plugins_path>plugins</plugins_path>
<processer_para><Corner><size type="int">3</size><api_key>hidden</api_key></Corner></processer_para>
<router_para><ToTheEnd><word>halt</word></ToTheEnd></router_para>
<pipeline_config>
<Colours>{"1": {"name": "crop", "processor": "Corner"},
          "2": {"name": "colour", "processor": "mean_colour", "router": "ToTheEnd"},
          "3": {"processor": "Corner"}}</Colours>
<Broken>{"1": {"name": "crop", "processor": "Corner"}, "2": {"name": "bad", "processor": "Failing"}}</Broken>
</pipeline_config></pipeline></server>"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    for name, text in (("conf/server.xml", SETTINGS), ("plugins/colours.py", PLUGINS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "cat.png").write_bytes(picture(1, (40, 20)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(create_cli(), words)


def test_plugins_as_json(site):
    done = run("plugins", "-f", "json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["problems"] == []
    found = {row["name"]: row for row in document["plugins"]}
    assert {"EfficientNetLite0", "GoToNode", "Corner", "mean_colour", "Failing", "ToTheEnd"} <= found.keys()
    assert found["Corner"] == {
        "name": "Corner",
        "kind": "processor",
        "file": str(site / "plugins" / "colours.py"),
        "line": 7,
        "about": "The picture's upper left quarter.",
        "settings": {"size": 3, "api_key": "******"},
    }
    assert (found["mean_colour"]["line"], found["mean_colour"]["about"]) == (16, "")
    assert (found["Failing"]["line"], found["Failing"]["about"]) == (21, "Always fails.")
    assert (found["ToTheEnd"]["kind"], found["ToTheEnd"]["settings"]) == ("router", {"word": "halt"})
    assert found["EfficientNetLite0"]["file"].endswith("processors/efficientnet_lite0.py")


def test_plugins_as_a_table(site):
    shown = run("plugins").stdout
    assert re.search(r"Corner +processor +\S+plugins/colours.py +7 +The picture's upper left quarter", shown)
    assert "hidden" not in shown


def test_plugins_that_cannot_be_loaded_do_not_hide_the_others(site):
    (site / "plugins" / "broken.py").write_text("\n1 / 0\n")
    done = run("plugins", "-f", "json")
    assert done.exit_code == 2
    document = json.loads(done.stdout)
    assert "Corner" in {row["name"] for row in document["plugins"]}
    (problem,) = document["problems"]
    assert problem == {"path": f"{site}/plugins/broken.py:2", "message": "ZeroDivisionError: division by zero"}
    assert "broken.py:2" in done.stderr


def test_explain_as_json(site):
    done = run("explain", "cat.png", "--pipeline", "Colours", "--collection", "shop", "-f", "json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    crop, colour = document.pop("steps")
    assert document == {"image": "cat.png", "pipeline": "Colours", "error": None}
    size = f"{(site / 'cat.png').stat().st_size} bytes"
    assert crop.pop("milliseconds") >= 0
    assert crop == {
        "node_id": "1",
        "node_name": "crop",
        "processor": "Corner",
        "router": "",
        "status": "S",
        "status_msg": "",
        "received": {"image": size, "collection": "'shop'"},
        "gave": {"image": size, "collection": "'shop'", "opened": "image RGB 20 x 10"},
    }
    assert colour["router"] == "ToTheEnd"
    assert colour["gave"].items() >= {
        ("vertor", "float64 3"),
        ("vector", "float64 3"),
        ("words", "list of 2"),
        ("long", f"'{'x' * 58}…"),
    }
    assert not (site / "data").exists()


def test_explain_as_a_table(site):
    done = run("explain", "cat.png", "-p", "Colours")
    assert re.search(r"1 +crop +Corner +\d+\.\d ms +image: \d+ bytes, collection: '' +.*image RGB 20 x 10", done.stdout)
    assert re.search(r"2 +colour +mean_colour +\d+\.\d ms .*vector: float64 3.* ToTheEnd", done.stdout)


def test_a_run_that_fails_is_explained_up_to_there(site):
    done = run("explain", "cat.png", "-p", "Broken", "-f", "json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert [step["status"] for step in document["steps"]] == ["S", "E"]
    assert "no such thing" in document["steps"][1]["status_msg"]
    assert document["steps"][1]["gave"] == {}
    assert "Pipeline 'Broken'" in document["error"]
    assert document["error"] in done.stderr
    assert "failed: " in run("explain", "cat.png", "-p", "Broken").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cat.png", "-p", "Nope"), 2, "no pipeline named 'Nope'. Known: Broken, Colours"),
        (("dog.png",), 1, "dog.png"),
        (("conf/server.xml",), 1, "picture"),
    ],
)
def test_explain_says_what_is_wrong(site, words, code, said):
    done = run("explain", *words)
    assert done.exit_code == code
    assert said in done.stderr
