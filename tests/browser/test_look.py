"""How the page looks: both languages and widths, light and dark; what it weighs; whether everyone can use it."""

import re
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from browser.conftest import missing
from browser.visitor import Look
from cheap_library import picture
from conftest import wants_every_case
from scripts.page_tools import ToolsMissingError, tools
from search_by_image.api.page_routes import PAGE

pytestmark = pytest.mark.browser
ARTIFACTS = Path(__file__).parents[2] / "artifacts"
FIRST_LOAD = 60_000
ONE = Look("en", 1440, "light")
RUN_AXE = """async () => {
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  return (await axe.run(document, {resultTypes: ['violations']})).violations;
}"""
MANNERS = tuple(product(("en", "zh"), ("light", "dark"))) if wants_every_case() else (("en", "light"), ("zh", "dark"))
SPEAK = "async (language) => (await import('/static/core/i18n.js')).chooseLanguage(language)"
FEW = quote('{"price":{"$lt":12}}')
WATCH_SHIFTS = """() => {
  window.shifts = 0;
  window.moved = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
      window.shifts += entry.value;
      window.moved.push(...entry.sources.map(({node}) => node?.outerHTML?.slice(0, 120) ?? String(node)));
    }
  }).observe({type: 'layout-shift', buffered: true});
}"""
TRANSFERRED = """() => performance.getEntries()
  .filter((entry) => ['navigation', 'resource'].includes(entry.entryType) && !entry.name.includes('/pictures/'))
  .map((entry) => [entry.name, entry.transferSize])"""
PATHS = "all => all.map((one) => new URL(one.href || one.src).pathname)"


@pytest.fixture(scope="session")
def axe():
    try:
        return (tools() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    except ToolsMissingError as reason:
        missing(str(reason))


def start(visitor):
    visitor.go("/")
    visitor.expect(visitor.page.locator(".example .is-loaded")).to_have_count(8)


def results(visitor):
    visitor.go(f"/?id=red-0&of=images&box=0.1,0.1,0.9,0.8&filter={FEW}")
    visitor.settle()
    visitor.with_options()
    visitor.button("filter.add").first.click()
    visitor.expect(visitor.page.locator(".filter-form").first).to_be_visible()


def odd(visitor):
    visitor.go("/?id=long&of=odd&collection=odd")
    visitor.settle()
    visitor.expect(visitor.results).to_have_count(6)


def nothing(visitor):
    visitor.go("/?id=red-0&of=images&collection=empty")
    visitor.settle()


def refused(visitor):
    visitor.go("/?id=nowhere&of=images")
    visitor.expect(visitor.page.get_by_role("alert")).to_be_visible()


def details(visitor):
    visitor.go("/?id=long&of=odd&collection=odd")
    visitor.settle()
    visitor.results.first.locator(".card-picture").click()
    visitor.button("entry.edit", visitor.page.get_by_role("dialog")).click()


def comparison(visitor):
    visitor.go(f"/?id=red-0&of=images&filter={FEW}")
    visitor.settle()
    card = visitor.results.nth(1)
    card.locator(".card-tile").hover()
    card.locator(".card-tools .tool").nth(1).click()
    visitor.expect(visitor.page.locator(".side .is-loaded")).to_have_count(2)


def library(visitor):
    visitor.go(f"/?tab=library&collection=images&filter={FEW}")
    visitor.listed.locator(".card-choice").first.check(force=True)
    visitor.listed.nth(1).locator(".card-tile").hover()


def imports(visitor):
    visitor.go("/?tab=import")
    files = [("a.png", picture(1)), ("a very long name of a picture that has no end.png", b"no picture")]
    visitor.page.set_input_files("#import-file", [{"name": n, "mimeType": "image/png", "buffer": d} for n, d in files])
    visitor.page.locator("#import-collection").select_option("+")
    visitor.field("choice.new.label").fill("looked at")
    visitor.field("import.document.many").fill('{"looked_at": true}')
    visitor.button("import.run", count=2).click()
    card = visitor.page.locator(".job").first
    visitor.expect(card).to_have_attribute("data-state", "succeeded")
    card.locator("summary").click()
    visitor.expect(card.locator(".failure-list li").first).to_be_visible()
    visitor.page.set_input_files("#import-file", {"name": "b.png", "mimeType": "image/png", "buffer": picture(1)})


STATES = (start, results, odd, nothing, refused, details, comparison, library, imports)


@pytest.mark.parametrize("look", [ONE, Look("en", 390, "light")], ids=str)
def test_everyone_can_use_it_and_nothing_runs_over_the_edge(visit, expect, axe, look):
    """English and light, Chinese and dark; where every case is wanted, all four."""
    visitor = visit(None, forgiven=("404", "Failed to load"), fresh=True)
    visitor.page.emulate_media(reduced_motion="reduce")
    for state in STATES:
        state(visitor)
        visitor.page.evaluate(axe)
        for language, scheme in MANNERS:
            visitor.page.evaluate(SPEAK, language)
            visitor.page.emulate_media(color_scheme=scheme)
            place = f"{state.__name__}-{language}-{look.width}-{scheme}"
            found = visitor.page.evaluate(RUN_AXE)
            told = [(one["id"], one["help"], [node["html"][:200] for node in one["nodes"]]) for one in found]
            assert told == [], place
            assert visitor.overflow() <= 0, place
            shoot(visitor, place)
        visitor.page.evaluate(SPEAK, look.language)


def shoot(visitor, name):
    ARTIFACTS.mkdir(exist_ok=True)
    visitor.page.screenshot(path=ARTIFACTS / f"page-{name}.png")


@pytest.mark.parametrize("look", [ONE], ids=str)
def test_the_first_load_is_light_and_names_its_modules(visit, expect):
    visitor = visit(fresh=True)
    expect(visitor.page.locator(".example .is-loaded")).to_have_count(8)
    loaded = {
        urlsplit(url)._replace(scheme="", netloc="").geturl(): size for url, size in visitor.page.evaluate(TRANSFERRED)
    }
    assert len(loaded) > 30
    assert sum(loaded.values()) < FIRST_LOAD, sorted(loaded.items(), key=lambda one: -one[1])[:12]
    named = set(visitor.page.locator("head [href], head [src]").evaluate_all(PATHS))
    texts = {path for path in loaded if "/texts-" in path}
    assert {path for path in loaded if path.endswith(".js")} - texts <= named
    assert len(texts) == 1
    assert {path for path in loaded if not path.startswith(("/static/", "/v1/"))} == {"/"}


def test_nothing_moves_while_results_load(visit, expect):
    visitor = visit(None, fresh=True)
    visitor.page.add_init_script(f"({WATCH_SHIFTS})()")
    visitor.go("/?id=red-0&of=images")
    visitor.settle()
    expect(visitor.results.first.locator(".is-loaded")).to_be_visible()
    for _ in range(4):
        visitor.page.mouse.wheel(0, 2000)
        visitor.page.wait_for_timeout(200)
    expect(visitor.results).to_have_count(60)
    shifts, moved = visitor.page.evaluate("[window.shifts, window.moved]")
    assert shifts == 0, moved


def test_only_the_modern_calls_are_used():
    for file in PAGE.rglob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert "/api/" not in text.replace("/api/page", ""), file
        assert len(text.splitlines()) <= 300, file


@pytest.mark.parametrize("look", [ONE], ids=str)
def test_every_sentence_is_there_in_both_languages_and_used(visit):
    visitor = visit()
    english, chinese = visitor.page.evaluate("""async () => {
      const {english} = await import('/static/core/texts-en.js');
      const {chinese} = await import('/static/core/texts-zh.js');
      return [english, chinese];
    }""")
    assert list(english) == list(chinese)
    gap = re.compile(r"\{(\w+)\}")
    forms = lambda said: [said] if isinstance(said, str) else list(said.values())  # noqa: E731
    for key, said in english.items():
        wanted = {name for form in forms(said) for name in gap.findall(form)}
        assert {name for form in forms(chinese[key]) for name in gap.findall(form)} == wanted, key
    sources = "\n".join(
        file.read_text(encoding="utf-8")
        for file in [*PAGE.rglob("*.js"), PAGE / "index.html"]
        if "texts-" not in file.name
    )
    used = set(re.findall(r"""['"`]([a-z]+(?:\.[a-z_0-9]+)*)['"`]""", sources))
    made = ("error.code.", "filter.", "job.", "compare.")  # put together from a part that varies
    assert [key for key in english if key not in used and not key.startswith(made)] == []
