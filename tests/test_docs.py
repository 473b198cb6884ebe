"""The documents say what is there: links lead somewhere, routes and codes are listed, the README's Python runs."""

import re
from pathlib import Path

import pytest

from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.api.contract_codes import code_of
from search_by_image.engine import SearchEngine
from search_by_image.errors import SearchByImageError
from search_by_image.fetch import FetchSettings, UrlFetcher

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
REST = (ROOT / "docs" / "rest.md", ROOT / "docs" / "rest.zh-CN.md")
CALLS = ("rest", "api", "imports", "operations")
"""The pages that tell of calls."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("ending", [".md", ".zh-CN.md"])
def test_every_route_is_documented(ending, tmp_path):
    engine = SearchEngine(open_library(tmp_path))
    with UrlFetcher(FetchSettings()) as fetcher:
        paths = create_app(engine, fetcher).openapi()["paths"]
    engine.close()
    pages = [ROOT / "docs" / f"{name}{ending}" for name in CALLS]
    text = "".join(page.read_text(encoding="utf-8") for page in pages if page.exists())
    assert [path for path in paths if f"`{path.rsplit('/', 1)[1]}`" not in text and path not in text] == []


def errors_below(kind):
    yield kind
    for below in kind.__subclasses__():
        yield from errors_below(below)


@pytest.mark.parametrize("page", REST, ids=lambda page: page.name)
def test_every_status_is_documented(page):
    codes = {code_of(kind.__new__(kind)) for kind in errors_below(SearchByImageError)} | {"00000", "10001"}
    assert len(codes) > 10
    text = page.read_text(encoding="utf-8")
    assert [code for code in sorted(codes) if f"| `{code}` |" not in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_python_of_the_readme_runs(page, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("cat.jpg").write_bytes(picture(1, (300, 300), "JPEG"))
    Path("query.jpg").write_bytes(picture(1, (200, 200), "JPEG"))
    exec(compile(code, page.name, "exec"), {})
    assert capsys.readouterr().out.startswith("cat-1 0.9")


def test_both_readmes_show_the_same_commands():
    commands = [
        re.findall(r"^(?:make|pip|curl|search-by-image)\b[^#\n]*", page.read_text("utf-8"), re.MULTILINE)
        for page in READMES
    ]
    assert [command.strip() for command in commands[0]] == [command.strip() for command in commands[1]]


def test_the_makefile_describes_every_target():
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE) == phony.split()
