"""spec.md, section 3: a plug-in folder as it was written in 2020, loaded by the settings and run by the engine."""

from textwrap import dedent

import pytest

from cheap_library import picture
from search_by_image.assembly import open_engine
from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings

COLOURS = '''
    """Two processors and two routers in one file."""
    from io import BytesIO
    import numpy as np
    from PIL import Image
    from search_by_image.lib.pipeline import PipelineProcesser, PipelineRouter
    from colour_helpers import shares

    CALLS = []

    class Open(PipelineProcesser):
        @classmethod
        def initialize(cls):
            CALLS.append("Open")

        @classmethod
        def processer_name(cls):
            return "Open"

        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            assert set(input_data) == {"image", "collection"}
            assert isinstance(input_data["image"], bytes)
            context["seen"] = dict(context)
            data = input_data["image"]
            return input_data["collection"], Image.open(BytesIO(data)).convert("RGB"), data

    class Shares(PipelineProcesser):
        @classmethod
        def initialize(cls):
            CALLS.append("Shares")
            cls.scale = PIPELINE_PROCESSER_PARA["Shares"]["scale"]

        @classmethod
        def processer_name(cls):
            return "Shares"

        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            collection, image, data = input_data
            vector = np.array(shares(image)) * cls.scale * context.get("factor", 1)
            context["brightest"] = int(vector.argmax())
            return {"collection": collection, "image": data, "vertor": vector}

    class ToCollection(PipelineProcesser):
        @classmethod
        def processer_name(cls):
            return "ToCollection"

        @classmethod
        def execute(cls, input_data, context, pipeline_obj):
            return {**input_data, "collection": context["name"]}

    class ByBrightest(PipelineRouter):
        @classmethod
        def initialize(cls):
            CALLS.append("ByBrightest")
            cls.channel = PIPELINE_ROUTER_PARA["ByBrightest"]["channel"]

        @classmethod
        def router_name(cls):
            return "ByBrightest"

        @classmethod
        def get_next(cls, output, context, pipeline_obj, **kwargs):
            return kwargs["node"] if context["brightest"] == cls.channel else None

    class Never(PipelineRouter):
        @classmethod
        def router_name(cls):
            return "Never"

        @classmethod
        def get_next(cls, output, context, pipeline_obj, **kwargs):
            raise AssertionError("nobody asks")
'''
HELPERS = """
    def shares(image):
        import numpy as np
        means = np.asarray(image, float).mean((0, 1))
        return (means / means.sum()).tolist()
"""
PIPELINE = """
    {"1": {"name": "open", "processor": "Open", "exception_router": "Never"},
     "2": {"name": "shares", "processor": "Shares", "context": {"factor": 2},
           "router": "ByBrightest", "router_para": {"node": "3"}},
     "3": {"name": "collection", "processor": "ToCollection", "context": {"name": "red"}}}
"""


@pytest.fixture
def server_xml(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "colours.py").write_text(dedent(COLOURS))
    (folder / "colour_helpers.py").write_text(dedent(HELPERS))
    file = tmp_path / "server.xml"
    file.write_text(
        dedent(f"""\
        <server>
          <milvus><metric_type>L2</metric_type></milvus>
          <pipeline>
            <plugins_path>plugins</plugins_path>
            <processer_para><Shares><scale type="float">0.5</scale></Shares></processer_para>
            <router_para><ByBrightest><channel type="int">0</channel></ByBrightest></router_para>
            <pipeline_config><Colours>{PIPELINE}</Colours></pipeline_config>
          </pipeline>
        </server>""")
    )
    return file


def of_colour(red, green, blue):
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (red, green, blue)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_plugin_folder_of_2020(server_xml):
    with open_engine(load_settings(server_xml, environ={})) as engine:
        assert engine.image_to_search_db(of_colour(200, 50, 0), {"id": 1}, "Colours")[1] == "red"
        assert engine.image_to_search_db(of_colour(50, 200, 0), {"id": 2}, "Colours")[1] == "images"
        (match,) = engine.search(of_colour(200, 50, 0), "Colours")
        assert (match["id"], match["collection"]) == (1, "red")
        (match,) = engine.search(of_colour(0, 200, 50), "Colours")
        distance = (0.2**2 + 0.2**2) ** 0.5
        assert match["distance"] == pytest.approx(distance, abs=1e-6)
        assert match["score"] == pytest.approx(1 / (1 + distance), abs=1e-6)


def test_the_context_always_holds_its_keys(server_xml):
    with open_engine(load_settings(server_xml, environ={})) as engine:
        context = {}
        engine.library.pipelines["Colours"].run({"image": picture(1), "collection": ""}, context)
    always = {"trace_list", "node_id", "node_status", "start_time", "total", "done"}
    assert always <= context["seen"].keys()
    assert (context["seen"]["node_id"], context["seen"]["node_status"]) == ("1", "R")
    assert context["node_status"] == "S"
    for trace in context["trace_list"]:
        assert {
            "node_id",
            "node_name",
            "processor_name",
            "start_time",
            "end_time",
            "status",
            "status_msg",
            "router_name",
        } <= trace.keys()
        assert trace["status"] == "S"
    assert [trace["router_name"] for trace in context["trace_list"]][:2] == ["", "ByBrightest"]


def test_a_name_taken_twice_names_both_files(server_xml):
    plugins = server_xml.parent / "plugins"
    (plugins / "more.py").write_text(dedent(COLOURS))
    with pytest.raises(ConfigError) as caught:
        open_engine(load_settings(server_xml, environ={}))
    text = str(caught.value)
    assert str(plugins / "colours.py") in text
    assert str(plugins / "more.py") in text
    assert "'Open'" in text
