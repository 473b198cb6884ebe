"""Searching by words on the page, where the pipeline's model understands them."""

import base64
from contextlib import ExitStack

import pytest
from starlette.staticfiles import StaticFiles

from search_by_image.api.app import create_app
from search_by_image.assembly import open_engine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.settings import load_settings
from serving import serving
from words import COLOURS, png, write_home

pytestmark = pytest.mark.browser
TYPED = {"en": ("a red car", "blue"), "zh": ("红色的", "蓝")}


@pytest.fixture(scope="package")
def words_url(tmp_path_factory):
    """A service whose first pipeline understands words."""
    home = tmp_path_factory.mktemp("words")
    settings = load_settings(write_home(home), environ={})
    (home / "pictures").mkdir()
    with ExitStack() as opened:
        engine = opened.enter_context(open_engine(settings, maintain=False))
        for name, colour in COLOURS.items():
            (home / "pictures" / f"{name}.png").write_bytes(png(colour))
            document = {"id": name, "url": f"/pictures/{name}.png", "name": f"All {name}"}
            prepared = engine.library.prepare(png(colour), document, "Words", "images", pinned=True)
            engine.library.keyed.put(name, prepared)
        app = create_app(engine, opened.enter_context(UrlFetcher(FetchSettings())))
        app.mount("/pictures", StaticFiles(directory=home / "pictures"), "pictures")
        yield opened.enter_context(serving(app))


def ask(visitor, words):
    visitor.field("search.text.words").fill(words)
    visitor.page.keyboard.press("Enter")
    visitor.settle()


def test_words_find_pictures_and_can_be_changed(visit, expect, look, words_url):
    first, second = TYPED[look.language]
    visitor = visit(url=words_url)
    ask(visitor, first)
    expect(visitor.results).to_have_count(len(COLOURS))
    assert visitor.ids()[0] == "red"
    words = visitor.field("search.words")
    expect(words).to_have_value(first)
    expect(visitor.page.locator("#query-picture")).to_be_hidden()
    visitor.page.reload()
    visitor.settle()
    expect(words).to_have_value(first)
    assert visitor.ids()[0] == "red"
    words.fill(second)
    visitor.button("search.go").click()
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("blue")
    visitor.page.go_back()
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("red")
    expect(words).to_have_value(first)
    assert visitor.overflow() <= 0


def test_from_words_to_a_picture_and_to_a_new_search(visit, expect, look, words_url):
    visitor = visit(url=words_url)
    ask(visitor, TYPED[look.language][0])
    tools = visitor.results.first.locator(".card-tools")
    with_picture = visitor.say("compare.named", name="red")
    expect(tools.get_by_role("button", name=with_picture)).to_have_count(0)
    visitor.results.first.hover()
    tools.get_by_role("button", name=visitor.say("search.with.named", name="red")).click()
    expect(visitor.page.locator("#query-frame .is-loaded")).to_be_visible()
    expect(visitor.page.locator("#query-words")).to_be_hidden()
    assert "text=" not in visitor.page.url
    expect(visitor.results.first.get_by_role("button", name=with_picture)).to_have_count(1)
    visitor.page.go_back()
    visitor.button("search.anew").click()
    expect(visitor.results).to_have_count(0)
    assert "text=" not in visitor.page.url


def test_a_word_or_an_address_or_base64(visit, expect, words_url):
    """Nobody says which: a long sentence without a full stop has the letters of Base64, but spaces among them."""
    visitor = visit(url=words_url)
    sentence = "something that is red all over and was seen in the light of the evening sun last week"
    red = base64.b64encode(png(COLOURS["red"])).decode()
    visitor.page.route("**/search", lambda route: route.fulfill(json={"matches": [], "best_score": None}))
    for typed, in_words in (
        ("red", True),
        ("red.", True),
        (sentence, True),
        (f"{words_url}/pictures/red.png", False),
        ("/pictures/red.png", False),
        ("pictures/red.png", False),
        (red, False),
        (f"data:image/png;base64, {red}", False),
    ):
        visitor.field("search.text.words").fill(typed)
        with visitor.page.expect_request("**/search") as asked:
            visitor.page.keyboard.press("Enter")
        sent = asked.value.post_data_buffer
        assert (f'"text":"{typed}"'.encode() in sent, b"PNG" in sent) == (in_words, not in_words), typed
        visitor.go("/")


def test_a_pipeline_that_understands_no_words_says_so(visit, expect, words_url):
    visitor = visit(url=words_url)
    visitor.page.locator("#search-pipeline").select_option("Pictures")
    visitor.field("search.text").fill("a red car")
    visitor.page.keyboard.press("Enter")
    alert = visitor.page.get_by_role("alert")
    expect(alert).to_contain_text(visitor.say("error.words", pipeline="Pictures"))
    expect(alert).to_contain_text(visitor.say("error.words.remedy"))
    assert "text=" not in visitor.page.url
