"""The tour of the page in docs/images: the demo, as it looks in each language."""

import io
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright
from tests.serving import serving

from search_by_image.api.app import create_app
from search_by_image.assembly import open_engine
from search_by_image.demo import demo_cache, fetch_photos, prepare_demo
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions
from search_by_image.settings import load_settings

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDE, PHONE = (1440, 900), (390, 844)
LOCALES = {"": "en-US", "-zh": "zh-CN"}
QUALITY = 80
Page = Any


@dataclass(frozen=True)
class Tour:
    url: str
    cats: list[Path]


@contextmanager
def demo_tour() -> Iterator[Tour]:
    with ExitStack() as opened:
        home = Path(opened.enter_context(TemporaryDirectory()))
        photos = fetch_photos(demo_cache())
        (home / photos.name).symlink_to(photos)
        demo = prepare_demo(load_settings(environ={}), cache=home)
        engine = opened.enter_context(open_engine(demo.settings))
        demo.fill(engine)
        fetcher = opened.enter_context(UrlFetcher(FetchSettings()))
        jobs = opened.enter_context(Jobs(engine.library, fetcher, JobOptions(home / "spool", alone=True)))
        app = create_app(engine, fetcher, jobs=jobs)
        demo.add_routes(app)
        yield Tour(opened.enter_context(serving(app)), sorted((demo.photos / "cat").glob("*.jpg")))


def searched(page: Page, tour: Tour) -> None:
    page.goto("/")
    page.set_input_files("#search-file", str(tour.cats[4]))
    page.locator("#search-results .is-loaded").nth(7).wait_for()


def search(page: Page, tour: Tour) -> None:
    searched(page, tour)
    drag(page, ".crop-sw", 0.12, -0.3)
    page.wait_for_url(re.compile("box="))
    page.wait_for_timeout(800)
    page.locator("#search-results .card-tile").nth(1).hover()


def drag(page: Page, handle: str, across: float, down: float) -> None:
    frame, box = page.locator(".crop").bounding_box(), page.locator(handle).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across * frame["width"], y + down * frame["height"], steps=5)
    page.mouse.up()


def compare(page: Page, tour: Tour) -> None:
    searched(page, tour)
    page.locator("#search-results .card-tile").nth(1).hover()
    page.locator("#search-results .card-tools").nth(1).locator(".tool").nth(1).click()
    page.locator(".side .is-loaded").nth(1).wait_for()


def library(page: Page, _tour: Tour) -> None:
    page.goto('/?tab=library&filter={"kind":{"$in":["cat","dog"]}}')
    page.locator("#library-list .is-loaded").nth(9).wait_for()
    for at in (1, 2, 6):
        page.locator("#library-list .card-choice").nth(at).check(force=True)
    page.mouse.move(5, 500)


def imports(page: Page, tour: Tour) -> None:
    page.goto("/?tab=import")
    page.locator("#import:not([inert])").wait_for()
    broken = {"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    files = [{"name": cat.name, "mimeType": "image/jpeg", "buffer": cat.read_bytes()} for cat in tour.cats[:12]]
    page.set_input_files("#import-file", [*files, broken])
    page.locator("#import-document").fill('{"kind": "cat", "shelf": 3}')
    page.locator("#import-collection").select_option("+")
    page.locator("#import-new-name").fill("pets")
    page.locator("#import-run").click()
    page.locator(".job").first.locator("summary").click()
    page.locator(".failure-list li").first.wait_for()
    page.set_input_files("#import-file", files[3:11])
    page.locator("#tray-pictures .is-loaded").nth(7).wait_for()


def phone(page: Page, tour: Tour) -> None:
    searched(page, tour)


@dataclass(frozen=True)
class Shot:
    name: str
    prepare: Callable[[Page, Tour], None]
    size: tuple[int, int] = WIDE
    scheme: str = "light"
    whole: bool = False


SHOTS = (
    Shot("search", search),
    Shot("compare", compare, scheme="dark"),
    Shot("library", library),
    Shot("import", imports, whole=True),
    Shot("phone", phone, PHONE, "dark"),
)


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no chromium on the PATH: apt install chromium")
        return 1
    with demo_tour() as tour, sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for suffix, locale in LOCALES.items():
            for shot in SHOTS:
                take(browser, tour, shot, locale, IMAGES / f"{shot.name}{suffix}.webp")
        browser.close()
    return 0


def take(browser: Any, tour: Tour, shot: Shot, locale: str, file: Path) -> None:
    viewport = {"width": shot.size[0], "height": shot.size[1]}
    context = browser.new_context(
        base_url=tour.url,
        viewport=viewport,
        locale=locale,
        color_scheme=shot.scheme,
        has_touch=shot.size == PHONE,
        reduced_motion="reduce",
    )
    page = context.new_page()
    shot.prepare(page, tour)
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=shot.whole)))
    picture.convert("RGB").save(file, "WEBP", quality=QUALITY, method=6)
    print(f"{file.name}: {file.stat().st_size // 1000} kB")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
