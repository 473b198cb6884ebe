import pytest

from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mistakes(path=None, environ=None, **rest):
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ=environ or {}, **rest)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def the_mistake(path=None, environ=None, **rest):
    (found,) = mistakes(path, environ, **rest)
    return found


@pytest.fixture
def write(tmp_path):
    def write_inside(inside):
        path = tmp_path / "server.xml"
        path.write_text(f"<server>\n{inside}\n</server>", encoding="utf-8")
        return path

    return write_inside


TEN = """
<enable_client type="bool">perhaps</enable_client>
<max_upload_size type="float">-1</max_upload_size>
<flask><prot type="int">1</prot><port type="int">99999</port><threaded type="boolean">true</threaded></flask>
<search_config><topk>3</topk><topk>4</topk><match_score>high</match_score></search_config>
<logger><json_str>{"version": }</json_str><level>loud</level></logger>
<vectors>text</vectors>
"""


def test_ten_mistakes_are_ten_problems(write):
    found = mistakes(write(TEN))
    assert sorted(path for path, _ in found) == [
        "enable_client",
        "flask/port",
        "flask/prot",
        "flask/threaded",
        "logger/json_str",
        "logger/level",
        "max_upload_size",
        "search_config/match_score",
        "search_config/topk",
        "vectors",
    ]


def test_mistakes_of_all_sources_come_together(write):
    found = mistakes(
        write("<flask><prot/></flask>"),
        {"SEARCH_BY_IMAGE__FLASK__PROT": "1", "SEARCH_BY_IMAGE__LIMITS__QUEUE": "0"},
        overrides={"flask/prot": 1, "limits/batch": True},
    )
    assert [path for path, _ in found] == [
        "flask/prot",
        "SEARCH_BY_IMAGE__FLASK__PROT",
        "flask/prot",
        "limits/queue",
        "limits/batch",
    ]
    assert "environment variable SEARCH_BY_IMAGE__LIMITS__QUEUE" in found[3][1]
    assert "command line" in found[2][1]
    assert "command line" in found[4][1]


def test_a_file_that_cannot_be_read_does_not_hide_the_environments_mistakes(tmp_path):
    found = mistakes(tmp_path / "none.xml", {"SEARCH_BY_IMAGE__FLASK__PORT": "x"})
    assert [path for path, _ in found] == [str(tmp_path / "none.xml"), "flask/port"]


def test_the_error_names_the_file(write, tmp_path):
    with pytest.raises(ConfigError, match=f"1 mistake in {tmp_path}/server.xml:"):
        load_settings(write("<debug>x</debug>"), environ={})
    with pytest.raises(ConfigError, match="1 mistake in the configuration:"):
        load_settings(environ={}, overrides={"debug": "x"})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "flask/port",
            "99999",
            "'99999' was given. Allowed: a whole number, at least 0, at most 65535. Leave it out for the default (8",
        ),
        ("flask/port", 1.5, "'1.5' was given. Allowed: a whole number"),
        ("flask/port", True, "'true' was given. Allowed: a whole number"),
        ("flask/port", "", "'' was given. Allowed: a whole number"),
        ("flask/host", "", "Allowed: text"),
        ("flask/threaded", 1, "Allowed: true or false"),
        ("search_config/match_score", "nan", "Allowed: a number, at least 0, at most 1"),
        ("search_config/match_score", True, "Allowed: a number"),
        (
            "search_config/nprobe",
            "0",
            "Allowed: a whole number, at least 1, or empty. Leave it out for the default (empty).",
        ),
        ("search_config/app_name", "a/b", "has '/' in it"),
        ("search_config/default_collection", "", "0 characters"),
        ("search_config/collections", 1.5, "Allowed: a comma-separated list, each text"),
        ("logger/level", 3, "Allowed: DEBUG or INFO"),
        ("logger/config_type", "XML_FILE", "Allowed: JSON_STR"),
        ("logger/json_str", "[]", "must be an object"),
        ("vectors/path", "", "Allowed: a path. Leave it out for the default (data/vectors)."),
        ("vectors/path", "~nobody-of-this-name/x", "no such home folder"),
        ("vectors/index", "tree", "Allowed: auto or flat or hnsw or ivf"),
        ("vectors/ivf_above", "1", "smaller than vectors/exact_below (50000)"),
        ("vectors/recall_target", "0", "more than 0, at most 1"),
        ("milvus/metric_type", "tanimoto", "Use JACCARD: the Tanimoto distance is -log2 of the Jaccard similarity"),
        ("milvus/metric_type", "SUBSTRUCTURE", "no longer exists in Milvus, and nothing replaces it"),
        ("milvus/metric_type", "SUPERSTRUCTURE", "For binary vectors use JACCARD or HAMMING"),
        ("milvus/metric_type", "ANGLE", "Allowed: COSINE or L2 or IP or HAMMING or JACCARD"),
        ("milvus/metric_type", 3, "Allowed: COSINE or L2 or IP"),
        ("milvus/consistency_level", "strong", "Allowed: Strong or Session or Bounded or Eventually"),
        ("milvus/index_type", "ANNOY", "Allowed: AUTOINDEX or FLAT"),
        ("milvus/index_params", "[1]", "must be an object"),
        ("milvus/search_params", '{"ef": 1', "malformed at line 1"),
        ("milvus/timeout", 0, "more than 0"),
        ("pipeline/node_timeout", 0, "more than 0"),
        ("cors/allow_origins", "https://a.b/path", "Write * for all, or one such as https://shop.example.com"),
        ("cors/allow_origins", "a.b", "not an origin"),
        ("records/url", "mysql+mysqldb://h/db", "'mysql+mysqldb' is no record store. Use SQLite"),
        ("records/url", "oracle://h/db", "'oracle' is no record store. Use SQLite"),
        ("records/url", "sqlite:records.db", "not an SQLAlchemy URL"),
        ("records/url", "mysql://h:x/", "not an SQLAlchemy URL"),
        ("records/url", "sqlite://data/records.db", "three slashes"),
        ("fetch/allowed_ports", "80,0", "'0' was given"),
        ("pipeline/pipeline_config/A", '{"1": {}\n "2": {}}', "line 2, column 2"),
        ("pipeline/pipeline_config/A", '{"1": {}, "1": {}}', "'1' twice"),
        ("pipeline/pipeline_config/A", '{"a":' * 100_000, "nested too deeply"),
        ("pipeline/pipeline_config/A", 3, "'3' was given. Input should be a valid string."),
        ("pipeline/pipeline_config", "{}", "section"),
        ("pipeline/processer_para/P", "x", "section"),
        ("flask/port/x", "1", "It holds a value: remove 'x'"),
    ],
)
def test_what_is_said_of_a_value(path, value, said):
    where, message = the_mistake(overrides={path: value})
    assert where == path.removesuffix("/x")
    assert said in message


def test_each_wrong_item_of_a_list_is_named():
    found = mistakes(overrides={"search_config/collections": "a/b, ok, c:d"})
    assert [path for path, _ in found] == ["search_config/collections"] * 2


@pytest.mark.parametrize(
    ("inside", "path", "nearest"),
    [
        ("<flask><prot>1</prot></flask>", "flask/prot", "flask/port"),
        ("<flaks><port>1</port><host>h</host></flaks>", "flaks", "flask"),
        ("<port>1</port>", "port", "flask/port"),
        ("<Debug>1</Debug>", "Debug", "debug"),
        (
            "<search_config><match_scor>1</match_scor></search_config>",
            "search_config/match_scor",
            "search_config/match_score",
        ),
        ("<pipeline><processor_para/></pipeline>", "pipeline/processor_para", "pipeline/processer_para"),
        ("<qqqq/>", "qqqq", None),
    ],
)
def test_an_unknown_element_and_the_nearest_known(write, inside, path, nearest):
    where, message = the_mistake(write(inside))
    assert where == path
    assert (f"Did you mean {nearest}?" in message) if nearest else ("Remove it; docs/configuration.md" in message)


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("SEARCH_BY_IMAGE__FLASK__PROT", "SEARCH_BY_IMAGE__FLASK__PORT"),
        ("SEARCH_BY_IMAGE__FLAKS__PORT", "SEARCH_BY_IMAGE__FLASK__PORT"),
        ("SEARCH_BY_IMAGE__PORT", "SEARCH_BY_IMAGE__FLASK__PORT"),
        ("SEARCH_BY_IMAGE__FLAKS__QQQQ", "SEARCH_BY_IMAGE__FLASK"),
        ("SEARCH_BY_IMAGE__QQQQ", None),
        ("SEARCH_BY_IMAGE__", None),
    ],
)
def test_an_unknown_variable_and_the_nearest_known(variable, nearest):
    where, message = the_mistake(environ={variable: "1"})
    assert where == variable
    assert (f"Did you mean {nearest}?" in message) if nearest else ("Remove it" in message)


def test_our_own_fields_are_no_settings(write):
    assert [path for path, _ in mistakes(write("<base_path>x</base_path><origins/><source/>"))] == [
        "base_path",
        "origins",
        "source",
    ]


def test_two_variables_for_one_setting():
    environ = {"SEARCH_BY_IMAGE__DEBUG": "1", "search_by_image__debug": "0"}
    assert the_mistake(environ=environ) == (
        "search_by_image__debug",
        "SEARCH_BY_IMAGE__DEBUG sets the same. Keep one of the two.",
    )


def test_a_variable_that_does_not_fit_a_plugins_setting(write):
    path = write("<pipeline><processer_para><P><size type='int'>3</size></P></processer_para></pipeline>")
    where, message = the_mistake(path, {"SEARCH_BY_IMAGE__PIPELINE__PROCESSER_PARA__P__SIZE": "big"})
    assert where == "pipeline/processer_para/P/size"
    assert message.startswith("'big' is not int.")
    assert message.endswith("SEARCH_BY_IMAGE__PIPELINE__PROCESSER_PARA__P__SIZE.")


def test_a_text_where_a_plugin_has_elements(write):
    path = write("<pipeline><processer_para><P><deep><x>3</x></deep></P></processer_para></pipeline>")
    where, _ = the_mistake(path, overrides={"pipeline/processer_para/P/deep": "x"})
    assert where == "pipeline/processer_para/P/deep/x"
