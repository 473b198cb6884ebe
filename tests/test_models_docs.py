"""docs/models.md: its tables are the catalogue's, its examples run."""

import re
from pathlib import Path

import pytest

from search_by_image.models.catalogue import catalogue
from search_by_image.settings import load_settings

DOCS = Path(__file__).parents[1] / "docs"
NAMES = ("models.md", "models.zh-CN.md")
COLUMNS = 11


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


def rows(name, columns):
    lines = [line for line in text_of(name).splitlines() if line.startswith("| `")]
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {cells[0].strip("`"): cells[1:] for cells in found if len(cells) == columns}


def pair(values) -> str:
    return " / ".join(share(value) for value in values) if values else "–"


def share(value) -> str:
    return f"{value:.3f}".removeprefix("0")


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_the_catalogues(name):
    table = rows(name, COLUMNS)
    assert list(table) == [entry.name for entry in catalogue()]
    for entry in catalogue():
        good_at, dimension, size, megabytes, licence, *figures = table[entry.name]
        quality, speed = entry.quality, entry.speed
        assert good_at if name != "models.md" else good_at == entry.good_at
        assert (dimension, size) == (str(entry.model.dimension), str(entry.model.preprocessing.size))
        assert megabytes == f"{entry.size / 1e6:.0f}"
        assert licence.startswith(entry.model.licence.name)
        assert bool(re.search("not declared|未声明", licence)) != entry.model.licence.declared
        expected = [pair(getattr(quality, one, None)) for one in ("scenes", "animals", "pets")]
        assert figures[:3] == expected
        assert figures[3] == (share(quality.copies) if quality else "–")
        assert figures[4] == (f"{speed:g}" if speed else "–")


@pytest.mark.parametrize("name", NAMES)
def test_every_source_is_told(name):
    table = rows(name, 2)
    for entry in catalogue():
        words = [word for source in entry.sources for word in re.findall(r"[\w./-]+\d[\w./-]*", source.title)]
        assert words
        assert all(word in table[entry.name][0] for word in words)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_description_is_told(name):
    for entry in catalogue()[:1]:
        keys = [*entry.model.preprocessing.__slots__, *entry.model.output.__slots__]
        assert [key for key in keys if f"{key}`" not in text_of(name)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_examples(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (xml,) = re.findall(r"```xml\n(.*?)```", text_of(name), re.DOTALL)
    (tmp_path / "server.xml").write_text(f"<server>{xml}</server>", encoding="utf-8")
    assert load_settings(tmp_path / "server.xml", environ={}).pipeline.processer_para["ImageModel"]["model"]
    (python,) = re.findall(r"```python\n(.*?)```", text_of(name), re.DOTALL)
    exec(compile(python, name, "exec"), {})
    assert capsys.readouterr().out == "() 1280\n"
