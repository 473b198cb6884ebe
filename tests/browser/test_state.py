"""What the address keeps, which language is spoken, who may call: in a real browser."""

import pytest

from browser.site import tinted
from browser.visitor import Look
from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from serving import serving

pytestmark = pytest.mark.browser


@pytest.fixture
def guarded(tmp_path):
    """A service that asks for a key, with one picture in it; its address, and a key that may read."""
    library = open_library(tmp_path)
    library.add(picture(1), {"id": "one"}, "Thumb")
    key, _ = Keys(library.ledger).create("page", Scope.READ)
    with UrlFetcher(FetchSettings()) as fetcher, serving(create_app(SearchEngine(library), fetcher)) as url:
        yield url, key
    library.close()


def test_a_search_survives_a_reload_and_a_link_leads_to_it(visit, expect):
    visitor = visit()
    visitor.search(tinted(0, "red"))
    visitor.page.reload()
    visitor.settle()
    expect(visitor.results.first).to_contain_text("red-0")
    expect(visitor.page.locator("#query-name")).to_have_text("mine.png")
    link = visitor.page.url
    visitor.page.go_back()
    expect(visitor.page.locator("#search[data-state=empty]")).to_have_count(1)
    expect(visitor.page.locator(".example")).to_have_count(8)
    visitor.page.go_forward()
    expect(visitor.results.first).to_contain_text("red-0")
    other = visit(link.removeprefix(visitor.site.url), fresh=True)
    expect(other.page.get_by_role("alert")).to_contain_text(other.say("error.elsewhere"))
    expect(other.page.locator("#query-frame .frame-missing")).to_be_visible()
    shared = visit("/?id=blue-2&of=images&min=0.5&filter=%7B%22kind%22%3A%22blue%22%7D&group=price")
    shared.settle()
    expect(shared.results).to_have_count(20)
    shared.with_options()
    expect(shared.page.locator("#search-min")).to_have_value("0.5")
    expect(shared.page.locator("#search-group")).to_have_value("price")


def test_sections_have_addresses_and_titles(visit, expect):
    visitor = visit("/?id=red-0&of=images")
    visitor.settle()
    nav = visitor.page.get_by_role("navigation").first
    nav.get_by_role("link", name=visitor.say("nav.library")).click()
    expect(visitor.listed.first).to_be_visible()
    assert visitor.page.title() == visitor.say("title.library")
    assert "tab=library" in visitor.page.url
    visitor.page.go_back()
    expect(visitor.results).to_have_count(24)
    assert visitor.page.title() == visitor.say("title.search")
    nav.get_by_role("link", name=visitor.say("nav.import")).click()
    expect(visitor.page.locator("#import-title")).to_be_visible()
    assert "id=red-0" in nav.get_by_role("link", name=visitor.say("nav.search")).get_attribute("href")


def test_the_browsers_language_is_spoken_and_a_choice_remembered(visit, expect, look):
    visitor = visit("/?id=red-0&of=images")
    visitor.settle()
    assert visitor.page.evaluate("document.documentElement.lang")[:2] == look.language
    spoken = visitor.page.locator("#search-summary").inner_text()
    visitor.page.locator(".languages button:not([hidden])").click()
    expect(visitor.page.locator("#search-summary")).not_to_have_text(spoken)
    visitor.page.reload()
    visitor.settle()
    assert visitor.page.evaluate("document.documentElement.lang")[:2] != look.language
    expect(visitor.page.locator("#search-summary")).not_to_have_text(spoken)


def test_the_keyboard_alone_searches_and_looks_around(visit, expect):
    visitor = visit()
    press = visitor.page.keyboard.press
    press("Tab")
    expect(visitor.page.get_by_role("link", name=visitor.say("skip"))).to_be_focused()
    press("Enter")
    press("Tab")
    expect(visitor.page.locator("#search-file")).to_be_focused()
    for _ in range(20):
        press("Tab")
        if visitor.page.locator(".example:focus").count():
            break
    press("Enter")
    visitor.settle()
    expect(visitor.page.locator("#search-summary")).to_be_focused()
    press("Tab")
    expect(visitor.results.first.locator(".card-picture")).to_be_focused()
    press("Tab")
    expect(visitor.results.first.locator(".card-tools")).to_have_css("opacity", "1")
    press("Shift+Tab")
    press("Enter")
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(visitor.results.first.locator(".card-picture")).to_be_focused()


def test_a_service_that_asks_for_a_key_gets_one_kept_for_the_tab_only(visit, expect, guarded, look):
    url, key = guarded
    visitor = visit(None, url=url, forgiven=("401", "403"))
    page = visitor.page
    page.goto("/?tab=library")
    page.locator("html:not(.starting)").wait_for(state="attached")
    dialog = page.locator("#key")
    expect(dialog).to_contain_text(visitor.say("key.title"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert").first).to_contain_text(visitor.say("error.code.unauthenticated"))
    visitor.button("retry").click()
    given = dialog.get_by_role("textbox")
    given.fill("sbi_wrong_key")
    given.press("Enter")
    expect(dialog).to_contain_text(visitor.say("key.refused"))
    given.fill(f" {key} ")
    visitor.button("key.go").click()
    expect(visitor.listed).to_have_count(1)
    page.reload()
    expect(visitor.listed).to_have_count(1)
    assert page.evaluate("[sessionStorage.length, JSON.stringify(localStorage).includes('sbi_')]") == [1, False]
    assert key not in page.url
    visitor.listed.first.locator(".card-tile").hover()
    visitor.listed.first.locator(".card-picture").click()
    visitor.button("entry.edit").click()
    visitor.field("entry.document").fill('{"id": "two"}')
    visitor.button("entry.save").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(visitor.say("error.code.forbidden"))


def test_a_removal_that_is_refused_comes_back_with_the_reason(visit, expect, guarded):
    url, key = guarded
    visitor = visit(None, url=url, forgiven=("401", "403"))
    visitor.page.context.add_init_script(f"sessionStorage.setItem('search-by-image-key', '{key}')")
    visitor.page.clock.install()
    visitor.page.goto("/?tab=library")
    visitor.page.locator("html:not(.starting)").wait_for(state="attached")
    visitor.listed.first.locator(".card-tile").hover()
    visitor.listed.first.get_by_role("button", name=visitor.say("entry.remove.named", name="one")).click()
    expect(visitor.listed).to_have_count(0)
    visitor.page.clock.fast_forward(7100)
    expect(visitor.page.locator(".toast-error")).to_contain_text(visitor.say("error.code.forbidden"))
    expect(visitor.listed).to_have_count(1)


@pytest.mark.parametrize("look", [Look("en", 1440, "light")], ids=str)
def test_the_page_of_the_calls_works_under_its_policy_and_asks_no_other_host(visit, expect, guarded):
    url, key = guarded
    visitor = visit(None, url=url, forgiven=("401",))
    page = visitor.page
    page.goto("/docs")
    page.get_by_label("API key").fill(key)
    page.get_by_label("API key").press("Enter")
    expect(page.locator(".opblock-summary-path", has_text="GetImageDoc")).to_be_visible()
    page.locator(".opblock-summary-path", has_text="/v1/info").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")
