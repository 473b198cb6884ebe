"""What one does with a result: in a real browser."""

import json
import re

import pytest

from browser.site import COUNT, add_shown, tinted
from cheap_library import picture

pytestmark = pytest.mark.browser
QUERY = "/?id=red-0&of=images"
UNDO_MS = 7000


@pytest.fixture
def own(site, look):
    """A collection of five, for tests that change it."""
    name = f"own {look.language}"
    for n in range(5):
        add_shown(site, name, f"red-{n}", tinted(3 * n, "red"), kind="red", name=f"red {n}")
    yield name
    site.library.drop_collection(name)


def tool(visitor, at, key):
    """A tool of a card, which is seen when the mouse is there."""
    card = visitor.results.nth(at)
    card.locator(".card-tile").hover()
    return card.get_by_role("button", name=visitor.say(key, name=visitor.ids()[at]))


def test_scores_fall_and_the_bars_follow_them(visit, expect):
    visitor = visit(QUERY)
    visitor.settle()
    scores = [float(text) for text in visitor.results.locator(".card-score").all_inner_texts()]
    widths = visitor.results.locator(".bar-fill").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width)"
    )
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=0.002)
    assert widths == pytest.approx(scores, abs=0.02)
    assert re.search(r"\d", visitor.page.locator("#search-time").inner_text())


def test_the_document_is_shown_copied_and_the_original_opened(visit, expect, site):
    visitor = visit(QUERY)
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    visitor.settle()
    visitor.results.first.locator(".card-picture").click()
    dialog = visitor.page.get_by_role("dialog")
    stored = site.library.keyed.find("images", "red-0")
    expect(dialog.locator(".facts")).to_contain_text(stored.sha256.hex())
    for told in ("Thumb", "Thumbnail", site.library.pipelines["Thumb"].fingerprint, "images", "2026"[:2]):
        expect(dialog.locator(".facts")).to_contain_text(told)
    visitor.button("entry.copy", dialog).click()
    expect(dialog.get_by_role("status")).to_have_text(visitor.say("entry.copied"))
    assert json.loads(visitor.page.evaluate("navigator.clipboard.readText()")) == stored.document
    open_ = dialog.get_by_role("link", name=visitor.say("entry.open"))
    assert open_.get_attribute("href").endswith("/pictures/images-red-0.png")
    with visitor.page.context.expect_page() as opened:
        open_.click()
    assert opened.value.url.endswith("images-red-0.png")
    opened.value.close()
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_two_pictures_are_compared(visit, expect):
    visitor = visit(QUERY)
    visitor.settle()
    tool(visitor, 1, "compare.named").click()
    dialog = visitor.page.get_by_role("dialog")
    sides = dialog.locator(".side figcaption")
    expect(sides).to_have_count(2)
    first, second = sides.all_inner_texts()
    assert first == visitor.say("search.query")
    clip = "side => getComputedStyle(side).clipPath"
    slider = dialog.get_by_role("slider")
    slider.focus()
    visitor.page.keyboard.press("Home")
    assert dialog.locator(".side").first.evaluate(clip) == "inset(0px 100% 0px 0px)"
    stage = dialog.locator(".stage").bounding_box()
    visitor.page.mouse.click(stage["x"] + stage["width"] * 0.75, stage["y"] + 50)
    expect(slider).to_have_value(re.compile("7[456]"))
    visitor.button("compare.swap", dialog).click()
    assert sides.all_inner_texts() == [second, first]
    visitor.button("compare.beside", dialog).click()
    boxes = [dialog.locator(".side").nth(n).bounding_box() for n in (0, 1)]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    expect(slider).to_be_hidden()
    visitor.button("close", dialog).click()
    expect(dialog).to_have_count(0)


def test_the_document_is_edited(visit, expect, site, own):
    visitor = visit(f"/?id=red-0&of=images&collection={own}", forgiven=("412",))
    visitor.settle()
    visitor.results.first.locator(".card-picture").click()
    dialog = visitor.page.get_by_role("dialog")
    visitor.button("entry.edit", dialog).click()
    editor = visitor.field("entry.document", dialog)
    document = json.loads(editor.input_value())
    editor.fill("[1]")
    visitor.button("entry.save", dialog).click()
    expect(dialog.get_by_role("alert")).to_contain_text(visitor.say("error.noobject"))
    key = document["id"]
    changed = {**document, "name": "red, the first", "price": 9007199254740993, "tags": ["new"]}
    del changed["kind"]
    editor.fill(json.dumps(changed))
    visitor.button("entry.save", dialog).click()
    expect(dialog.locator("pre")).to_contain_text("9007199254740993")
    assert site.document(own, key) == changed
    visitor.button("entry.edit", dialog).click()
    site.library.keyed.change(own, key, {"meanwhile": True})
    editor.fill("{}")
    visitor.button("entry.save", dialog).click()
    expect(dialog.get_by_role("alert")).to_contain_text(visitor.say("error.code.precondition_failed"))
    visitor.page.keyboard.press("Escape")
    expect(visitor.results.first).to_contain_text("red, the first")


def test_a_removal_is_taken_back_or_done(visit, expect, site, own):
    visitor = visit(None, fresh=True)
    visitor.page.clock.install()
    visitor.go(f"/?id=red-0&of=images&collection={own}")
    visitor.settle()
    expect(visitor.results).to_have_count(5)
    first, second = visitor.ids()[:2]
    tool(visitor, 0, "entry.remove.named").click()
    expect(visitor.results).to_have_count(4)
    expect(visitor.page.locator("#search-summary")).to_have_text(visitor.say("search.found", collection=own, count=4))
    visitor.button("undo").click()
    expect(visitor.results).to_have_count(5)
    visitor.page.clock.fast_forward(UNDO_MS)
    assert visitor.ids()[0] == first
    tool(visitor, 1, "entry.remove.named").click()
    with visitor.page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        visitor.page.clock.fast_forward(UNDO_MS + 100)
    assert deleted.value.status == 204
    expect(visitor.page.locator(".toast")).to_have_count(0)
    assert [one.key for one in site.library.page(matching(own))] == [
        f"red-{n}" for n in range(5) if f"red-{n}" != second
    ]


def matching(collection):
    from search_by_image.records.base import Match

    return Match(collection=collection)


def test_what_was_removed_is_removed_when_the_page_is_left(visit, expect, site, own):
    visitor = visit(f"/?id=red-0&of=images&collection={own}")
    visitor.settle()
    gone = visitor.ids()[2]
    tool(visitor, 2, "entry.remove.named").click()
    expect(visitor.results).to_have_count(4)
    visitor.page.reload()
    visitor.settle()
    expect(visitor.results).to_have_count(4)
    assert gone not in visitor.ids()


def test_odd_pictures_leave_no_holes(visit, expect):
    visitor = visit("/?id=tall&of=odd&collection=odd", forgiven=("404",))
    visitor.settle()
    expect(visitor.results).to_have_count(6)
    expect(visitor.results.locator(".frame-missing")).to_have_count(2)
    expect(visitor.results.locator(".is-whole.is-loaded")).to_have_count(2)
    heights = visitor.results.evaluate_all(
        "cards => cards.map(card => card.querySelector('.card-tile').getBoundingClientRect().height)"
    )
    assert max(heights) - min(heights) < 1
    words = visitor.results.evaluate_all(
        "cards => cards.map(card => card.querySelector('.card-words').getBoundingClientRect().height)"
    )
    assert max(words) < 90
    assert visitor.overflow() == 0
    assert set(visitor.results.locator("img").evaluate_all("all => all.map(one => one.loading)")) == {"lazy"}


def test_one_result_and_many(visit, expect, site):
    visitor = visit(f"{QUERY}&min=0.999")
    visitor.settle()
    expect(visitor.results).to_have_count(1)
    expect(visitor.page.locator("#search-summary")).to_have_text(
        visitor.say("search.found", collection="images", count=1)
    )
    assert visitor.results.first.bounding_box()["width"] < 400


def test_five_hundred_results(visit, expect, site, look):
    if look.language == "zh":
        pytest.skip("it takes seconds, and is the same in every look")
    name = "many"
    made = [site.library.prepare(picture(n % COUNT, (16, 16)), {"n": n}, "Thumb", name) for n in range(500)]
    first = site.library.add_many(made)[0].id
    visitor = visit(f"/?id={first}&of={name}&collection={name}")
    visitor.settle()
    for _ in range(60):
        if visitor.results.count() == 500:
            break
        visitor.page.mouse.wheel(0, 20000)
        visitor.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        visitor.page.wait_for_timeout(50)
    expect(visitor.results).to_have_count(500)
    site.library.drop_collection(name)
