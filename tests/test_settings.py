import json
from pathlib import Path

import pytest
from platformdirs import user_cache_path
from pydantic import ValidationError

from search_by_image.errors import ConfigError
from search_by_image.settings import (
    VectorsSettings,
    base_path_of,
    load_settings,
    notices,
    settings_rows,
)

SHIPPED = Path(__file__).parents[1] / "conf" / "server.xml"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, inside, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<server>{inside}</server>", encoding=encoding)
    return path


def load(path=None, environ=None, **rest):
    return load_settings(path, environ=environ or {}, **rest)


def row(loaded, path):
    return next(row for row in settings_rows(loaded) if row.path == path)


# defaults


def test_without_a_file_the_defaults_hold(tmp_path):
    loaded = load()
    assert (loaded.flask.host, loaded.flask.port, loaded.search_config.topk) == ("127.0.0.1", 8002, 10)
    assert (loaded.mongodb, loaded.milvus.metric_type, loaded.search_config.nprobe) == (None, "COSINE", None)
    assert loaded.vectors.path == tmp_path / "data" / "vectors"
    assert loaded.records.url == f"sqlite:///{tmp_path}/data/records.db"
    assert loaded.models.cache_path == user_cache_path("search-by-image")
    assert (loaded.base_path, loaded.source, loaded.origins) == (tmp_path, None, {})
    assert {row.origin for row in settings_rows(loaded)} == {"default"}


def test_the_shipped_file_equals_the_defaults(tmp_path):
    write(tmp_path / "conf" / "server.xml", "").write_bytes(SHIPPED.read_bytes())
    shipped = load()
    assert shipped.source == tmp_path / "conf" / "server.xml"
    shipped.source.unlink()
    defaults = load()
    assert comparable(shipped) == comparable(defaults)
    assert defaults.pipeline.pipeline_config.keys() == {"DemoSearch"}


def comparable(loaded):
    pipelines = loaded.pipeline.pipeline_config
    nodes = {name: json.loads(text) for name, text in pipelines.items()}
    return nodes, loaded.model_dump(exclude={"origins": True, "source": True, "pipeline": {"pipeline_config"}})


def test_a_file_of_2020_is_read_as_it_is(tmp_path):
    path = tmp_path / "search_by_image" / "conf" / "server.xml"
    path.parent.mkdir(parents=True)
    path.write_text(FILE_OF_2020)
    loaded = load(path)
    assert loaded.uses_mongodb
    assert loaded.uses_milvus
    assert (loaded.mongodb.host, loaded.milvus.host) == ("10.0.0.1", "10.0.0.1")
    assert (loaded.search_config.nprobe, loaded.milvus.metric_type, loaded.milvus.dimension) == (64, "L2", 1536)
    assert loaded.pipeline.plugins_path == tuple(path.parents[1] / name for name in ("../plugins", "../plugins_demo"))
    assert loaded.pipeline.processer_para["InceptionV4Vertor"]["image_size"] == 299
    assert loaded.mongodb.password == "123456"
    assert loaded.logger.is_create_logfile_by_day
    assert [notice.split()[0] for notice in notices(loaded)] == [
        "milvus/pool",
        "milvus/index_file_size",
        "logger/auto_create_conf",
        "logger/call_fun_level",
    ]


FILE_OF_2020 = """<server>
  <!-- comment -->
  <static_path>../client</static_path><enable_client type="bool">true</enable_client>
  <debug type="bool">true</debug><max_upload_size type="float">16</max_upload_size>
  <flask><port type="int">8002</port><threaded type="bool">true</threaded><processes type="int">1</processes></flask>
  <mongodb><host>10.0.0.1</host><port type="int">27017</port><username>me</username><password>123456</password>
    <authSource>db</authSource><authMechanism>SCRAM-SHA-256</authMechanism><maxPoolSize type="int">100</maxPoolSize>
  </mongodb>
  <search_config><nprobe type="int">64</nprobe><topk type="int">10</topk><default_collection>other</default_collection>
    <app_name>demo_search</app_name><collections>other</collections><match_score type="float">0.0</match_score>
  </search_config>
  <milvus><host>10.0.0.1</host><port type="int">19530</port><pool>SingletonThread</pool>
    <index_file_size type="int">1024</index_file_size><dimension type="int">1536</dimension>
    <metric_type>L2</metric_type></milvus>
  <logger><conf_file_name></conf_file_name><logger_name>Console</logger_name><logfile_path>./logs/a.log</logfile_path>
    <config_type>JSON_STR</config_type><json_str>{
      "version": 1, "loggers": {"Console": {"level": "DEBUG", "propagate": "no"}}}</json_str>
    <auto_create_conf>true</auto_create_conf><is_create_logfile_by_day>true</is_create_logfile_by_day>
    <call_fun_level>0</call_fun_level></logger>
  <pipeline><plugins_path>../plugins, ../plugins_demo</plugins_path>
    <processer_para><InceptionV4Vertor><frozen_graph>../a.pb</frozen_graph><image_size type="int">299</image_size>
      <min_score type="float">0.1</min_score></InceptionV4Vertor></processer_para>
    <router_para>
    </router_para>
    <pipeline_config><DemoSearch>{"1": {"name": "input", "processor": "InceptionV4Vertor", "router": ""}}
    </DemoSearch></pipeline_config></pipeline>
</server>"""


def test_settings_and_sections_are_frozen_and_take_no_other_names():
    with pytest.raises(ValidationError):
        load().flask.port = 1
    with pytest.raises(ValidationError):
        VectorsSettings(kind="flat")


# precedence


def test_command_line_over_environment_over_file_over_default(tmp_path):
    path = write(
        tmp_path / "a.xml",
        '<flask><port type="int">1001</port><host>h</host><processes>2</processes></flask>'
        '<debug type="bool">true</debug>',
    )
    environ = {"SEARCH_BY_IMAGE__FLASK__PORT": "1002", "SEARCH_BY_IMAGE__FLASK__HOST": "e", "HOME": "/nowhere"}
    loaded = load(path, environ, overrides={"flask/port": 1003})
    assert (loaded.flask.port, loaded.flask.host, loaded.flask.processes) == (1003, "e", 2)
    assert {row.path: row.origin for row in settings_rows(loaded) if row.origin != "default"} == {
        "debug": "file",
        "flask/host": "environment",
        "flask/port": "command line",
        "flask/processes": "file",
    }
    assert row(loaded, "debug").value == "true"


def test_the_process_environment_is_read_by_default(monkeypatch):
    monkeypatch.setenv("SEARCH_BY_IMAGE__SEARCH_CONFIG__TOPK", "7")
    assert load_settings().search_config.topk == 7


@pytest.mark.parametrize(
    "name", ["SEARCH_BY_IMAGE__FLASK__PORT", "search_by_image__flask__port", "Search_By_Image__Flask__Port"]
)
def test_the_case_of_a_variable_does_not_matter(name):
    assert load(environ={name: " 8003 "}).flask.port == 8003


def test_an_override_may_be_text(tmp_path):
    assert (
        load(overrides={"enable_client": "no", "search_config/match_score": " 0.5 "}).search_config.match_score == 0.5
    )


# plug-ins' settings


PARAMETERS = """<pipeline><processer_para>
  <HistogramVetor>
    <image_size type="int">299</image_size><name>a b</name><deep><x type="float">0.5</x></deep>
  </HistogramVetor>
  <Nothing></Nothing>
</processer_para><router_para/></pipeline>"""


def test_a_plugins_settings_have_the_types_of_their_elements(tmp_path):
    parameters = load(write(tmp_path / "a.xml", PARAMETERS)).pipeline.processer_para
    assert parameters == {"HistogramVetor": {"image_size": 299, "name": "a b", "deep": {"x": 0.5}}}


def test_a_variable_takes_the_type_of_the_plugins_setting_that_it_replaces(tmp_path):
    environ = {
        "SEARCH_BY_IMAGE__PIPELINE__PROCESSER_PARA__HISTOGRAMVETOR__image_size": "64",
        "SEARCH_BY_IMAGE__PIPELINE__PROCESSER_PARA__HistogramVetor__name": "5",
        "SEARCH_BY_IMAGE__PIPELINE__PROCESSER_PARA__Other__size": "5",
    }
    parameters = load(write(tmp_path / "a.xml", PARAMETERS), environ).pipeline.processer_para
    assert parameters["HistogramVetor"] == {"image_size": 64, "name": "5", "deep": {"x": 0.5}}
    assert parameters["Other"] == {"size": "5"}


def test_an_override_with_a_type_replaces_a_plugins_setting_as_it_is(tmp_path):
    path = write(tmp_path / "a.xml", PARAMETERS)
    loaded = load(path, overrides={"pipeline/processer_para/HistogramVetor/image_size": 1.5})
    assert loaded.pipeline.processer_para["HistogramVetor"]["image_size"] == 1.5


def test_a_pipeline_of_ones_own_replaces_the_default_one():
    loaded = load(environ={"SEARCH_BY_IMAGE__PIPELINE__PIPELINE_CONFIG__Mine": '{"1": {}}'})
    assert loaded.pipeline.pipeline_config == {"Mine": '{"1": {}}'}


def test_the_mongodb_section_may_be_there_without_host(tmp_path):
    inside = "<mongodb><authSource>db</authSource><tls type='bool'>true</tls><appname/><zlib type='int'/></mongodb>"
    mongodb = load(write(tmp_path / "a.xml", inside)).mongodb
    assert not load(tmp_path / "a.xml").uses_mongodb
    dumped = mongodb.model_dump(by_alias=True)
    assert (dumped["authSource"], dumped["tls"], dumped["appname"], dumped["zlib"]) == ("db", True, "", None)
    assert (dumped["host"], dumped["maxPoolSize"]) == (None, 100)


# lists, empties, names


def test_lists_are_stripped_without_empties_and_doubles(tmp_path):
    loaded = load(
        write(
            tmp_path / "a.xml",
            "<search_config><collections> cats,, 狗 ,cats, </collections></search_config>"
            "<fetch><allowed_ports type='int'>8080</allowed_ports><allowed_hosts>a.b,*.c</allowed_hosts></fetch>",
        )
    )
    assert loaded.search_config.collections == ("cats", "狗")
    assert (loaded.fetch.allowed_ports, loaded.fetch.allowed_hosts) == ((8080,), ("a.b", "*.c"))
    assert row(loaded, "search_config/collections").value == "cats,狗"
    assert load(overrides={"fetch/allowed_ports": ""}).fetch.allowed_ports == ()


def test_an_empty_element_is_none_where_that_is_allowed(tmp_path):
    inside = (
        "<static_path/><search_config><nprobe type='int'/></search_config><milvus><host/><dimension/></milvus><flask/>"
    )
    loaded = load(write(tmp_path / "a.xml", inside))
    assert (loaded.static_path, loaded.search_config.nprobe) == (None, None)
    assert (loaded.milvus.host, loaded.milvus.dimension) == (None, None)
    assert loaded.flask.port == 8002


def test_comments_inside_a_text_do_not_count(tmp_path):
    assert load(write(tmp_path / "a.xml", "<flask><port type='int'> 80<!-- x -->03 </port></flask>")).flask.port == 8003


# paths


def test_the_base_path_is_above_a_folder_named_conf(tmp_path):
    assert base_path_of(tmp_path / "conf" / "any.xml") == tmp_path
    assert base_path_of(tmp_path / "other" / "server.xml") == tmp_path / "other"
    assert base_path_of(Path("conf") / "server.xml") == tmp_path
    assert base_path_of(None) == tmp_path


def test_every_path_is_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    inside = """<static_path>../page</static_path><vectors><path>v</path></vectors>
    <logger><logfile_path>./logs/a.log</logfile_path></logger><models><cache_path>cache</cache_path></models>
    <pipeline><plugins_path>plugins, /opt/plugins,~/plugins</plugins_path></pipeline>
    <records><url>sqlite:///图 库/r.db?timeout=3</url></records>"""
    base = tmp_path / "site"
    loaded = load(write(base / "conf" / "server.xml", inside))
    assert loaded.base_path == base
    assert loaded.static_path == base / ".." / "page"
    assert loaded.vectors.path == base / "v"
    assert loaded.logger.logfile_path == base / "logs" / "a.log"
    assert loaded.pipeline.plugins_path == (base / "plugins", Path("/opt/plugins"), Path("/home/me/plugins"))
    assert loaded.models.cache_path == base / "cache"
    assert load(overrides={"models/cache_path": ""}).models.cache_path == user_cache_path("search-by-image")


def test_a_relative_record_file_is_opened_below_the_base_path(tmp_path):
    from sqlalchemy import create_engine

    loaded = load(write(tmp_path / "conf" / "server.xml", "<records><url>sqlite:///图 库.db?timeout=3</url></records>"))
    create_engine(loaded.records.url).connect().close()
    assert (tmp_path / "图 库.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:////srv/a.db", "sqlite:///file:a?mode=memory&uri=true"]
)
def test_record_urls_that_stay_as_they_are(url):
    assert load(overrides={"records/url": url}).records.url == url


# what has no effect, and what cannot hold together


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, None),
        ({"milvus/pool": "QueuePool"}, "milvus/pool has no effect"),
        ({"milvus/index_file_size": 512}, "Milvus 2 sizes its segments itself"),
        ({"search_config/nprobe": 16}, "see vectors/recall_target"),
        ({"search_config/nprobe": 16, "milvus/host": "h"}, None),
        ({"search_config/nprobe": 16, "milvus/uri": "http://h:19530"}, None),
        ({"search_config/nprobe": ""}, None),
        ({"flask/processes": 1}, None),
        ({"flask/processes": 4}, "flask/processes is 4, and one process is started: the embedded stores belong"),
        ({"flask/processes": 4, "milvus/uri": "a.db", "mongodb/host": "h"}, "the embedded stores belong"),
        ({"flask/processes": 4, "milvus/host": "h", "mongodb/host": "h"}, "one process is started. Its threads"),
    ],
)
def test_one_notice_for_each_setting_without_effect(given, said):
    found = notices(load(overrides=given))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(
    ("given", "path", "remedy"),
    [
        ({"mongodb/host": "h", "records/url": "sqlite:///a.db"}, "records/url", "Remove records/url to use MongoDB"),
        ({"milvus/host": "h", "milvus/uri": "http://h"}, "milvus/uri", "Keep one of the two"),
        ({"milvus/uri": "https://h", "milvus/key_file": "k", "milvus/ca_file": "c"}, "milvus/certificate_file", "both"),
        ({"milvus/uri": "https://h", "milvus/key_file": "k", "milvus/certificate_file": "c"}, "milvus/ca_file", "too"),
        ({"milvus/host": "h", "milvus/ca_file": "c"}, "milvus/ca_file", "Set milvus/secure"),
        ({"logger/config_type": "JSON_FILE"}, "logger/conf_file_name", "name the file"),
    ],
)
def test_settings_that_cannot_hold_together(given, path, remedy):
    with pytest.raises(ConfigError) as caught:
        load(overrides=given)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert remedy in problem.message


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("library.db", "library.db"),
        ("/data/library.db", "/data/library.db"),
        ("file:图 库", "图 库"),
        ("file:my%20library", "my library"),
        ("file:///data/my%20library.db", "/data/my library.db"),
        ("http://milvus.db", None),
        ("https://root:secret@milvus:19530", None),
    ],
)
def test_a_milvus_uri_names_a_server_or_a_file_below_the_base_path(uri, path, tmp_path):
    milvus = load(write(tmp_path / "server.xml", f"<milvus><uri>{uri}</uri></milvus>")).milvus
    assert milvus.is_used
    assert milvus.file == (None if path is None else tmp_path / path)
    assert path is not None or milvus.uri == uri


def test_a_milvus_uri_that_is_neither_is_told_what_there_is():
    with pytest.raises(ConfigError, match=r"http://localhost:19530.*Lite.*\.db"):
        load(overrides={"milvus/uri": "localhost:19530"})


def test_a_record_url_at_its_default_is_no_conflict():
    assert load(overrides={"mongodb/host": "h"}).uses_mongodb


def test_origins():
    given = "https://Shop.example.com, http://127.0.0.1:8080,http://[::1]:5,*"
    assert load(overrides={"cors/allow_origins": given}).cors.allow_origins == (
        "https://shop.example.com",
        "http://127.0.0.1:8080",
        "http://[::1]:5",
        "*",
    )
