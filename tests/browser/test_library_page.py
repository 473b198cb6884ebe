"""The library on the page, in a real browser."""

import pytest

from browser.site import add_shown, tinted
from browser.test_results import matching
from browser.test_search import add_filter

pytestmark = pytest.mark.browser


@pytest.fixture
def own(site, look):
    name = f"shelf {look.language}"
    for n in range(6):
        add_shown(site, name, f"blue-{n}", tinted(n, "blue"), kind="blue", price=n)
    yield name
    site.library.drop_collection(name)


def test_collections_are_browsed_with_their_counts(visit, expect, own):
    visitor = visit("/?tab=library&collection=images")
    expect(visitor.listed).to_have_count(48)
    expect(visitor.page.locator("#library-summary")).to_have_text(
        visitor.say("library.count", count=60, collection="images")
    )
    link = visitor.page.locator("#library-collections a", has_text=own)
    assert link.locator(".count").inner_text() == "6"
    link.click()
    expect(visitor.listed).to_have_count(6)
    visitor.page.go_back()
    expect(visitor.page.locator("#library-summary")).to_contain_text("60")
    visitor.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(visitor.listed).to_have_count(60)
    visitor.page.locator("#library-collections a", has_text="empty").click()
    expect(visitor.page.locator("#library-note")).to_contain_text(visitor.say("library.none"))


def test_it_is_filtered_and_sorted(visit, expect):
    visitor = visit("/?tab=library&collection=images")
    expect(visitor.listed).to_have_count(48)
    assert visitor.ids(visitor.listed)[0] == "blue-59"
    visitor.page.locator("#library-sort").select_option("oldest")
    expect(visitor.listed.first).to_contain_text("red-0")
    add_filter(visitor, "#library-filter", "price", "lt", "6")
    expect(visitor.listed).to_have_count(6)
    visitor.page.reload()
    expect(visitor.listed).to_have_count(6)
    assert visitor.ids(visitor.listed) == [f"{kind}-{n}" for n, kind in enumerate(["red", "green", "blue"] * 2)]
    add_filter(visitor, "#library-filter", "kind", "eq", "unicorn")
    expect(visitor.page.locator("#library-note")).to_contain_text(visitor.say("library.none.filtered"))
    visitor.button("filter.clear").click()
    expect(visitor.listed).to_have_count(48)


def test_several_are_chosen_and_removed(visit, expect, site, own):
    visitor = visit(None, fresh=True)
    visitor.page.clock.install()
    visitor.go(f"/?tab=library&collection={own}")
    expect(visitor.listed).to_have_count(6)
    boxes = visitor.listed.locator(".card-choice")
    boxes.nth(1).check(force=True)
    boxes.nth(3).click(force=True, modifiers=["Shift"])
    bar = visitor.page.locator("#selection")
    expect(bar).to_contain_text(visitor.say("selection.count", count=3))
    expect(visitor.button("entry.edit", bar)).to_be_hidden()
    visitor.button("entry.remove", bar).click()
    expect(visitor.listed).to_have_count(3)
    expect(visitor.page.locator("#library-summary")).to_have_text(visitor.say("library.count", count=3, collection=own))
    visitor.button("undo").click()
    expect(visitor.listed).to_have_count(6)
    boxes.first.check(force=True)
    visitor.button("selection.all", bar).click()
    expect(bar).to_contain_text(visitor.say("selection.count", count=6))
    visitor.button("selection.clear", bar).click()
    expect(bar).to_be_hidden()
    boxes.nth(0).check(force=True)
    boxes.nth(5).evaluate("box => box.scrollIntoView({block: 'center'})")
    boxes.nth(5).check(force=True)
    visitor.button("entry.remove", bar).click()
    visitor.page.clock.fast_forward(7100)
    expect(visitor.page.locator("#library-collections a", has_text=own).locator(".count")).to_have_text("4")
    assert [one.key for one in site.library.page(matching(own))] == ["blue-1", "blue-2", "blue-3", "blue-4"]


def test_one_that_is_chosen_is_edited_and_told_of_in_detail(visit, expect, site, own):
    visitor = visit(f"/?tab=library&collection={own}")
    visitor.listed.locator(".card-choice").first.check(force=True)
    visitor.button("entry.edit", visitor.page.locator("#selection")).click()
    dialog = visitor.page.get_by_role("dialog")
    facts = dialog.locator(".facts")
    for key in ("pipeline", "model", "created", "sha256"):
        expect(facts.get_by_text(visitor.say(f"entry.{key}"), exact=True)).to_be_visible()
    visitor.button("entry.edit", dialog).click()
    visitor.field("entry.document", dialog).fill('{"id": "blue-5", "name": "Neu"}')
    visitor.button("entry.save", dialog).click()
    expect(dialog.locator("pre")).to_contain_text("Neu")
    assert site.document(own, "blue-5") == {"id": "blue-5", "name": "Neu"}
    visitor.button("close", dialog).click()
    expect(visitor.listed.first).to_contain_text("Neu")


def test_a_picture_of_the_library_is_searched_with(visit, expect, own):
    visitor = visit(f"/?tab=library&collection={own}")
    visitor.listed.nth(2).locator(".card-tile").hover()
    visitor.listed.nth(2).get_by_role("button", name=visitor.say("search.with.named", name="blue-3")).click()
    visitor.settle()
    expect(visitor.results.first).to_contain_text("blue-3")
    visitor.page.go_back()
    expect(visitor.listed).to_have_count(6)
