"""docs/operations.md says what is there, in both languages."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from asking import ask
from cheap_library import picture
from search_by_image.api.app import create_app
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions

ROOT = Path(__file__).parent.parent
PAGES = ("operations.md", "operations.zh-CN.md")
OURS = re.compile(r"search_by_image_\w+")


@pytest.fixture
def families(engine, tmp_path):
    """Name -> type, labels of each metric that the service has of its own, every one of them with a sample."""
    with (
        UrlFetcher(FetchSettings()) as fetcher,
        Jobs(engine.library, fetcher, JobOptions(tmp_path / "spool")) as jobs,
    ):
        app = create_app(engine, fetcher, jobs=jobs)
        body = {"file": "AAAA", "pipeline": "Thumb", "image_doc": {}}
        ask(app, "POST", "/api/SearchServer/ImportByBase64", json=body)
        form = {"pipeline": "Thumb", "image_doc": "{}"}
        ask(app, "POST", "/api/SearchServer/ImportByUpload", data=form, files={"file": ("1.png", picture(1))})
        text = ask(app, "GET", "/metrics").text
    found = {}
    for family in text_string_to_metric_families(text):
        if OURS.fullmatch(family.name):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            assert family.samples, name
            found[name] = (family.type, labels)
    return found


def text_of(page):
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def rows_of(page):
    lines = (line for line in text_of(page).splitlines() if line.startswith("| `search_by_image_"))
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {name.strip("`"): (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}


@pytest.mark.parametrize("page", PAGES)
def test_the_table_holds_every_metric_and_no_other(page, families):
    assert rows_of(page) == families


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_for_prometheus_speak_of_metrics_that_are_there(page, families):
    scraped, rules = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", text_of(page), re.DOTALL))
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:8002"]
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    used = {name.removesuffix("_bucket") for text in expressions for name in OURS.findall(text)}
    assert used
    assert used <= families.keys()
