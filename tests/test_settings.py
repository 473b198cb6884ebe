import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path
from pydantic import ValidationError

from search_by_image.errors import ConfigError, InvalidInputError
from search_by_image.settings import (
    Settings,
    VectorsSettings,
    base_path_of,
    check_collection_name,
    load_settings,
    settings_rows,
)
from search_by_image.settings.keys import known_keys

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


def values(loaded: Settings, **rest):
    return loaded.model_dump(exclude={"origins", "source"}, **rest)


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
    (tmp_path / "conf" / "server.xml").unlink()
    defaults = load()
    nodes = {"pipeline": {"pipeline_config"}}
    assert {**values(shipped)["pipeline"]["pipeline_config"]}.keys() == {"DemoSearch"}
    assert json.loads(shipped.pipeline.pipeline_config["DemoSearch"]) == json.loads(
        defaults.pipeline.pipeline_config["DemoSearch"]
    )
    for name in ("base_path", *Settings.model_fields):
        if name not in ("origins", "source", "pipeline"):
            assert getattr(shipped, name) == getattr(defaults, name)
    assert shipped.pipeline.model_dump(exclude=nodes["pipeline"]) == defaults.pipeline.model_dump(
        exclude=nodes["pipeline"]
    )


def test_settings_and_sections_are_frozen_and_take_no_other_names():
    with pytest.raises(ValidationError):
        load().flask.port = 1
    with pytest.raises(ValidationError):
        VectorsSettings(kind="flat")


# precedence


def test_command_line_over_environment_over_file_over_default(tmp_path):
    path = write(
        tmp_path / "a.xml",
        '<flask><port type="int">1001</port><host>h</host><processes>2</processes></flask><debug type="bool">true</debug>',
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
  <HistogramVetor><image_size type="int">299</image_size><name>a b</name><deep><x type="float">0.5</x></deep></HistogramVetor>
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
    assert mongodb is not None
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


@pytest.mark.parametrize("name", ["a", "x" * 128, "猫 和 狗", "Ärger_1.0-b", "हिन्दी", "2020"])
def test_collection_names_that_are_allowed(name):
    assert check_collection_name(f" {name} ") == name


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 129, "a/b", "a\\b", "a\x00b", "a\nb", ".", "..", "a.", ".a", "a,b", "a:b", "😀"]
)
def test_collection_names_that_are_not(name):
    with pytest.raises(InvalidInputError):
        check_collection_name(name)


def test_collection_names_come_in_one_form():
    assert check_collection_name("e\u0301") == "\u00e9"


@given(st.text(max_size=140))
def test_a_checked_name_is_a_fixed_point_and_safe_in_a_path(name):
    try:
        checked = check_collection_name(name)
    except InvalidInputError:
        return
    assert check_collection_name(checked) == checked
    assert 1 <= len(checked) <= 128
    assert checked.isprintable()
    assert Path(checked).name == checked


# paths


def test_the_base_path_is_above_a_folder_named_conf(tmp_path):
    assert base_path_of(tmp_path / "conf" / "any.xml") == tmp_path
    assert base_path_of(tmp_path / "other" / "server.xml") == tmp_path / "other"
    assert base_path_of(Path("conf") / "server.xml") == tmp_path
    assert base_path_of(None) == tmp_path


def test_every_path_is_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    inside = """<static_path>../page</static_path><vectors><path>v</path></vectors><logger><logfile_path>./logs/a.log</logfile_path></logger>
    <pipeline><plugins_path>plugins, /opt/plugins,~/plugins</plugins_path></pipeline><models><cache_path>cache</cache_path></models>
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


# secrets


def test_secrets_are_masked_and_nothing_else(tmp_path):
    inside = """<mongodb><username>me</username><password type="int">4711</password><tlsToken>hidden</tlsToken></mongodb>
    <milvus><user>you</user><password>hidden</password><token>hidden</token></milvus>
    <logger><json_str>{"version": 1, "handlers": {"mail": {"credentials": ["me", "hidden"], "to": ["http://me:hidden@x"]}}}</json_str></logger>
    <pipeline><processer_para><P><api_key>hidden</api_key><url>https://me:hid/den@host/a?token=hidden&amp;b=1</url><password/></P></processer_para></pipeline>"""
    loaded = load(write(tmp_path / "a.xml", inside))
    shown = {row.path: row.value for row in settings_rows(loaded)}
    assert "hidden" not in str(shown)
    assert "hidden" not in repr(loaded.milvus)
    for path in (
        "mongodb/password",
        "mongodb/tlsToken",
        "milvus/password",
        "milvus/token",
        "pipeline/processer_para/P/api_key",
    ):
        assert shown[path] == "******"
    assert shown["pipeline/processer_para/P/url"] == "https://me:******@host/a?token=******&b=1"
    assert shown["pipeline/processer_para/P/password"] == ""
    assert (shown["mongodb/username"], shown["milvus/user"]) == ("me", "you")
    assert json.loads(shown["logger/json_str"])["handlers"]["mail"] == {
        "credentials": "******",
        "to": ["http://me:******@x"],
    }


def test_mistakes_do_not_print_secrets(tmp_path):
    inside = """<mongodb><host>mongodb://me:hidden@h</host><password type="int">hidden</password></mongodb>
    <milvus><token>hidden<x/></token></milvus><records><url>mysql://me:hidden@h:port/</url></records>
    <pipeline><pipeline_config><A>{"password": "hidden",}</A></pipeline_config></pipeline>"""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path / "a.xml", inside))
    assert len(caught.value.problems) == 6
    assert "hidden" not in str(caught.value)
    assert "hidden" not in str(caught.value.__cause__)


# round trips


def plain_fields():
    """Path -> a strategy of valid texts, for every key whose values follow from its type alone."""
    name = st.text("abz猫é09", min_size=1, max_size=8)
    by_kind = {bool: st.sampled_from(["true", "false"]), str: name}
    skipped = {"mongodb", "records", "pipeline"}
    strategies = {}
    for path, field in known_keys().fields.items():
        kind = field.annotation
        if path[0] in skipped or path[-1] in ("host", "json_str", "exact_below", "ivf_above"):
            continue
        if kind in (int, float):
            limits = {
                key: getattr(part, key) for part in field.metadata for key in ("ge", "gt", "le") if hasattr(part, key)
            }
            low, high = limits.get("ge", limits.get("gt", 0) + 1 / 64), limits.get("le", 10**6)
            numbers = st.integers(low, high) if kind is int else st.floats(low, high)
            strategies[path] = numbers.map(repr)
        elif get_args(kind) and all(isinstance(choice, str) for choice in get_args(kind)):
            strategies[path] = st.sampled_from(get_args(kind))
        elif kind in by_kind:
            strategies[path] = by_kind[kind]
    return strategies


PLAIN = plain_fields()


def as_xml(chosen):
    root = ET.Element("server")
    for path, text in chosen.items():
        above = root
        for name in path[:-1]:
            found = above.find(name)
            above = ET.SubElement(above, name) if found is None else found
        kind = known_keys().fields[path].annotation
        typed = {"type": kind.__name__} if kind in (int, float, bool) else {}
        ET.SubElement(above, path[-1], typed).text = text
    return ET.tostring(root, encoding="utf-8")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=PLAIN))
def test_file_environment_and_command_line_say_the_same(tmp_path, chosen):
    path, empty = tmp_path / "full.xml", write(tmp_path / "empty.xml", "")
    path.write_bytes(as_xml(chosen))
    from_file = load(path)
    from_environment = load(empty, {f"SEARCH_BY_IMAGE__{'__'.join(key).upper()}": text for key, text in chosen.items()})
    from_command_line = load(empty, overrides={"/".join(key): text for key, text in chosen.items()})
    assert values(from_file) == values(from_environment) == values(from_command_line)
    assert set(from_file.origins) == {"/".join(key) for key in chosen}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {}, optional={key: text for key, text in PLAIN.items() if key[-1] not in ("password", "token")}
    )
)
def test_shown_rows_give_the_same_settings_again(tmp_path, chosen):
    empty = write(tmp_path / "empty.xml", "")
    loaded = load(empty, overrides={"/".join(key): text for key, text in chosen.items()})
    shown = {row.path: row.value for row in settings_rows(loaded) if row.value}
    assert values(load(empty, overrides=shown)) == values(loaded)


def test_the_round_trips_cover_most_keys():
    assert len(PLAIN) >= 40
