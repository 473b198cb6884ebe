"""The examples of docs/api.md, in both languages, run against a service as they stand there."""

import re
import subprocess
from pathlib import Path

import pytest

from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from serving import serving

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "api.md", ROOT / "docs" / "api.zh-CN.md")
ADDRESS = "http://127.0.0.1:8002"
SECONDS = 60


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A service, and the pictures that the examples name in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("cat.jpg", 1), ("dog.jpg", 2), ("query.jpg", 1)):
        Path(name).write_bytes(picture(seed, (200, 200), "JPEG"))
    library = open_library(tmp_path / "library")
    for name in [name for name in library.pipelines if name != "Thumb"]:
        library.pipelines.pop(name)
    engine = SearchEngine(library)
    with UrlFetcher(FetchSettings()) as fetcher, serving(create_app(engine, fetcher)) as address:
        yield address
    engine.close()


def examples(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_run(page, url, capsys):
    blocks = examples(page, "sh")
    assert len(blocks) >= 3
    for block in blocks:
        command = ["bash", "-e", "-c", block.replace(ADDRESS, url)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, (block, done.stderr)
    (code,) = examples(page, "python")
    exec(compile(code.replace(ADDRESS, url), page.name, "exec"), {})
    assert "cat-1 1.0 {'kind': 'cat', 'price': 10, 'sale': True}" in capsys.readouterr().out


def test_both_languages_have_the_same_examples():
    one, other = ([examples(page, language) for language in ("sh", "python")] for page in PAGES)
    assert one == other
