"""A real Chromium before the real service."""

import os
import shutil

import pytest

from browser.site import page_site
from browser.visitor import Look, Visitor

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
LOOKS = (Look("en", 1440, "light"), Look("zh", 390, "dark"))
"""Every function is tried in each of these; test_look.py looks at every view in all eight."""


def missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser():
    """Ends with these tests: Playwright's event loop would refuse those of others in the same thread."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: pip install 'search-by-image[test]'")
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("there is no chromium on the PATH: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def expect(browser):
    from playwright.sync_api import expect

    expect.set_options(timeout=15_000)
    return expect


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    with page_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(params=LOOKS, ids=str)
def look(request):
    return request.param


@pytest.fixture(scope="package")
def tab(browser, site):
    """One for each look: to open another takes as long as to visit the page."""
    opened = {}

    def of(look):
        if look not in opened:
            opened[look] = browser.new_context(base_url=site.url, **look.options()).new_page()
        return opened[look]

    yield of
    for page in opened.values():
        page.context.close()


@pytest.fixture
def visit(browser, site, expect, look, tab):
    """Visits: none may make the page complain, or ask another host. `fresh`: by a browser that was never here."""
    contexts, visitors = [], []

    def opened(url, fresh):
        if fresh or url != site.url:
            contexts.append(browser.new_context(base_url=url, **look.options()))
            return contexts[-1].new_page()
        usual = tab(look)
        return usual.context.new_page() if any(one.page is usual for one in visitors) else usual

    def visited(path="/", *, forgiven=(), url=site.url, fresh=False):
        visitor = Visitor(opened(url, fresh), site, expect, url, forgiven)
        visitors.append(visitor)
        return visitor.go(path) if path else visitor

    yield visited
    for visitor in visitors:
        visitor.leave(close=visitor.page is not tab(look))
    for context in contexts:
        context.close()
    assert [wrong for visitor in visitors for wrong in visitor.wrongs] == []
