"""Searching on the page, in a real browser."""

import base64
import re

import pytest

from browser.site import KINDS, halves, tinted
from cheap_library import picture

pytestmark = pytest.mark.browser
RED_0 = tinted(0, "red")
HUGE = """() => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(17 * 2 ** 20)], 'huge.jpg', {type: 'image/jpeg'}));
  return transfer;
}"""


def give(visitor, way):
    """The picture red-0, in one of the ways."""
    page = visitor.page
    if way == "dropped":
        visitor.drop(("mine.png", RED_0))
    elif way == "pasted":
        visitor.paste(("image.png", RED_0))
    elif way == "chosen":
        page.set_input_files("#search-file", {"name": "mine.png", "mimeType": "image/png", "buffer": RED_0})
    elif way == "pasted text":
        visitor.paste(text=base64.b64encode(RED_0).decode())
    else:
        url = f"{visitor.site.url}/pictures/images-red-0.png"
        visitor.field("search.text").fill(
            url if way == "address" else f"data:image/png;base64,{base64.b64encode(RED_0).decode()}"
        )
        page.keyboard.press("Enter")


def test_a_picture_given_in_any_way_finds_those_like_it(visit, expect):
    visitor = visit()
    for way in ("dropped", "pasted", "chosen", "pasted text", "address", "Base64"):
        give(visitor, way)
        visitor.settle()
        expect(visitor.results).to_have_count(24)
        ids = visitor.ids()
        assert ids[0] == "red-0", way
        assert all(one.startswith("red") for one in ids[:15])
        expect(visitor.page.locator("#query-frame .is-loaded")).to_be_visible()
        visitor.button("search.another").click()
        expect(visitor.results).to_have_count(0)


def test_find_similar_goes_on_from_a_result_and_back_returns(visit, expect):
    visitor = visit()
    visitor.search(RED_0)
    visitor.results.nth(1).hover()
    name = visitor.ids()[1]
    visitor.results.nth(1).get_by_role("button", name=visitor.say("search.with.named", name=name)).click()
    visitor.settle()
    expect(visitor.page.locator("#search-summary")).to_be_focused()
    expect(visitor.results.first.locator(".card-tail")).to_contain_text(name)
    assert f"id={name}" in visitor.page.url
    visitor.page.go_back()
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("red-0")
    expect(visitor.page.locator("#query-name")).to_have_text("mine.png")


def drag(visitor, handle, across, down):
    """Of the picture's width and height."""
    page, frame = visitor.page, visitor.page.locator(".crop").bounding_box()
    box = page.locator(handle).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across * frame["width"], y + down * frame["height"], steps=4)
    page.mouse.up()


def test_the_results_follow_the_box(visit, expect):
    visitor = visit()
    visitor.search(halves(tinted(4, "green"), tinted(2, "blue")))
    expect(visitor.page.locator(".crop.is-whole")).to_be_visible()
    drag(visitor, ".crop-ne", -0.5, 0)
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("green-4")
    visitor.page.wait_for_url(re.compile(r"box=0,0,0\.(49|5)\d*,1"))
    drag(visitor, ".crop-move", 0.5, 0)
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("blue-2")
    visitor.page.reload()
    expect(visitor.page.locator(".crop:not(.is-whole)")).to_be_visible()
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("blue-2")
    visitor.button("crop.whole").click()
    expect(visitor.page.locator(".crop.is-whole")).to_be_visible()
    assert "box" not in visitor.page.url


def test_the_box_is_moved_by_the_keyboard_and_drawn_by_a_finger(visit, expect):
    visitor = visit()
    visitor.search(halves(tinted(4, "green"), tinted(2, "blue")))
    handle = visitor.page.locator(".crop-se")
    expect(handle).to_be_visible()
    handle.focus()
    for _ in range(5):
        visitor.page.keyboard.press("Shift+ArrowLeft")
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("green-4")
    expect(handle).to_have_attribute("aria-label", visitor.say("crop.se", right=50, bottom=100))
    visitor.page.keyboard.press("ArrowUp")
    expect(handle).to_have_attribute("aria-label", visitor.say("crop.se", right=50, bottom=98))
    visitor.page.wait_for_url(re.compile("box="))
    visitor.button("crop.whole").click()
    expect(visitor.page.locator(".crop.is-whole")).to_be_visible()
    visitor.page.evaluate("scrollTo(0, 0)")
    frame = visitor.page.locator(".crop").bounding_box()
    touch = visitor.page.context.new_cdp_session(visitor.page)
    visitor.page.wait_for_timeout(100)
    for kind, x in (("touchStart", 0.01), ("touchMove", 0.2), ("touchMove", 0.48)):  # from the top left corner
        point = {"x": frame["x"] + x * frame["width"], "y": frame["y"] + 0.02 * frame["height"]}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("blue-2")


def test_a_part_of_a_stored_picture_is_searched_by_the_picture_itself(visit, expect):
    visitor = visit("/?id=red-0&of=images")
    visitor.settle()
    expect(visitor.page.locator(".crop")).to_be_visible()
    with visitor.page.expect_request("**/search") as asked:
        drag(visitor, ".crop-se", -0.3, -0.3)
    assert "multipart/form-data" in asked.value.headers["content-type"]
    visitor.settle()
    assert visitor.ids()[0].startswith("red")


def test_pipelines_and_collections_are_those_of_the_service(visit, expect):
    visitor = visit("/?id=red-0&of=images")
    visitor.settle()
    visitor.with_options()
    assert visitor.page.locator("#search-pipeline option").all_inner_texts() == ["Thumb", "Bright"]
    with visitor.page.expect_response("**/v1/collections/images/search") as answered:
        visitor.page.locator("#search-pipeline").select_option("Bright")
    assert answered.value.json()["matches"] == []  # this pipeline has made none of its vectors
    assert "pipeline=Bright" in visitor.page.url
    with visitor.page.expect_request("**/v1/search"):
        visitor.page.locator("#search-pipeline").select_option("Thumb")
        visitor.page.locator("#search-collection").select_option(label=visitor.say("choice.all"))
    expect(visitor.page.locator("#search-summary")).to_have_text(visitor.say("search.found.all.more", count=24))


def add_filter(visitor, place, path, operator, value=None):
    within = visitor.page.locator(place)
    visitor.button("filter.add", within).click()
    visitor.field("filter.field", within).select_option(path)
    visitor.field("filter.operator", within).select_option(operator)
    if value is not None:
        visitor.field("filter.value", within).fill(value)
    visitor.button("filter.apply", within).click()


def test_a_filter_is_built_from_the_fields_of_the_library(visit, expect):
    visitor = visit()
    visitor.search(RED_0)
    visitor.with_options()
    add_filter(visitor, "#search-filter", "kind", "eq", "blue")
    expect(visitor.results).to_have_count(20)
    assert all(one.startswith("blue") for one in visitor.ids())
    add_filter(visitor, "#search-filter", "price", "gte", "30")
    expect(visitor.results).to_have_count(10)
    visitor.field("filter.joined").select_option("any")
    expect(visitor.results).to_have_count(24)
    visitor.field("filter.joined").select_option("all")
    expect(visitor.results).to_have_count(10)
    visitor.page.reload()
    expect(visitor.results).to_have_count(10)
    visitor.with_options()
    condition = f"kind {visitor.say('filter.eq')} blue"
    visitor.button("filter.drop", condition=condition).click()
    expect(visitor.results).to_have_count(24)
    expect(visitor.results.first.locator(".card-tail")).to_contain_text("red")


def test_another_picture_leads_back_to_the_start(visit, expect):
    visitor = visit("/?id=red-0&of=images&filter=%7B%22price%22%3A9007199254740993%7D")
    visitor.settle()
    expect(visitor.page.locator("#search-note")).to_contain_text(visitor.say("search.none.filtered"))
    visitor.button("filter.clear").click()
    expect(visitor.results).to_have_count(24)
    visitor.button("search.another").click()
    expect(visitor.page.locator("#search-file")).to_be_focused()
    expect(visitor.results).to_have_count(0)
    assert "id=" not in visitor.page.url


def test_an_honest_answer_when_nothing_scores_enough(visit, expect):
    visitor = visit()
    visitor.search(picture(77))
    visitor.with_options()
    slider = visitor.page.locator("#search-min")
    slider.focus()
    visitor.page.keyboard.press("End")
    note = visitor.page.locator("#search-note .empty")
    expect(note).to_be_visible()
    expect(visitor.results).to_have_count(0)
    best = re.search(r"0\.\d{3}", note.inner_text())[0]
    lower = f"{int(float(best) * 100) / 100:.2f}"
    visitor.button("search.none.lower", min=lower).click()
    expect(visitor.results.first).to_be_visible()
    assert visitor.results.first.locator(".card-score").inner_text() == best
    expect(slider).to_have_value(str(float(lower)))


def test_an_empty_collection_says_so(visit, expect):
    visitor = visit("/?id=red-0&of=images&collection=empty")
    visitor.settle()
    expect(visitor.page.locator("#search-note")).to_contain_text(visitor.say("search.none.empty"))
    visitor.page.get_by_role("link", name=visitor.say("search.none.import")).click()
    expect(visitor.page.locator("#import-title")).to_be_visible()


def test_groups_show_the_best_of_each_and_results_go_on_as_one_scrolls(visit, expect):
    visitor = visit()
    visitor.search(RED_0)
    visitor.with_options()
    visitor.page.locator("#search-group").select_option("kind")
    expect(visitor.results).to_have_count(3)
    assert {one.partition("-")[0] for one in visitor.ids()} == set(KINDS)
    assert visitor.ids()[0] == "red-0"
    visitor.page.locator("#search-group").select_option("")
    expect(visitor.results).to_have_count(24)
    for _ in range(3):
        visitor.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        visitor.page.wait_for_timeout(150)
    expect(visitor.results).to_have_count(60)
    expect(visitor.page.locator("#search-more")).to_be_hidden()
    expect(visitor.page.locator("#search-summary")).to_have_text(
        visitor.say("search.found", collection="images", count=60)
    )
    assert len(set(visitor.ids())) == 60
    expect(
        visitor.page.locator("#query-mini" if visitor.page.viewport_size["width"] < 1000 else "#query")
    ).to_be_in_viewport()


def test_what_gives_no_picture_is_explained(visit, expect):
    visitor = visit(forgiven=("422", "404", "127.0.0.1:1", "ERR_", "asked another host: http://127.0.0.1:1/"))
    visitor.page.set_input_files("#search-file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("error.code.not_an_image"))
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("remedy.picture"))
    visitor.page.go_back()
    visitor.paste(text="good morning")
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("error.clipboard"))
    visitor.paste(text="data:image/png;base64,%%%")
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("error.base64"))
    for address in ("http://127.0.0.1:1/cat.jpg", "file:///etc/passwd", "cat.jpg"):
        visitor.field("search.text").fill(address)
        visitor.page.keyboard.press("Enter")
        expect(visitor.page.get_by_role("alert")).to_be_visible()
        expect(visitor.page.get_by_role("alert")).not_to_contain_text(visitor.say("error.base64"))
        said = visitor.page.get_by_role("alert").inner_text()
        assert len(said) > 20
        assert "Traceback" not in said
        visitor.button("search.another").click()
        expect(visitor.page.get_by_role("alert")).to_have_count(0)
    sent = []
    visitor.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    visitor.page.evaluate(
        "(t) => { for (const k of ['dragover', 'drop']) document.body.dispatchEvent("
        "new DragEvent(k, {dataTransfer: t, bubbles: true, cancelable: true})) }",
        visitor.page.evaluate_handle(HUGE),
    )
    expect(visitor.page.get_by_role("alert")).to_contain_text(
        visitor.say("error.toolarge.remedy", size="17", limit="16")
    )
    assert sent == []


def test_a_service_that_is_gone_is_told_and_tried_again(visit, expect):
    visitor = visit(forgiven=("503", "ERR_"))
    problem = {"code": "overloaded", "detail": "Too much to do.", "status": 503}
    visitor.page.route("**/search", lambda route: route.fulfill(status=503, json=problem))
    visitor.drop(("mine.png", RED_0))
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("error.code.overloaded"))
    visitor.page.unroute("**/search")
    visitor.page.route("**/search", lambda route: route.abort())
    visitor.button("retry").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text(visitor.say("error.network"))
    visitor.page.unroute("**/search")
    visitor.button("retry").click()
    expect(visitor.results).to_have_count(24)


def test_the_camera_of_a_phone_and_examples_are_offered(visit, expect):
    visitor = visit()
    camera = visitor.page.locator("label.camera")
    assert camera.is_visible() == visitor.page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert visitor.page.locator("#search-camera").get_attribute("capture") == "environment"
    examples = visitor.page.locator(".example")
    expect(examples).to_have_count(8)
    examples.first.click()
    visitor.settle()
    expect(visitor.results.first.locator(".card-score")).to_have_text("1.000")
    expect(examples.first).to_be_hidden()
