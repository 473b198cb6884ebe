"""The page over the demo's photos and its real model."""

import pytest

from browser.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.fixture
def at_the_demo(browser, expect, look, demo_service):
    context = browser.new_context(base_url=demo_service.url, **look.options())
    visitor = Visitor(context.new_page(), demo_service, expect, demo_service.url)
    yield visitor.go("/")
    context.close()
    assert visitor.wrongs == []


def test_a_cat_finds_cats_and_a_dog_dogs(at_the_demo, expect, demo_service):
    visitor = at_the_demo
    expect(visitor.page.locator(".example .is-loaded")).to_have_count(8)
    for kind in ("cat", "dog"):
        visitor.search(min((demo_service.photos / kind).glob("*.jpg")).read_bytes(), f"{kind}.jpg")
        expect(visitor.results.first.locator(".card-score")).to_have_text("1.000")
        heads = visitor.results.locator(".card-head").all_inner_texts()
        assert all(head.startswith(kind) for head in heads[:3]), heads
    expect(visitor.results.first.locator(".is-loaded")).to_be_visible()
    expect(visitor.results.first.locator(".card-credit")).to_contain_text("innocaptcha")
    visitor.results.first.locator(".card-picture").click()
    expect(visitor.page.get_by_role("dialog").locator(".facts a")).to_have_attribute("href", "/demo/credits")
