"""The page in a real browser, against the real service with the demo photos."""

import base64
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.keys import Keys, Scope
from serving import serving

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = (1440, 900), (390, 844)
RESULTS = "#search-results .card:not(.skeleton)"
LISTED = "#library-list .card:not(.skeleton)"
TRANSFER = """([[name, type, bytes], text]) => {
  const transfer = new DataTransfer();
  if (name) transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, {type}));
  if (text) transfer.setData('text/plain', text);
  return transfer;
}"""
HUGE = """() => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(17 * 2 ** 20)], 'huge.jpg', {type: 'image/jpeg'}));
  return transfer;
}"""
DROP = """(transfer) => {
  for (const kind of ['dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""
PASTE = """(transfer) => (document.activeElement ?? document.body).dispatchEvent(
  new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))"""


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed: pip install 'search-by-image[test]'")
    chromium = shutil.which("chromium")
    if chromium is None:
        _missing("there is no chromium on the PATH: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def expect(browser):
    from playwright.sync_api import expect

    expect.set_options(timeout=20_000)
    return expect


@pytest.fixture
def open_page(browser, demo_service):
    """Opens pages that may neither complain in the console nor ask any other host."""
    contexts, wrongs = [], []

    def opened(path="/", *, size=WIDE, locale="en-US", scheme="light"):
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, locale=locale, color_scheme=scheme, base_url=demo_service.url)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrongs.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("request", lambda request: wrongs.extend(_elsewhere(request.url, demo_service.url)))
        _go(page, path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrongs == []


@pytest.fixture
def cat(demo_service):
    return min((demo_service.photos / "cat").glob("*.jpg"))


@pytest.fixture
def guarded_service(tmp_path):
    """A service that asks for a key, with one picture in it, and the key."""
    library = open_library(tmp_path)
    library.add(picture(1), {"id": "one"}, "Thumb")
    key, _ = Keys(library.ledger).create("page", Scope.READ)
    with UrlFetcher(FetchSettings()) as fetcher, serving(create_app(SearchEngine(library), fetcher)) as url:
        yield url, key
    library.close()


def _go(page, path):
    page.goto(path)
    page.locator("#search-collection option").first.wait_for(state="attached")


def _missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


def _elsewhere(asked, service):
    same = urlsplit(asked).netloc == urlsplit(service).netloc
    return [] if same or urlsplit(asked).scheme in {"data", "blob"} else [f"asked another host: {asked}"]


def _transfer(page, *, file=None, name="picture.jpg", text=""):
    given = [name, "image/jpeg", base64.b64encode(file.read_bytes()).decode()] if file else ["", "", ""]
    return page.evaluate_handle(TRANSFER, [given, text])


def _shot(page, name):
    ARTIFACTS.mkdir(exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=ARTIFACTS / f"page-{name}.png")


def _overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def _drop_and_wait(page, expect, cat):
    page.evaluate(DROP, _transfer(page, file=cat))
    expect(page.locator(RESULTS)).to_have_count(10)


def test_a_cat_dropped_on_the_page_finds_cats(open_page, expect, cat):
    page = open_page()

    page.evaluate(DROP, _transfer(page, file=cat, name="my cat.jpg"))

    expect(page.locator(RESULTS)).to_have_count(10)
    heads = page.locator(f"{RESULTS} .card-head").all_inner_texts()
    assert all(head.startswith("cat") for head in heads[:5]), heads
    expect(page.locator(".query-name")).to_have_text("my cat.jpg")
    expect(page.locator("#query img")).to_be_visible()
    expect(page.locator(f"{RESULTS} .is-loaded").first).to_be_visible()
    _shot(page, "cats")


def test_scores_fall_and_the_bars_follow_them(open_page, expect, cat):
    page = open_page()
    _drop_and_wait(page, expect, cat)

    scores = [float(text) for text in page.locator(f"{RESULTS} .card-score").all_inner_texts()]
    widths = page.locator(f"{RESULTS} .bar-fill").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width)"
    )

    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1, abs=0.002)
    assert widths == pytest.approx(scores, abs=0.01)


def test_a_pasted_picture_is_searched(open_page, expect, cat):
    page = open_page()

    page.evaluate(PASTE, _transfer(page, file=cat, name="image.png"))

    expect(page.locator(RESULTS)).to_have_count(10)
    expect(page.locator(".query-name")).to_contain_text(re.compile(r"pasted-\d{14}\.png"))


def test_pasted_base64_text_is_searched_and_other_text_is_not(open_page, expect, cat):
    page = open_page()

    page.evaluate(PASTE, _transfer(page, text="good morning"))
    expect(page.get_by_role("alert")).to_contain_text("There is no picture in what you pasted.")
    page.evaluate(PASTE, _transfer(page, text=base64.b64encode(cat.read_bytes()).decode()))

    expect(page.locator(RESULTS)).to_have_count(10)
    expect(page.locator("#query img")).to_be_visible()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/cat.jpg", "file:///etc/passwd", "cat.jpg"])
def test_an_address_that_gives_no_picture_is_explained(open_page, expect, address):
    page = open_page()

    page.get_by_label("Or its address or Base64 text").fill(address)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("The picture could not be taken from there.")
    said = page.get_by_role("alert").locator("p").nth(1).inner_text()
    assert len(said) > 20
    assert "Traceback" not in said
    expect(page.locator(RESULTS)).to_have_count(0)
    expect(page.locator(".query-name")).to_have_text(address)


def test_a_file_that_is_no_picture_is_explained(open_page, expect):
    page = open_page()

    page.set_input_files("#search-file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"})

    expect(page.get_by_role("alert")).to_contain_text("This is not a picture that can be opened.")


def test_a_picture_over_the_limit_is_not_sent(open_page, expect):
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    page.evaluate(DROP, page.evaluate_handle(HUGE))

    expect(page.get_by_role("alert")).to_contain_text("It has 17 MB; up to 16 MB are accepted.")
    assert sent == []


def test_a_service_that_is_gone_is_told_and_tried_again(open_page, expect, cat):
    page = open_page()
    page.route("**/SearchByUpload", lambda route: route.fulfill(json={"status": "20008", "msg": "Too much to do."}))

    page.evaluate(DROP, _transfer(page, file=cat))
    expect(page.get_by_role("alert")).to_contain_text("The service is busy.")
    page.unroute("**/SearchByUpload")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(RESULTS)).to_have_count(10)


def test_find_similar_goes_on_from_a_result(open_page, expect, cat):
    page = open_page()
    _drop_and_wait(page, expect, cat)
    second = page.locator(RESULTS).nth(1)
    picture = second.locator("img").get_attribute("src")

    second.get_by_role("button", name="Find similar").click()

    expect(page.locator(".query-name")).to_have_text(picture.rpartition("/")[2])
    expect(page.locator("#search-summary")).to_be_focused()
    expect(page.locator(f"{RESULTS} img").first).to_have_attribute("src", picture)


def test_the_document_is_shown_and_copied(open_page, expect, cat, demo_service):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo_service.url)
    _drop_and_wait(page, expect, cat)

    page.locator(f"{RESULTS} .card-picture").first.click()
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["kind"] == "cat"
    assert not {"ids", "score", "distance", "collection"} & copied.keys()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_import_list_and_remove(open_page, expect, cat):
    page = open_page("/?tab=import")
    page.set_input_files("#import-file", str(cat))
    page.get_by_label(f"Document of {cat.name}").fill('{"id": "one of mine", "big": 9007199254740993}')
    page.locator("#import-collection").select_option(label="New collection…")
    page.get_by_label("Name of the new collection").fill("browser")
    page.get_by_role("button", name="Import 1 picture").click()
    expect(page.locator("#import-status")).to_have_text("1 picture imported")
    page.get_by_role("link", name="Show the library").click()

    expect(page.locator("#library-summary")).to_have_text("Picture 1 of 1")
    page.get_by_role("button", name="Details of one of mine").click()
    expect(page.locator("pre")).to_contain_text("9007199254740993")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Remove one of mine").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(LISTED)).to_have_count(1)
    page.get_by_role("button", name="Remove one of mine").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 entry removed")).to_be_visible()
    expect(page.locator("#library-summary")).to_have_text("Nothing here yet")


def test_one_removal_is_asked_at_a_time(open_page, expect, demo_service, cat):
    for name in ("first", "second"):
        demo_service.engine.image_to_search_db(cat.read_bytes(), {"id": name}, "DemoSearch", "one at a time")
    page = open_page("/?tab=library&collection=one+at+a+time")
    expect(page.locator(LISTED)).to_have_count(2)
    asked, released = [], []
    page.route("**/GetImageDoc", lambda route: route.continue_() if released else asked.append(route))
    with page.expect_request("**/GetImageDoc"):
        page.get_by_role("button", name="Remove first").click()
    page.get_by_role("button", name="Remove second").click()
    released.extend(asked)
    for route in asked:
        with page.expect_response("**/GetImageDoc"):
            route.continue_()

    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()

    expect(page.get_by_text("1 entry removed")).to_be_visible()
    expect(page.locator(LISTED)).to_have_count(1)
    left = demo_service.engine.get_images(None, collection="one at a time")
    assert [document["id"] for document in left] == ["second"]


def test_several_are_imported_and_the_bad_one_says_why(open_page, expect, cat):
    page = open_page("/?tab=import")
    buffers = [(cat.name, cat.read_bytes()), ("bad.jpg", b"no picture")]
    files = [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in buffers]
    page.set_input_files("#import-file", files)
    page.get_by_label("Addresses, one a line, or Base64 text").fill(base64.b64encode(cat.read_bytes()).decode())
    page.get_by_role("button", name="Add to the list").click()
    page.locator("#import-collection").select_option(label="New collection…")
    page.get_by_label("Name of the new collection").fill("several")

    page.get_by_role("button", name="Import 3 pictures").click()

    expect(page.locator("#import-status")).to_have_text("2 imported, 1 not: the list says why.")
    expect(page.locator(".item[data-state=failed]")).to_contain_text("This is not a picture that can be opened.")
    expect(page.locator("#import-collection")).to_have_value("several")


def test_addresses_are_parted_by_lines_and_base64_is_joined(open_page):
    page = open_page()
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

    pieces = page.evaluate(
        """async (text) => {
          const {manyFromText} = await import('/static/pictures.js');
          return manyFromText(text).map((one) => one.url ?? one.text);
        }""",
        "\n".join(lines),
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


def test_a_document_that_is_no_json_object_is_not_sent(open_page, expect, cat):
    page = open_page("/?tab=import")
    page.set_input_files("#import-file", str(cat))

    page.get_by_label(f"Document of {cat.name}").fill("[1, 2]")

    expect(page.get_by_text("This is not a JSON object yet.")).to_be_visible()
    expect(page.locator("#import-run")).to_be_disabled()


def test_the_library_is_filtered_and_paged(open_page, expect, demo_service):
    cats = len(list((demo_service.photos / "cat").glob("*.jpg")))
    page = open_page("/?tab=library&collection=images")
    expect(page.locator(LISTED)).to_have_count(24)

    page.get_by_role("button", name="Next").click()
    expect(page.locator("#library-summary")).to_contain_text("25 to 48")
    page.go_back()
    expect(page.locator("#library-summary")).to_contain_text("1 to 24")
    page.get_by_label("Field").fill("kind")
    page.get_by_label("Value").fill("cat")
    page.keyboard.press("Enter")
    expect(page.locator(LISTED)).to_have_count(cats)
    page.reload()
    expect(page.locator(LISTED)).to_have_count(cats)

    page.get_by_label("Value").fill("unicorn")
    page.keyboard.press("Enter")
    expect(page.locator("#library-summary")).to_have_text("No document has this value")


def test_the_browsers_language_is_spoken_and_a_choice_remembered(open_page, expect, cat):
    page = open_page(locale="zh-CN", scheme="dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("用一张图片，找到相似的图片")
    assert page.title() == "以图搜图"
    _drop_and_wait(page, expect, cat)
    expect(page.locator("#search-summary")).to_have_text("在 images 中找到 10 张相似图片")
    _shot(page, "chinese-dark")

    page.get_by_role("button", name="English").click()
    expect(page.locator("#search-summary")).to_have_text("10 similar pictures in images")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find pictures that look like yours")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_every_sentence_of_the_page_is_there_in_both_languages(open_page):
    page = open_page()
    said = page.evaluate("""async () => {
      const {english} = await import('/static/texts-en.js');
      const {chinese} = await import('/static/texts-zh.js');
      const names = ['data-say', ...['alt', 'aria-label', 'placeholder', 'title'].map((name) => `data-say-${name}`)];
      const saying = (name) => Array.from(document.querySelectorAll(`[${name}]`), (node) => node.getAttribute(name));
      const used = names.flatMap(saying);
      return {english: Object.keys(english), chinese: Object.keys(chinese), used};
    }""")

    assert said["english"] == said["chinese"]
    assert set(said["used"]) <= set(said["english"])


def test_the_page_names_every_module_so_that_they_load_at_once(open_page):
    page = open_page()
    named = page.locator("head [href], head [src]").evaluate_all("all => all.map((node) => node.href || node.src)")

    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")

    assert {url for url in loaded if url.endswith(".js")} <= set(named)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_runs_over_the_edge_of_a_phone(open_page, expect, cat, locale):
    page = open_page(size=PHONE, locale=locale)
    assert _overflow(page) == 0
    _drop_and_wait(page, expect, cat)
    assert _overflow(page) == 0
    _shot(page, f"phone-{locale}")
    page.locator(f"{RESULTS} .card-picture").first.click()
    assert _overflow(page) == 0
    page.keyboard.press("Escape")
    for tab in ("import", "library"):
        _go(page, f"/?tab={tab}")
        expect(page.locator(f"#{tab} h1")).to_be_visible()
        assert _overflow(page) == 0, tab


def test_the_query_stays_in_view_on_a_phone(open_page, expect, cat):
    page = open_page(size=PHONE)
    _drop_and_wait(page, expect, cat)

    page.locator(RESULTS).last.scroll_into_view_if_needed()

    expect(page.locator("#query")).to_be_in_viewport()


def test_the_keyboard_alone_searches(open_page, expect):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()

    page.locator(".example").first.focus()
    page.keyboard.press("Enter")

    expect(page.locator(RESULTS)).to_have_count(10)
    expect(page.locator("#search-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_broken_picture_leaves_a_calm_placeholder(open_page, expect, cat):
    page = open_page()
    page.route("**/demo/photos/**", lambda route: route.fulfill(body=b"not a picture", content_type="image/jpeg"))

    _drop_and_wait(page, expect, cat)

    expect(page.locator(f"{RESULTS} .frame-missing").first).to_be_visible()
    assert page.locator(f"{RESULTS} .frame").first.bounding_box()["height"] > 100


def test_a_document_cannot_smuggle_markup_or_script(open_page, expect, cat):
    page = open_page("/?tab=import")
    hostile = {"id": "<img src=x onerror=alert(1)>", "kind": "<b>bold</b>", "url": "javascript:alert(1)"}
    page.set_input_files("#import-file", str(cat))
    page.locator("#import-items textarea").fill(json.dumps(hostile))
    page.locator("#import-collection").select_option(label="New collection…")
    page.get_by_label("Name of the new collection").fill("hostile")
    page.get_by_role("button", name="Import 1 picture").click()
    page.get_by_role("link", name="Show the library").click()

    expect(page.locator(f"{LISTED} h3")).to_have_text("<b>bold</b>")
    page.locator(f"{LISTED} .card-picture").click()
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(0)
    assert page.locator("#library-list img, dialog img").count() == 0


def test_a_service_that_needs_a_key_asks_for_it_until_it_is_right(browser, expect, guarded_service):
    url, key = guarded_service
    context = browser.new_context(base_url=url, locale="en-US")
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto("/?tab=library")
    dialog = page.locator("#key")
    expect(dialog).to_contain_text("This service needs an API key")
    given = dialog.get_by_role("textbox")
    given.fill("sbi_wrong_key")
    given.press("Enter")
    expect(dialog).to_contain_text("does not accept this key")
    given.fill(f" {key} ")
    page.get_by_role("button", name="Continue").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(LISTED)).to_have_count(1)
    page.reload()
    expect(page.locator(LISTED)).to_have_count(1)
    assert [text for text in complaints if "401" not in text] == []
    assert browser.new_context(base_url=url).request.get("/v1/info").status == 401
    context.close()


def test_whoever_gives_no_key_reads_that_one_is_needed(browser, expect, guarded_service):
    url, key = guarded_service
    context = browser.new_context(base_url=url, locale="zh-CN")
    page = context.new_page()
    page.goto("/")
    page.get_by_role("dialog").press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("需要 API 密钥。")
    page.get_by_role("alert").get_by_role("button").click()
    page.get_by_label("API 密钥", exact=True).fill(key)
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_a_key_that_may_only_read_imports_nothing(browser, expect, guarded_service):
    url, key = guarded_service
    context = browser.new_context(base_url=url, locale="en-US")
    context.add_init_script(f"sessionStorage.setItem('search-by-image-key', '{key}')")
    page = context.new_page()
    _go(page, "/?tab=import")
    page.set_input_files("#import-file", {"name": "a.png", "mimeType": "image/png", "buffer": picture(2)})
    page.locator("#import-run").click()
    expect(page.get_by_text("Your API key does not allow this.")).to_be_visible()
    context.close()


def test_the_page_of_the_calls_works_under_its_policy_and_asks_no_other_host(browser, expect, guarded_service):
    url, key = guarded_service
    context = browser.new_context(base_url=url, locale="en-US")
    page, wrongs = context.new_page(), []
    page.on("console", lambda said: wrongs.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("request", lambda request: wrongs.extend(_elsewhere(request.url, url)))
    page.goto("/docs")
    page.get_by_label("API key").fill(key)
    page.get_by_label("API key").press("Enter")
    expect(page.locator(".opblock-summary-path", has_text="GetImageDoc")).to_be_visible()
    page.locator(".opblock-summary-path", has_text="/v1/info").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")
    assert [wrong for wrong in wrongs if "401" not in wrong] == []
    _shot(page, "calls")
    context.close()
