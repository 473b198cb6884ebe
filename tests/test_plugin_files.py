import builtins
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


def test_files_are_loaded_in_the_order_of_their_names(folder):
    record = "import builtins\nbuiltins.LOADED.append(__name__)\n"
    for name in ("b", "a", "c"):
        (folder / f"{name}.py").write_text(record)
    (folder / "text.txt").write_text("no plug-in")
    builtins.LOADED = []
    try:
        load(folder)
        names = [name.split("_")[-2] for name in builtins.LOADED]
    finally:
        del builtins.LOADED
    assert names == ["a", "b", "c"]


def test_modules_are_registered_under_names_of_their_own(folder):
    for part, name in (("a", "Mean"), ("b", "Other")):
        (folder / part).mkdir()
        (folder / part / "mean.py").write_text(TYPED.replace("Mean", name))
    plugins = dict(load(folder / "a", folder / "b"))
    modules = {name: sys.modules[plugin.__module__] for name, plugin in plugins.items()}
    assert {name: module.__file__ for name, module in modules.items()} == {
        "Mean": f"{folder}/a/mean.py",
        "Other": f"{folder}/b/mean.py",
    }


def test_each_folder_has_its_own_helper_modules(folder):
    for part, size in (("a", 1), ("b", 2)):
        (folder / part).mkdir()
        (folder / part / "plugin_size.py").write_text(f"SIZE = {size}\n")
        source = TYPED.replace("Mean", f"Mean{part}") + "    from plugin_size import SIZE as size\n"
        (folder / part / "plugin.py").write_text(source)
    plugins = dict(load(folder / "a", folder / "b"))
    assert {name: plugin.size for name, plugin in plugins.items()} == {"Meana": 1, "Meanb": 2}


def test_what_is_no_plugin_is_passed_over(folder):
    (folder / "many.py").write_text(
        OLD_STYLE.replace("from old_helper import scale", "from collections import OrderedDict")
        + """
from abc import abstractmethod
from search_by_image.plugins import Processor
from cheap_library import Thumbnail

class Helper:
    pass

class Abstract(Processor):
    @abstractmethod
    def size(self):
        ...
    def process(self, image, context):
        return self.size()

class Unfinished(Processor):
    pass

Alias = Grey
NUMBER = 5
"""
    )
    assert [name for name, _ in load(folder, processer_para={"Grey": {"offset": 1}})] == ["Grey", "Stop"]


def test_initialize_is_called_once(folder):
    (folder / "count.py").write_text(
        OLD_STYLE.replace("from old_helper import scale", "calls = []").replace(
            "cls.offset = PIPELINE_PROCESSER_PARA", "calls.append(1); cls.offset = PIPELINE_PROCESSER_PARA"
        )
        + "\nAlias = Grey\n"
    )
    plugin = dict(load(folder, processer_para={"Grey": {"offset": 1}}))["Grey"]
    assert sys.modules[plugin.__module__].calls == [1]


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("raise SystemExit('no model')", 1, "SystemExit: no model"),
        ("import sys\nsys.exit(3)", 2, "SystemExit: 3"),
        ("def f():\n    1 / 0\n\nf()", 2, "ZeroDivisionError"),
        ("from plugin_broken_helper import x", 1, "KeyError: 'inside'"),
    ],
)
def test_a_file_that_fails_in_any_way_is_named_with_its_line(folder, source, line, said):
    (folder / "plugin_broken_helper.py").write_text("try:\n    x = {}['inside']\nfinally:\n    pass\n")
    (folder / "z.py").write_text(source)
    with pytest.raises(ConfigError) as caught:
        load(folder)
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert said in found[f"{folder}/z.py:{line}"]
    assert len(found) <= 2


def test_a_file_that_is_no_python_source_is_named(folder):
    (folder / "z.py").write_bytes(b"x = '\0'")
    with pytest.raises(ConfigError, match=r"z\.py") as caught:
        load(folder)
    assert "null bytes" in caught.value.problems[0].message


def test_an_initialize_that_fails_is_named_with_its_line(folder):
    (folder / "old.py").write_text(OLD_STYLE.replace("from old_helper import scale", ""))
    with pytest.raises(ConfigError) as caught:
        load(folder)
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (f"{folder}/old.py:12", "KeyError: 'Grey'")


def test_a_package_that_fails_is_named_with_the_place(folder, monkeypatch):
    package = folder / "colour_plugin-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: colour-plugin\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        "[search_by_image.plugins]\na = colour_failing:Mean\nb = no_such_colour_module:Mean\n"
    )
    (folder / "colour_failing.py").write_text("x = 1\n1 / 0\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ConfigError) as caught:
        load()
    failing, absent = caught.value.problems
    assert failing.path == f"package colour_failing:Mean ({folder}/colour_failing.py:2)"
    assert absent.path.startswith("package no_such_colour_module:Mean")
    assert absent.message.startswith("ModuleNotFoundError")


def test_functions_and_classes_that_are_marked_are_plugins(folder):
    (folder / "marked.py").write_text(MARKED)
    assert [name for name, _ in load(folder)] == ["Corner", "mean_colour"]


def test_a_marked_name_taken_twice_names_both_files(folder):
    for part in ("a", "b"):
        (folder / part).mkdir()
        (folder / part / "marked.py").write_text(MARKED)
    with pytest.raises(ConfigError) as caught:
        load(folder / "a", folder / "b")
    text = str(caught.value)
    assert f"{folder}/a/marked.py:5" in text
    assert f"{folder}/b/marked.py:5" in text


MARKED = """
import numpy as np
from search_by_image.plugins import Features, processor

@processor
def mean_colour(image, context):
    return Features(np.asarray(image).mean((0, 1)))

@processor(name="Corner")
class Whatever:
    def process(self, image, context):
        return Features(np.asarray(image)[0, 0])
"""


def test_one_file_with_the_modules_beside_it(folder):
    (folder / "old.py").write_text(OLD_STYLE)
    (folder / "old_helper.py").write_text("def scale(n):\n    return n / 1000\n")
    (folder / "broken.py").write_text("1 / 0")
    registry = Registry()
    loader = PluginLoader(registry, {"Grey": {"offset": 1}}, {})
    loader.load_file(folder / "old.py")
    assert [name for name, _ in registry] == ["Grey", "Stop"]
    with pytest.raises(ConfigError, match=r"broken\.py:1: ZeroDivisionError"):
        loader.load_file(folder / "broken.py")
