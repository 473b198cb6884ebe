"""spec.md, section 2: every key of the table is read, typed, and honoured or answered with one notice."""

from pathlib import Path

import pytest

from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings, notices

SERVER_XML = """
<server>
  <enable_client type="bool">false</enable_client><static_path>page</static_path>
  <debug type="bool">true</debug><max_upload_size type="float">2.5</max_upload_size>
  <flask>
    <host>127.0.0.2</host><port type="int">8003</port>
    <threaded type="bool">true</threaded><processes type="int">1</processes>
  </flask>
  <mongodb>
    <host>db</host><port type="int">27018</port><username>u</username><password>p</password>
    <authSource>pictures</authSource><authMechanism>SCRAM-SHA-256</authMechanism>
    <maxPoolSize type="int">7</maxPoolSize><retryWrites type="bool">true</retryWrites>
  </mongodb>
  <search_config>
    <nprobe type="int">16</nprobe><topk type="int">5</topk><default_collection>attic</default_collection>
    <app_name>app</app_name><collections>cats, dogs</collections><match_score type="float">0.25</match_score>
  </search_config>
  <milvus>
    <host>vectors</host><port type="int">19531</port><pool>SingletonThread</pool>
    <index_file_size type="int">1024</index_file_size><dimension type="int">1536</dimension>
    <metric_type>{metric}</metric_type>
  </milvus>
  <logger><logger_name>Old</logger_name><logfile_path>logs/old.log</logfile_path><json_str></json_str></logger>
  <pipeline>
    <plugins_path>plugins,more/plugins</plugins_path>
    <processer_para><Mine><size type="int">3</size><deep><flag type="bool">true</flag></deep></Mine></processer_para>
    <router_para><Way><to>2</to></Way></router_para>
    <pipeline_config><Old>{{"1": {{"processor": "Mine"}}}}</Old></pipeline_config>
  </pipeline>
</server>
"""


@pytest.fixture
def load(tmp_path):
    def made(metric="L2"):
        (tmp_path / "conf").mkdir(exist_ok=True)
        file = tmp_path / "conf" / "server.xml"
        file.write_text(SERVER_XML.format(metric=metric))
        return load_settings(file, environ={})

    return made


def test_every_key_is_read(load, tmp_path):
    settings = load()
    assert (settings.enable_client, settings.debug, settings.max_upload_size) == (False, True, 2.5)
    assert settings.static_path == tmp_path / "page"
    flask = settings.flask
    assert (flask.host, flask.port, flask.threaded, flask.processes) == ("127.0.0.2", 8003, True, 1)
    search = settings.search_config
    assert (search.nprobe, search.topk, search.match_score) == (16, 5, 0.25)
    assert (search.default_collection, search.app_name, search.collections) == ("attic", "app", ("cats", "dogs"))
    milvus = settings.milvus
    assert (milvus.host, milvus.port, milvus.dimension, milvus.metric_type) == ("vectors", 19531, 1536, "L2")
    assert settings.logger.logger_name == "Old"
    assert settings.logger.logfile_path == tmp_path / "logs" / "old.log"
    pipeline = settings.pipeline
    assert pipeline.plugins_path == (tmp_path / "plugins", tmp_path / "more" / "plugins")
    assert pipeline.processer_para == {"Mine": {"size": 3, "deep": {"flag": True}}}
    assert pipeline.router_para == {"Way": {"to": "2"}}
    assert list(pipeline.pipeline_config) == ["Old"]


def test_the_mongodb_section_is_passed_on(load):
    assert load().mongodb.model_dump(by_alias=True) == {
        "host": "db",
        "port": 27018,
        "username": "u",
        "password": "p",
        "authSource": "pictures",
        "authMechanism": "SCRAM-SHA-256",
        "maxPoolSize": 7,
        "retryWrites": True,
    }


def test_a_host_selects_the_real_servers(load):
    settings = load()
    assert settings.uses_mongodb
    assert settings.uses_milvus
    assert not load_settings(environ={}).uses_milvus


@pytest.mark.parametrize("key", ["milvus/pool", "milvus/index_file_size"])
def test_what_todays_servers_do_not_have_gets_one_notice(load, key):
    said = [text for text in notices(load()) if key in text]
    assert len(said) == 1


def test_nprobe_is_for_ivf_indexes(load):
    """Alone it asks for one, as every index was in 2020 (stores.py); with another type it has no effect."""
    assert not any("nprobe" in text for text in notices(load()))
    other = load_settings(load().source, environ={"SEARCH_BY_IMAGE__MILVUS__INDEX_TYPE": "HNSW"})
    assert any("nprobe has no effect on HNSW" in text for text in notices(other))


@pytest.mark.parametrize("metric", ["L2", "IP", "HAMMING", "JACCARD", "COSINE", "hamming"])
def test_metrics_that_work(load, metric):
    assert load(metric).milvus.metric_type == metric.upper()


@pytest.mark.parametrize(
    ("metric", "instead"), [("TANIMOTO", "JACCARD"), ("SUPERSTRUCTURE", "JACCARD"), ("SUBSTRUCTURE", "JACCARD")]
)
def test_metrics_that_are_gone_say_why_and_what_to_use(load, metric, instead):
    with pytest.raises(ConfigError) as caught:
        load(metric)
    assert "milvus/metric_type" in str(caught.value)
    assert "Milvus" in str(caught.value)
    assert instead in str(caught.value)


def test_relative_paths_start_at_the_configurations_own_base_path(load, tmp_path):
    assert load().base_path == tmp_path
    plain = tmp_path / "plain.xml"
    plain.write_text("<server><static_path>page</static_path></server>")
    assert load_settings(plain, environ={}).static_path == Path(tmp_path / "page")
