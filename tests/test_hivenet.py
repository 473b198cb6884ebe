"""Plug-ins of 2020 read their settings through HiveNetLib: the real package, in a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from conftest import missing
from real_hivenet import HiveNetMissingError, hivenet_folder
from search_by_image.hivenet import globals_of, share_globals
from search_by_image.settings import load_settings

OLD_PLUGIN = '''
import os
import numpy as np
from HiveNetLib.base_tools.run_tool import RunTool
from search_by_image.lib.pipeline import PipelineProcesser, PipelineRouter


class Grey(PipelineProcesser):
    """Grey level, as a plug-in of 2020 would."""

    @classmethod
    def initialize(cls):
        config = RunTool.get_global_var('PIPELINE_PROCESSER_PARA')[cls.processer_name()]
        execute_path = RunTool.get_global_var('EXECUTE_PATH')
        RunTool.set_global_var('GREY', {
            'scale': config.get('scale', 1), 'file': os.path.join(execute_path, config['labelmap']),
            'word': RunTool.get_global_var('PIPELINE_ROUTER_PARA')['Stop']['word'],
        })

    @classmethod
    def processer_name(cls):
        return 'Grey'

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        grey = RunTool.get_global_var('GREY')
        context['seen'] = dict(grey)
        return {'image': input_data['image'], 'collection': '', 'vertor': np.array([grey['scale']])}


class Stop(PipelineRouter):
    @classmethod
    def router_name(cls):
        return 'Stop'

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        return None
'''
RUN = """
import asyncio, json, sys
from pathlib import Path
task, run = asyncio.Task, asyncio.run
from search_by_image.assembly import build_pipelines
from search_by_image.settings import load_settings
settings = load_settings(Path("conf/server.xml"), environ={})
context = {}
output = build_pipelines(settings)["P"].run({"image": b"", "collection": ""}, context)
from HiveNetLib.base_tools.run_tool import RunTool
config = RunTool.get_global_var("SERVER_CONFIG")
print(json.dumps({
    "seen": context["seen"], "vector": output["vertor"].tolist(), "where": sys.modules["HiveNetLib"].__file__,
    "port": config["flask"]["port"], "execute_path": config["execute_path"],
    "asyncio": asyncio.Task is task and asyncio.run is run,
}))
"""
SETTINGS = """<server><pipeline><plugins_path>plugins</plugins_path>
<processer_para><Grey><labelmap>data/labels.txt</labelmap><scale type="float">2.5</scale></Grey></processer_para>
<router_para><Stop><word>halt</word></Stop></router_para>
<pipeline_config><P>{"1": {"processor": "Grey", "router": "Stop"}}</P></pipeline_config></pipeline></server>"""
NEST_ASYNCIO = """
import asyncio
def apply():
    asyncio.run = None
"""


@pytest.fixture(scope="module")
def hivenet():
    try:
        return hivenet_folder()
    except HiveNetMissingError as error:
        missing(f"HiveNetLib from PyPI: {error}")


@pytest.fixture
def site(tmp_path):
    for name, text in (
        ("conf/server.xml", SETTINGS),
        ("plugins/grey.py", OLD_PLUGIN),
        ("others/nest_asyncio.py", NEST_ASYNCIO),
    ):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(site, *paths, code=RUN):
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=site, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_plugin_of_2020_finds_its_settings(site, hivenet):
    done = run(site, hivenet, site / "others")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("where").startswith(str(hivenet))
    assert found == {
        "seen": {"scale": 2.5, "file": f"{site}/data/labels.txt", "word": "halt"},
        "vector": [2.5],
        "port": 8002,
        "execute_path": str(site),
        "asyncio": True,
    }


def test_without_hivenet_such_a_plugin_is_named_with_its_line(site):
    done = run(site)
    assert done.returncode == 1
    assert f"{site}/plugins/grey.py:4: ModuleNotFoundError: No module named 'HiveNetLib'" in done.stderr


def test_hivenet_is_not_imported_without_a_plugin_folder(site, hivenet):
    (site / "conf" / "server.xml").write_text("<server></server>")
    code = """
import sys
from pathlib import Path
from search_by_image.assembly import load_plugins
from search_by_image.plugins import Registry
from search_by_image.settings import load_settings
load_plugins(Registry(), load_settings(Path("conf/server.xml"), environ={}))
sys.exit("HiveNetLib" in sys.modules)
"""
    assert run(site, hivenet, code=code).returncode == 0


def test_a_broken_hivenet_is_a_warning(site, monkeypatch, caplog):
    package = site / "broken" / "HiveNetLib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    share_globals({"A": 1})
    assert "HiveNetLib is installed and cannot be used: No module named 'HiveNetLib.base_tools'" in caplog.text


def test_the_globals_of_the_successor_package_are_set_too(site, monkeypatch):
    """HiveNetCore 0.1.4 keeps them in this module; the package itself needs a compiler to install."""
    folder = site / "core" / "HiveNetCore" / "utils"
    folder.mkdir(parents=True)
    for file in (folder / "__init__.py", folder.parent / "__init__.py"):
        file.touch()
    (folder / "global_var_tool.py").write_text(
        "class GlobalVarTool:\n    found = {}\n    @classmethod\n"
        "    def set_global_var(cls, key, value):\n        cls.found[key] = value\n"
    )
    monkeypatch.syspath_prepend(str(site / "core"))
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    share_globals({"A": 1})
    assert sys.modules["HiveNetCore.utils.global_var_tool"].GlobalVarTool.found == {"A": 1}


def test_what_is_shared(site):
    shared = globals_of(load_settings(site / "conf" / "server.xml", environ={}))
    assert shared["EXECUTE_PATH"] == str(site)
    config = shared["SERVER_CONFIG"]
    assert config["config"] == str(site / "conf" / "server.xml")
    assert config["pipeline"]["processer_para"] == {"Grey": {"labelmap": "data/labels.txt", "scale": 2.5}}
    assert "origins" not in config
