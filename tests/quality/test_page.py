"""The page: nothing in it comes from elsewhere, and no name becomes markup."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from quality.cheap_set import Brightness, Thumbnail, candidate, evaluator, fill, kind_of_picture
from search_by_image.images import ImageLimits
from search_by_image.quality.document import document
from search_by_image.quality.evaluation import Options
from search_by_image.quality.failures import worst
from search_by_image.quality.page import page
from search_by_image.quality.plots import bar_plot, score_plot
from search_by_image.quality.sets import labelled_folder

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    home = tmp_path_factory.mktemp("page")
    folder = fill(home / "<b>pictures</b>", 8, 8)
    (folder / HOSTILE).mkdir()
    for seed in range(3):  # found beside those of another label
        (folder / HOSTILE / f"{seed}{HOSTILE}.png").write_bytes(kind_of_picture(0, 50 + seed))
    (folder / HOSTILE / "broken<script>.png").write_text("no picture")
    with evaluator(home) as work:
        chosen = [candidate(Thumbnail), candidate(Brightness)]
        return work.run(labelled_folder(folder), chosen, Options(copies=6))


@pytest.fixture(scope="module")
def text(evaluation):
    return page(evaluation, ImageLimits(), 5)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def plain_precision(nearest, labels, place):
    """Over the ten nearest."""
    own = labels[place]
    hits = [sum(labels[n] == own for n in nearest[:k]) / k for k in range(1, 11) if labels[nearest[k - 1]] == own]
    return sum(hits) / min(labels.count(own) - 1, 10)


def test_the_worst_searches_are_those_with_the_fewest_of_their_label(evaluation):
    labels = evaluation.pictures.labels
    found = worst(evaluation.results[0], labels, 5)
    assert {labels[one.place] for one in found[:3]} == {HOSTILE}
    precisions = [
        plain_precision(evaluation.results[0].searches.nearest[one.place], labels, one.place) for one in found
    ]
    assert precisions == sorted(precisions)
    assert precisions[-1] < 1
    for one in found:
        assert all(labels[other.place] != labels[one.place] for other in one.wrong)
        assert [other.score for other in one.wrong] == sorted((other.score for other in one.wrong), reverse=True)
        assert one.place not in {other.place for other in one.wrong}


def test_nothing_is_asked_of_anywhere(text):
    tags = Tags(text).tags
    assert {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "embed", "form", "base"} == set()
    sources = [value for _, given in tags for name, value in given.items() if name in ("src", "href", "srcset")]
    assert len(sources) > 10
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not any(name.startswith("on") or name == "style" for _, given in tags for name in given)
    assert "url(" not in text
    assert "@import" not in text


def test_names_stay_text(text):
    tags = Tags(text).tags
    assert all("onerror" not in given and given.get("src") != "x" for _, given in tags)
    assert ("b", {}) not in tags
    alts = {given["alt"] for tag, given in tags if tag == "img"}
    assert any(HOSTILE in alt for alt in alts)
    assert "broken&lt;script&gt;.png" in text


def test_it_holds_what_was_measured(text, evaluation):
    for result in evaluation.results:
        assert f"<h2>{result.name}</h2>" in text
        assert f"{result.measures.mean_average_precision:.3f}" in text
        for one in result.suggestions:
            if one.match_score is not None:
                assert f"{one.match_score:.6f}" in text
    assert "The worst searches" in text


def test_the_document_is_json_without_what_json_lacks(evaluation):
    made = json.loads(json.dumps(document(evaluation), allow_nan=False))
    assert [one["name"] for one in made["candidates"]] == ["Thumbnail", "Brightness"]
    assert made["set"]["skipped"][0]["path"] == f"{HOSTILE}/broken<script>.png"
    scores = made["candidates"][0]["scores"]
    assert sum(scores["same"]["histogram"]) == pytest.approx(1, abs=1e-4)
    assert scores["same"]["quantiles"]["5%"] < scores["same"]["quantiles"]["95%"]


def test_plots_are_whole_xml_and_draw_to_scale():
    drawn = ET.fromstring(score_plot("<t>", [0, 0.5, 0.5], [1, 0, 0], (0.2, 0.8), 0.5))
    same = drawn.find("path[@class='same']").get("d")
    tops = [float(top) for top in re.findall(r"L[\d.]+ ([\d.]+)", same)]
    bottom = float(re.match(r"M\S+ (\S+)", same)[1])
    assert tops[0] == bottom
    assert (bottom - tops[1]) * 2 == pytest.approx(bottom - 12, abs=0.2)
    mark, axis = drawn.find("line[@class='mark']"), drawn.find("line[@class='axis']")
    middle = (float(axis.get("x1")) + float(axis.get("x2"))) / 2
    assert float(mark.get("x1")) == pytest.approx(middle, abs=0.1)
    bars = ET.fromstring(bar_plot("t", {"a<": [1.0, 0.5], "b": [0.0, 0.25]})).findall("rect")
    assert [float(bar.get("width")) for bar in bars] == [430, 215, 0, 107.5]


@pytest.mark.browser
def test_a_browser_shows_it_from_a_file_without_a_complaint(text, tmp_path):
    from playwright import sync_api

    chromium = shutil.which("chromium")
    if chromium is None and os.environ.get("CI") != "true":
        pytest.skip("there is no chromium on the PATH: apt install chromium")
    file = tmp_path / "report.html"
    file.write_text(text, encoding="utf-8")
    said, asked = [], []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        shown = browser.new_page()
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(file.as_uri())
        widths = shown.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        fill_ = shown.eval_on_selector("path.same", "one => getComputedStyle(one).fill")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert len(widths) > 10
    assert all(widths)
    assert fill_ == "rgb(26, 127, 55)"
