import re
from pathlib import Path

import pytest

from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings
from search_by_image.settings.keys import known_keys, variable_name
from search_by_image.settings.masking import as_text

ROOT = Path(__file__).parents[1]
DOCS = ("configuration.md", "configuration.zh-CN.md")
KEYS = sorted(known_keys().fields)
NOT_TEXT = {("pipeline", "pipeline_config"), ("models", "cache_path"), ("models", "path")}


def text_of(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows_of(name):
    lines = (line for line in text_of(name).splitlines() if line.startswith("| `"))
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("name", DOCS)
def test_the_tables_hold_every_key_and_no_other(name):
    assert sorted(rows_of(name)) == sorted("/".join(path) for path in KEYS)


@pytest.mark.parametrize("name", DOCS)
@pytest.mark.parametrize("path", KEYS, ids="/".join)
def test_a_row_tells_variable_and_default(name, path):
    variable, _type, default, allowed, meaning = rows_of(name)["/".join(path)]
    assert variable == f"`{variable_name(path)}`"
    assert allowed
    assert meaning
    if path not in NOT_TEXT:
        value = as_text(known_keys().fields[path].get_default(call_default_factory=True)).removeprefix("{}")
        assert default == (f"`{value}`" if value else default)
        assert bool(value) == default.startswith("`")


def test_both_languages_agree_on_types_and_defaults():
    english, chinese = (rows_of(name) for name in DOCS)
    for path, row in english.items():
        assert row[0] == chinese[path][0]
        assert row[2].startswith("`") == chinese[path][2].startswith("`")
        assert re.findall(r"\d+", row[3]) == re.findall(r"\d+", chinese[path][3])


@pytest.mark.parametrize("name", DOCS)
def test_the_examples_of_files_can_be_loaded(name, tmp_path):
    examples = re.findall(r"```xml\n(.*?)```", text_of(name), re.DOTALL)
    assert examples
    for example in examples:
        (tmp_path / "server.xml").write_text(example, encoding="utf-8")
        assert load_settings(tmp_path / "server.xml", environ={}).origins


@pytest.mark.parametrize("name", DOCS)
def test_the_python_example_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.*?)```", text_of(name), re.DOTALL)
    exec(compile(example, name, "exec"), {})
    assert capsys.readouterr().out.startswith(f"8003 {ROOT}/data/vectors\n")


@pytest.mark.parametrize("name", DOCS)
def test_the_example_of_mistakes_is_what_is_printed(name, tmp_path):
    (example,) = re.findall(r"```text\n(.*?)```", text_of(name), re.DOTALL)
    path = tmp_path / "server.xml"
    path.write_text(
        """<server><flask><prot type="int">8003</prot></flask><search_config><topk type="int">many</topk>
        <match_score type="float">80</match_score></search_config></server>""",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    assert str(caught.value).replace(str(path), "/srv/pictures/conf/server.xml") == example.rstrip()


@pytest.mark.parametrize("name", DOCS)
def test_the_variables_of_the_example_are_settings(name):
    names = re.findall(r"SEARCH_BY_IMAGE__[A-Za-z_]+(?==)", text_of(name))
    assert len(names) >= 3
    load_settings(environ=dict.fromkeys(names, "64"))


def test_every_key_is_in_the_shipped_file():
    elements = uncommented(ROOT / "conf" / "server.xml")
    assert [path for path in KEYS if path not in elements] == []


def uncommented(path):
    """The paths of all elements, those in comments too."""
    text = re.sub(r"<!--|-->", "", path.read_text(encoding="utf-8"))
    above, found = [], set()
    for close, name, empty in re.findall(r"<(/?)([A-Za-z_]\w*)[^<>]*?(/?)>", text):
        if close:
            above.pop()
            continue
        above.append(name)
        found.add(tuple(above[1:]))
        if empty:
            above.pop()
    assert above == []
    return found
