import json

import pytest

from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings, settings_rows


def write(path, inside):
    path.write_text(f"<server>{inside}</server>", encoding="utf-8")
    return path


def load(path):
    return load_settings(path, environ={})


def test_secrets_are_masked_and_nothing_else(tmp_path):
    inside = """<mongodb><username>me</username><password>hidden</password><tlsToken>hidden</tlsToken></mongodb>
    <fetch><proxy>http://me:hidden@proxy:3128</proxy></fetch>
    <milvus><user>you</user><password>hidden</password><token>hidden</token></milvus>
    <logger><json_str>{"version": 1, "handlers": {"mail": {"credentials": ["me", "hidden"],
      "to": ["http://me:hidden@x"]}}}</json_str></logger>
    <pipeline><processer_para><P>
      <api_key>hidden</api_key><url>https://me:hid/hidden@host/a?token=hidden&amp;b=1</url><password/>
    </P></processer_para></pipeline>"""
    loaded = load(write(tmp_path / "a.xml", inside))
    shown = {row.path: row.value for row in settings_rows(loaded)}
    assert "hidden" not in str(shown)
    assert "hidden" not in repr(loaded.milvus) + repr(loaded.fetch)
    assert shown["fetch/proxy"] == "http://me:******@proxy:3128"
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
    assert len(caught.value.problems) == 5
    assert "hidden" not in str(caught.value)
    assert "hidden" not in str(caught.value.__cause__)
