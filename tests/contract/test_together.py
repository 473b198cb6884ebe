"""spec.md, sections 2 to 6 at once: a `server.xml` with every key, a plug-in folder and a client as they were in 2020.

The service is started by its old command, with the real HiveNetLib, on a real Milvus and on what speaks MongoDB's
protocol here (which knows no authentication: `username` and `password` stay empty, as the file allows).
"""

import base64
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

import milvus_server
import mongodb_server
from conftest import missing
from real_hivenet import HiveNetMissingError, hivenet_folder

ROOT = Path(__file__).parents[2]

SERVER_XML = """\
<?xml version="1.0" encoding="utf-8"?>
<server>
  <enable_client type="bool">true</enable_client>
  <static_path>page</static_path>
  <debug type="bool">false</debug>
  <max_upload_size type="float">1.5</max_upload_size>
  <flask>
    <host>127.0.0.1</host><port type="int">8002</port>
    <threaded type="bool">true</threaded><processes type="int">1</processes>
  </flask>
  <mongodb>
    <host>127.0.0.1</host><port type="int">{mongodb}</port>
    <username></username><password></password>
    <authSource>old_pictures</authSource><authMechanism></authMechanism><maxPoolSize type="int">20</maxPoolSize>
  </mongodb>
  <search_config>
    <nprobe type="int">16</nprobe><topk type="int">3</topk>
    <default_collection>attic</default_collection><app_name>old_app</app_name>
    <collections>cats,dogs</collections><match_score type="float">0.5</match_score>
  </search_config>
  <milvus>
    <host>127.0.0.1</host><port type="int">{milvus}</port>
    <user>{user}</user><password>{password}</password>
    <pool>SingletonThread</pool><index_file_size type="int">1024</index_file_size>
    <dimension type="int">3</dimension><metric_type>L2</metric_type>
  </milvus>
  <logger>
    <logger_name>OldServer</logger_name><logfile_path>logs/server.log</logfile_path>
    <config_type>JSON_STR</config_type>
    <json_str><![CDATA[{{
      "version": 1, "disable_existing_loggers": false,
      "formatters": {{"old": {{"format": "[%(asctime)s.%(millisecond)s][%(levelname)s]%(message)s"}}}},
      "handlers": {{"file": {{"class": "logging.FileHandler", "formatter": "old", "filename": "logs/old.log"}}}},
      "root": {{"level": "INFO", "handlers": ["file"]}}
    }}]]></json_str>
  </logger>
  <pipeline>
    <plugins_path>plugins</plugins_path>
    <processer_para><OldColour><scale type="float">0.5</scale></OldColour></processer_para>
    <router_para><OldRouter><limit type="int">1</limit></OldRouter></router_para>
    <pipeline_config>
      <OldSearch>
        {{"1": {{"name": "open", "processor": "OldOpen", "context": {{"kind": "cats"}},
                "router": "", "router_para": {{}},
                "exception_router": "GoToNode", "exception_router_para": {{"goto_node_name": "black"}}}},
         "2": {{"name": "colour", "processor": "OldColour", "router": "OldRouter", "router_para": {{"to": "4"}}}},
         "3": {{"name": "black", "processor": "OldBlack"}},
         "4": {{"name": "sort", "processor": "OldSort"}}}}
      </OldSearch>
    </pipeline_config>
  </pipeline>
</server>
"""

PLUGINS = '''\
#!/usr/bin/env python3
# -*- coding: UTF-8 -*-
"""颜色插件"""

import io
import threading
import numpy as np
from PIL import Image
from HiveNetLib.base_tools.run_tool import RunTool
from search_by_image.lib.pipeline import PipelineProcesser, PipelineRouter, Pipeline, Tools


class OldOpen(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return 'OldOpen'

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        image = Image.open(io.BytesIO(input_data['image'])).convert('RGB')
        if image.size == (9, 9):
            raise ValueError('nine')
        return {'opened_by_old': image, **input_data}


class OldColour(PipelineProcesser):
    """异步处理器"""

    @classmethod
    def initialize(cls):
        cls.scale = RunTool.get_global_var('PIPELINE_PROCESSER_PARA')[cls.processer_name()]['scale']
        assert RunTool.get_global_var('EXECUTE_PATH')

    @classmethod
    def processer_name(cls):
        return 'OldColour'

    @classmethod
    def is_asyn(cls):
        return True

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        node_id = context['node_id']

        def work():
            vector = np.asarray(input_data['opened_by_old'], float).mean((0, 1)) / 255 * cls.scale
            pipeline_obj.node_process_feeback(node_id, 1, 1)
            pipeline_obj.asyn_node_feeback(
                node_id, {'collection': input_data['collection'], 'image': input_data['image'], 'vertor': vector})

        threading.Thread(target=work).start()


class OldBlack(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return 'OldBlack'

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return {'collection': input_data['collection'], 'image': input_data['image'], 'vertor': np.zeros(3)}


class OldSort(PipelineProcesser):
    @classmethod
    def processer_name(cls):
        return 'OldSort'

    @classmethod
    def execute(cls, input_data, context, pipeline_obj):
        return {**input_data, 'collection': input_data['collection'] or context['kind']}


class OldRouter(PipelineRouter):
    @classmethod
    def router_name(cls):
        return 'OldRouter'

    @classmethod
    def get_next(cls, output, context, pipeline_obj, **kwargs):
        assert RunTool.get_global_var('PIPELINE_ROUTER_PARA')[cls.router_name()]['limit'] == 1
        return kwargs['to']
'''


@pytest.fixture(scope="module")
def mongodb():
    if reason := mongodb_server.why_not():
        missing(reason)
    server = mongodb_server.MongodbProcess()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, milvus, mongodb):
    root = tmp_path_factory.mktemp("old service")
    for name in ("conf", "plugins", "page"):
        (root / name).mkdir()
    filled = SERVER_XML.format(
        milvus=milvus.address.rpartition(":")[2],
        user=milvus_server.USER,
        password=milvus_server.PASSWORD,
        mongodb=mongodb.port,
    )
    (root / "conf" / "server.xml").write_text(filled, encoding="utf-8")
    (root / "plugins" / "colours.py").write_text(PLUGINS, encoding="utf-8")
    (root / "page" / "index.html").write_text("<title>old page</title>")
    return root


@pytest.fixture(scope="module")
def client(folder):
    """The service, started by its old words."""
    try:
        hivenet = hivenet_folder()
    except HiveNetMissingError as error:
        missing(f"HiveNetLib: {error}")
    words = [f"config={folder / 'conf' / 'server.xml'}", "port=0", "encoding=utf-8", "debug=true"]
    command = [sys.executable, str(ROOT / "server.py"), *words]
    environment = os.environ | {"PYTHONPATH": str(hivenet), "PYTHONUNBUFFERED": "1"}
    with (folder / "stderr").open("w") as stderr:
        service = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr)
    try:
        with httpx.Client(base_url=_address(service, folder / "stderr"), timeout=60) as client:
            yield client
    finally:
        service.terminate()
        assert service.wait(60) == 0
        service.stdout.close()


def _address(service, stderr):
    for _ in range(1200):
        if found := re.search(r"http://127\.0\.0\.1:\d+", stderr.read_text()):
            return found.group()
        assert service.poll() is None, stderr.read_text()
        time.sleep(0.1)
    raise AssertionError("the service did not start")


def call(client, name, **request):
    answer = client.post(f"/api/SearchServer/{name}", **request)
    assert answer.status_code == 200
    return answer.json()


def of_colour(red, green, blue, side=8):
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (red, green, blue)).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_old_service_goes_on(client, folder):
    form = {"pipeline": "OldSearch", "collection": "", "interface_seq_id": "1"}
    upload = call(
        client,
        "ImportByUpload",
        data=form | {"image_doc": json.dumps({"id": 1, "name": "红猫"})},
        files={"file": ("red.png", of_colour(255, 0, 0), "image/png")},
    )
    assert upload == {"interface_seq_id": "1", "status": "00000", "msg": "success"}
    for number, colour in enumerate([(0, 255, 0), (0, 0, 255), (250, 5, 0)], 2):
        body = form | {
            "file": "data:image/png;base64," + base64.b64encode(of_colour(*colour)).decode(),
            "image_doc": {"id": number},
            "collection": "dogs" if number == 2 else "",
            "interface_seq_id": number,
        }
        assert call(client, "ImportByBase64", json=body)["interface_seq_id"] == number

    found = call(client, "SearchByUpload", data=form, files={"file": ("q.png", of_colour(254, 0, 0))})
    assert [match["id"] for match in found["match_images"]] == [1, 4, 3]
    first = found["match_images"][0]
    distance = 0.5 * 1 / 255
    assert (first["name"], first["collection"]) == ("红猫", "cats")
    assert first["distance"] == pytest.approx(distance, abs=1e-5)
    assert first["score"] == pytest.approx(1 / (1 + distance), abs=1e-5)

    listed = call(client, "GetImageDoc", json={"collection": "cats", "page_size": 2, "page_num": 2})
    assert listed["images"] == [{"id": 4, "collection": "cats"}]
    everywhere = call(client, "GetImageDoc", json={"field_name": "id", "field_values": [2, 3]})
    assert [image["collection"] for image in everywhere["images"]] == ["dogs", "cats"]
    removed = call(client, "RemoveImageDoc", json={"collection": "cats", "field_name": "id", "field_values": 4})
    assert [image["id"] for image in removed["images"]] == [4]
    again = call(client, "SearchByUpload", data=form, files={"file": ("q.png", of_colour(254, 0, 0))})
    assert [match["id"] for match in again["match_images"]] == [1, 3]


def test_the_exception_router_leads_on(client):
    """A picture of 9 x 9 makes the first processor fail: GoToNode jumps to the node named black."""
    body = {"file": base64.b64encode(of_colour(9, 9, 9, 9)).decode(), "pipeline": "OldSearch", "image_doc": {"id": 9}}
    assert call(client, "ImportByBase64", json=body | {"collection": "dogs"})["status"] == "00000"
    found = call(client, "SearchByBase64", json=body | {"collection": "dogs"})["match_images"]
    assert (found[0]["id"], found[0]["distance"]) == (9, 0)


def test_a_page_of_ones_own_and_the_largest_upload(client):
    assert "old page" in client.get("/").text
    large = call(client, "SearchByUpload", data={"pipeline": "OldSearch"}, files={"file": ("q.png", bytes(1_600_000))})
    assert large["status"].startswith("2")


def test_the_log_of_old(client, folder):
    call(client, "GetImageDoc", json={})
    log = (folder / "logs" / "old.log").read_text(encoding="utf-8")
    assert re.search(r"^\[[^]]+\.\d{1,3}\]\[INFO\]", log, re.MULTILINE)
    assert log.count("index_file_size") == 1
    assert log.count("milvus/pool") == 1
    assert "GetImageDoc" in log
