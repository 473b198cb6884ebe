"""examples/ and the code in docs/plugins.md: they run, and do what the page says."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from search_by_image.assembly import build_pipelines, open_engine
from search_by_image.plugins import Registry
from search_by_image.processors import shipped
from search_by_image.settings import load_settings

ROOT = Path(__file__).parent.parent
WIDE = os.environ | {"COLUMNS": "300"}
PAGES = [ROOT / "docs" / "plugins.md", ROOT / "docs" / "plugins.zh-CN.md"]


def mug(colour, box=(140, 80, 260, 230)) -> bytes:
    image = Image.new("RGB", (400, 300), (235, 235, 230))
    ImageDraw.Draw(image).ellipse(box, fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def config(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data"))
    return tmp_path / "examples" / "conf" / "server.xml"


def test_the_example_finds_what_has_the_same_colour(config):
    with open_engine(load_settings(config, environ={})) as engine:
        for name, colour in {"red": (190, 30, 35), "blue": (30, 40, 190), "green": (20, 130, 40)}.items():
            engine.image_to_search_db(mug(colour), {"id": name}, "ColourSearch")
        found = engine.search(mug((210, 40, 30), (10, 10, 80, 120)), "ColourSearch")
    assert found[0]["id"] == "red"
    assert found[0]["score"] > 0.9 > found[1]["score"]


def test_without_a_subject_the_centre_is_taken(config):
    pipeline = build_pipelines(load_settings(config, environ={}))["ColourSearch"]

    def nodes(picture):
        context = {}
        pipeline.run({"image": picture, "collection": ""}, context)
        return [trace["node_name"] for trace in context["trace_list"]]

    assert nodes(mug("red")) == ["crop", "colour"]
    assert nodes(mug("red", (0, 0, 3, 3))) == ["crop", "centre", "colour"]


def test_explain_shows_what_each_node_got_and_gave(config, tmp_path):
    (tmp_path / "mug.png").write_bytes(mug("red"))
    words = ["explain", str(tmp_path / "mug.png"), "--pipeline", "ColourSearch", "--config", str(config)]
    answer = subprocess.run(
        [sys.executable, "-m", "search_by_image", *words], capture_output=True, text=True, check=False, env=WIDE
    )
    assert answer.returncode == 0, answer.stderr
    for part in ("SubjectCrop", "SubjectOrCentre", "DominantColour", "image RGB 121 x 151", "float32 3"):
        assert part in answer.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_the_page_is_made_of_plugins(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    names = {"BytesIO": io.BytesIO, "Image": Image, "__name__": "page"}
    registry = Registry()
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    for name in ("mean_colour", "GreyLevels", "ColourMoments", "OnlyLarge"):
        registry.add(names[name])
    assert {name for name, _ in registry} == {"MeanColour", "GreyLevels", "ColourMoments", "OnlyLarge"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_shipped_plugin_is_on_the_page(page):
    registry = Registry()
    for plugin in shipped():
        registry.add(plugin)
    text = page.read_text(encoding="utf-8")
    assert [name for name, _ in registry if f"| `{name}` |" not in text] == []
