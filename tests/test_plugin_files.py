import sys

import pytest

from cheap_library import picture
from search_by_image.errors import ConfigError
from search_by_image.plugin_files import PluginLoader
from search_by_image.plugins import Host, Registry
from search_by_image.workshop import Workshop

OLD_STYLE = """
import numpy as np
from search_by_image.lib.pipeline import PipelineProcesser, PipelineRouter
from old_helper import scale

class Base(PipelineProcesser):
    pass

class Grey(Base):
    @classmethod
    def initialize(cls):
        cls.offset = PIPELINE_PROCESSER_PARA["Grey"]["offset"]
    @classmethod
    def processer_name(cls):
        return "Grey"
    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        context["seen"] = cls.para["offset"]
        return {"collection": input_data["collection"], "image": input_data["image"],
                "vertor": np.array([scale(len(input_data["image"])), cls.offset])}

class Stop(PipelineRouter):
    @classmethod
    def router_name(cls):
        return "Stop"
    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        return None
"""
TYPED = """
import numpy as np
from search_by_image.plugins import Features, Processor

class Mean(Processor):
    def process(self, image, context):
        return Features(np.asarray(image, np.float32).mean((0, 1)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    return tmp_path


def load(*folders, processer_para=None):
    registry = Registry()
    PluginLoader(registry, processer_para or {}, {}).load(folders)
    return registry


def test_old_style_plugins_run_unchanged(folder):
    (folder / "old.py").write_text(OLD_STYLE)
    (folder / "old_helper.py").write_text("def scale(n):\n    return n / 1000\n")
    registry = load(folder, processer_para={"Grey": {"offset": 7}})
    assert [name for name, _ in registry] == ["Grey", "Stop"]
    text = '{"1": {"processor": "Grey", "router": "Stop"}, "2": {"processor": "Grey"}}'
    pipeline = Workshop(registry, Host(), {}).pipelines({"P": text})["P"]
    context = {}
    output = pipeline.run({"image": b"x" * 500, "collection": "c"}, context)
    assert output["vertor"].tolist() == [0.5, 7.0]
    assert context["seen"] == 7
    assert [node["router_name"] for node in context["trace_list"]] == ["Stop"]


def test_typed_plugins_need_ten_lines(folder):
    (folder / "mean.py").write_text(TYPED)
    pipeline = Workshop(load(folder), Host(), {}).pipelines({"P": '{"1": {"processor": "Mean"}}'})["P"]
    assert pipeline.extract(picture(1)).vector.shape == (3,)


def test_two_folders_may_hold_files_of_the_same_name(folder):
    for part, name in (("a", "Mean"), ("b", "Other")):
        (folder / part).mkdir()
        (folder / part / "mean.py").write_text(TYPED.replace("Mean", name))
    assert [name for name, _ in load(folder / "a", folder / "b")] == ["Mean", "Other"]


def test_a_name_taken_twice_names_both_files(folder):
    for part in ("a", "b"):
        (folder / part).mkdir()
        (folder / part / "mean.py").write_text(TYPED)
    with pytest.raises(ConfigError) as caught:
        load(folder / "a", folder / "b")
    (problem,) = caught.value.problems
    assert f"{folder}/a/mean.py:5" in problem.message
    assert f"{folder}/b/mean.py:5" in problem.message


def test_broken_files_are_named_with_their_line_and_the_others_are_checked_too(folder):
    (folder / "a_syntax.py").write_text("x = 1\ndef (:\n")
    (folder / "b_import.py").write_text("import os\n\nimport no_such_module_anywhere\n")
    (folder / "c_good.py").write_text(TYPED)
    (folder / "d_nameless.py").write_text(
        OLD_STYLE.replace('return "Grey"', 'return ""').replace("from old_helper", "#")
    )
    with pytest.raises(ConfigError) as caught:
        load(folder, folder / "nowhere", processer_para={"Grey": {"offset": 1}})
    found = {problem.path.rsplit("/", 1)[-1]: problem.message for problem in caught.value.problems}
    assert found["a_syntax.py:2"].startswith("SyntaxError")
    assert found["b_import.py:3"] == "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    assert "has no name" in found["d_nameless.py"]
    assert "is not a folder" in found["plugins_path"]
    assert len(found) == 4
    assert not [name for name in sys.modules if "a_syntax" in name or "b_import" in name]


def test_installed_packages_bring_plugins(folder, monkeypatch):
    package = folder / "colour_plugin-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: colour-plugin\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        "[search_by_image.plugins]\nmean = colour_plugin:Mean\nwrong = colour_plugin:WRONG\n"
    )
    (folder / "colour_plugin.py").write_text(TYPED + "\nWRONG = 5\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ConfigError, match="colour_plugin:WRONG: 5 is neither a processor nor a router"):
        load()
    (package / "entry_points.txt").write_text("[search_by_image.plugins]\nmean = colour_plugin:Mean\n")
    assert [name for name, _ in load()] == ["Mean"]


def test_asynchronous_processors_are_refused_at_start(folder):
    source = OLD_STYLE.replace(
        "    @classmethod\n    def execute",
        "    @classmethod\n    def is_asyn(cls):\n        return True\n    @classmethod\n    def execute",
    )
    (folder / "old.py").write_text(source)
    (folder / "old_helper.py").write_text("def scale(n):\n    return n / 1000\n")
    registry = load(folder, processer_para={"Grey": {"offset": 7}})
    with pytest.raises(ConfigError, match="asynchronous"):
        Workshop(registry, Host(), {}).pipelines({"P": '{"1": {"processor": "Grey"}}'})
