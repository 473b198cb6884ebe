"""Imports on the page, in a real browser."""

import base64
import json
import re

import pytest

from browser.site import tinted
from browser.test_results import matching
from cheap_library import picture
from job_service import web_server, zipped

pytestmark = pytest.mark.browser


@pytest.fixture
def own(site, look):
    """A new collection's name."""
    name = f"new {look.language}"
    yield name
    if name in site.library.collections():
        site.library.drop_collection(name)


@pytest.fixture
def web():
    with web_server() as web:
        yield web


def file(name, data=None, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": picture(1) if data is None else data}


def into(visitor, name):
    visitor.page.locator("#import-collection").select_option("+")
    visitor.field("choice.new.label").fill(name)


def run(visitor, count):
    visitor.button("import.run", count=count).click()


def documents(site, collection):
    return {one.key: dict(one.document) for one in site.library.page(matching(collection))}


def job(visitor):
    return visitor.page.locator(".job").first


def done(visitor, expect):
    expect(job(visitor)).to_have_attribute("data-state", "succeeded")
    return job(visitor)


def test_files_with_documents_are_imported_by_a_job(visit, expect, site, own):
    visitor = visit("/?tab=import")
    side = json.dumps({"id": "mine", "kind": "dog", "big": 9007199254740993}).encode()
    files = [
        file("a.png"),
        file("b.png", picture(2)),
        file("b.json", side, "application/json"),
        file("x.txt", b"", "text/plain"),
    ]
    visitor.page.set_input_files("#import-file", files)
    expect(visitor.page.locator("#tray-what")).to_contain_text(visitor.say("tray.files", count=2))
    expect(visitor.page.locator("#tray-what")).to_contain_text(visitor.say("tray.sides", count=1))
    expect(visitor.page.locator("#import-left")).to_have_text(visitor.say("import.left", count=1))
    expect(visitor.page.locator("#tray-pictures .is-loaded")).to_have_count(2)
    into(visitor, own)
    visitor.page.locator("#import-pipeline").select_option("Thumb")
    visitor.field("import.document.many").fill('{"kind": "cat"}')
    visitor.field("import.prefix").fill("https://example.com/pictures")
    run(visitor, 2)
    card = done(visitor, expect)
    expect(card).to_contain_text(visitor.say("job.title", count=2, collection=own))
    expect(card).to_contain_text(visitor.say("job.count.created", count=2))
    expect(card.get_by_role("progressbar")).to_be_hidden()
    seen = {"id": "a.png", "name": "a", "kind": "cat", "url": "https://example.com/pictures/a.png"}
    kept = {
        "id": "mine",
        "name": "b",
        "kind": "dog",
        "big": 9007199254740993,
        "url": "https://example.com/pictures/b.png",
    }
    assert documents(site, own) == {"a.png": seen, "mine": kept}
    expect(visitor.page.locator("#tray")).to_be_hidden()
    visitor.page.route("https://example.com/**", lambda route: route.abort())
    assert visitor.button("job.show", card).is_visible()


def test_a_folder_is_imported(visit, expect, site, own, tmp_path):
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    (tmp_path / "pets" / "one.png").write_bytes(picture(1))
    (tmp_path / "pets" / "cats" / "one.png").write_bytes(picture(2))
    (tmp_path / "pets" / "cats" / "one.json").write_text('{"id": "cat"}')
    visitor = visit("/?tab=import")
    visitor.page.set_input_files("#import-folder", tmp_path / "pets")
    into(visitor, own)
    run(visitor, 2)
    done(visitor, expect)
    assert documents(site, own).keys() == {"pets/one.png", "cat"}


def test_a_folder_is_dropped(visit, expect, site, own, tmp_path):
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    (tmp_path / "pets" / "cats" / "one.png").write_bytes(picture(2))
    visitor = visit("/?tab=import")
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    data = {"items": [], "files": [str(tmp_path / "pets")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 300, "data": data})
    expect(visitor.page.locator("#veil")).to_contain_text(visitor.say("drop.import"))
    devtools.send("Input.dispatchDragEvent", {"type": "drop", "x": 200, "y": 300, "data": data})
    expect(visitor.page.locator("#veil")).to_be_hidden()
    into(visitor, own)
    run(visitor, 1)
    done(visitor, expect)
    assert documents(site, own).keys() == {"pets/cats/one.png"}


def test_a_zip_file_is_imported_and_its_failures_are_told(visit, expect, site, own):
    visitor = visit("/?tab=import")
    archive = zipped({"a.png": picture(1), "a.json": b'{"id": "a", "kind": "cat"}', "bad.png": b"no picture"})
    visitor.page.set_input_files("#import-file", file("all.zip", archive, "application/zip"))
    into(visitor, own)
    visitor.button("import.run.zip").click()
    card = done(visitor, expect)
    expect(card).to_contain_text(visitor.say("job.count.failed", count=1))
    card.locator("summary").click()
    expect(card.locator(".failure-list li")).to_contain_text("bad.png")
    expect(card.locator(".failure-list li")).to_contain_text(visitor.say("error.code.not_an_image"))
    assert documents(site, own) == {"a": {"id": "a", "kind": "cat"}}
    visitor.button("job.show", card).click()
    expect(visitor.page.locator("#library-summary")).to_have_text(visitor.say("library.count", count=1, collection=own))


def test_addresses_survive_a_reload_and_the_failed_ones_are_tried_again(visit, expect, site, own, web):
    web.may_answer.clear()
    visitor = visit("/?tab=import")
    urls = [f"{web.url}/{name}.png" for name in ("1", "2", "gone")]
    in_base64 = base64.b64encode(picture(3)).decode()
    visitor.field("import.text").fill("\n".join([*urls, in_base64]))
    visitor.button("import.add").click()
    expect(visitor.page.locator("#tray-what")).to_contain_text(visitor.say("tray.urls", count=3))
    visitor.wrongs.clear()
    into(visitor, own)
    run(visitor, 4)
    expect(job(visitor)).to_contain_text(visitor.say("job.title", count=3, collection=own))
    expect(job(visitor)).to_have_attribute("data-state", re.compile("queued|running"))
    expect(job(visitor).get_by_role("progressbar")).to_be_visible()
    visitor.page.reload()
    card = job(visitor)
    expect(card.get_by_role("progressbar")).to_be_visible()
    expect(card).to_contain_text(visitor.say("job.title", count=3, collection=own))
    web.may_answer.set()
    done(visitor, expect)
    expect(card).to_contain_text(visitor.say("job.count.failed", count=1))
    assert {key for key in documents(site, own) if key.startswith("http")} == set(urls[:2])
    assert len(documents(site, own)) == 3
    web.asked.clear()
    visitor.button("job.retry", card).click()
    expect(job(visitor)).to_contain_text(visitor.say("job.title", count=1, collection=own))
    expect(job(visitor)).to_have_attribute("data-state", "succeeded")
    assert set(web.asked) == {"/gone.png"}


def test_a_job_is_cancelled(visit, expect, own, web):
    web.may_answer.clear()
    visitor = visit("/?tab=import")
    visitor.field("import.text").fill("\n".join(f"{web.url}/{n}.png" for n in range(30)))
    visitor.button("import.add").click()
    visitor.wrongs.clear()
    into(visitor, own)
    run(visitor, 30)
    visitor.button("job.cancel", job(visitor)).click()
    web.may_answer.set()
    expect(job(visitor)).to_have_attribute("data-state", "cancelled")


def test_what_is_there_already_is_left_alone_where_that_is_asked_for(visit, expect, site, own):
    visitor = visit("/?tab=import")
    for replaced in (False, True, False):
        visitor.page.set_input_files("#import-file", file("a.png", tinted(1 + replaced, "red")))
        into(visitor, own)
        visitor.page.locator("#import-skip").set_checked(not replaced)
        visitor.field("import.document.one").fill(json.dumps({"replaced": replaced}))
        run(visitor, 1)
        done(visitor, expect)
        visitor.page.wait_for_timeout(50)
    expect(job(visitor)).to_contain_text(visitor.say("job.count.skipped", count=1))
    assert documents(site, own)["a.png"]["replaced"] is True


def test_mistakes_are_told_before_anything_is_sent(visit, expect, own):
    visitor = visit("/?tab=import")
    sent = []
    visitor.page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    visitor.page.set_input_files("#import-file", file("notes.txt", b"text", "text/plain"))
    alert = visitor.page.locator("#import-note").get_by_role("alert")
    expect(alert).to_contain_text(visitor.say("error.nopictures"))
    visitor.page.set_input_files("#import-file", [file("a.png"), file("b.png")])
    document = visitor.field("import.document.many")
    for wrong, key in (("[1]", "error.noobject"), ("{", "error.noobject"), ('{"id": "x"}', "error.oneid")):
        document.fill(wrong)
        run(visitor, 2)
        expect(alert).to_contain_text(visitor.say(key))
        expect(document).to_have_attribute("aria-invalid", "true")
    document.fill("")
    into(visitor, " ")
    run(visitor, 2)
    expect(alert).to_contain_text(visitor.say("import.needs.name"))
    visitor.button("import.clear").click()
    expect(visitor.page.locator("#tray")).to_be_hidden()
    assert sent == []


def test_pasted_pictures_are_taken_where_the_import_is_in_view(visit, expect):
    visitor = visit("/?tab=import")
    visitor.paste(("image.png", picture(4)))
    expect(visitor.page.locator("#tray-pictures li")).to_have_count(1)
    visitor.page.get_by_role("link", name=visitor.say("nav.search"), exact=True).click()
    visitor.page.get_by_role("link", name=visitor.say("nav.import"), exact=True).click()
    expect(visitor.page.locator("#tray-pictures li")).to_have_count(1)


def test_what_is_not_sent_yet_survives_a_reload(visit, expect, own):
    visitor = visit("/?tab=import")
    visitor.page.set_input_files("#import-file", [file("a.png"), file("b.png", picture(2))])
    visitor.field("import.document.many").fill('{"kind": "cat"}')
    visitor.field("import.prefix").fill("https://example.com/")
    visitor.page.keyboard.press("Tab")
    visitor.page.wait_for_timeout(200)  # until the browser has written it down
    visitor.page.reload()
    expect(visitor.page.locator("#tray-pictures .is-loaded")).to_have_count(2)
    expect(visitor.field("import.document.many")).to_have_value('{"kind": "cat"}')
    expect(visitor.field("import.prefix")).to_have_value("https://example.com/")
    visitor.button("import.clear").click()
    visitor.page.wait_for_timeout(200)
    visitor.page.reload()
    visitor.page.locator("#import:not([inert])").wait_for()
    visitor.page.wait_for_timeout(200)
    expect(visitor.page.locator("#tray")).to_be_hidden()


def test_addresses_are_parted_by_lines_and_base64_is_joined(visit, look):
    visitor = visit()
    wrapped = "\n".join(["A" * 76, "B" * 76, "CC=="])
    lines = [
        "https://a.example/my cat.jpg",
        "  a.example/no-scheme.jpg\r",
        "",
        f"data:image/png;base64,{wrapped}",
        wrapped,
        "https://a.example/1.jpg https://a.example/2.jpg",
        "cat.jpg",
    ]
    joined = wrapped.replace("\n", "")
    pieces = visitor.page.evaluate(
        "async (text) => (await import('/static/core/pictures.js')).piecesOf(text)", "\n".join(lines)
    )
    assert pieces == [
        "https://a.example/my cat.jpg",
        "a.example/no-scheme.jpg",
        f"data:image/png;base64,{joined}",
        joined,
        "https://a.example/1.jpg",
        "https://a.example/2.jpg",
        "cat.jpg",
    ]
