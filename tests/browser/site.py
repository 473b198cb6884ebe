"""The real service with pictures made up for the page: their kinds, and the odd ones among them."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.staticfiles import StaticFiles

from cheap_library import open_library, picture
from search_by_image.api.app import create_app
from search_by_image.engine import SearchEngine
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.jobs.jobs import Jobs
from search_by_image.jobs.options import JobOptions
from search_by_image.library import Library
from serving import serving

KINDS = ("red", "green", "blue")
COUNT = 60
LONG = "A very long name that no card has room for, " * 6
SIZES = {"tall": (20, 400), "wide": (400, 20)}


@dataclass(frozen=True)
class Site:
    """`url` without a slash at its end; `pictures`: a folder whose files are at `/pictures`."""

    url: str
    library: Library
    pictures: Path
    jobs: Jobs

    def put(self, collection: str, key: str, data: bytes, document: dict) -> None:
        prepared = self.library.prepare(data, document, "Thumb", collection, pinned=True)
        self.library.keyed.put(key, prepared)

    def document(self, collection: str, key: str) -> dict:
        return dict(self.library.keyed.find(collection, key).document)


def tinted(seed: int, kind: str, size: tuple[int, int] = (96, 96)) -> bytes:
    """A random picture in one colour, so that kinds are near each other."""
    noise = np.asarray(Image.open(io.BytesIO(picture(seed))).resize((8, 8)), np.float32) * 0.35
    noise[..., KINDS.index(kind)] += 160
    buffer = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def halves(left: bytes, right: bytes) -> bytes:
    """The two side by side in one picture."""
    both = Image.new("RGB", (192, 96))
    for at, data in enumerate((left, right)):
        both.paste(Image.open(io.BytesIO(data)).resize((96, 96), Image.Resampling.NEAREST), (96 * at, 0))
    buffer = io.BytesIO()
    both.save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def page_site(folder: Path) -> Iterator[Site]:
    pictures = folder / "pictures"
    pictures.mkdir()
    with ExitStack() as opened:
        library = open_library(folder, collections=("images", "odd", "empty"))
        engine = opened.enter_context(SearchEngine(library))
        fetcher = opened.enter_context(UrlFetcher(FetchSettings(allow_private=True, allowed_ports=(), timeout=5)))
        options = JobOptions(folder / "spool", poll=0.05, alone=True, batch=4, heartbeat=1.0)
        jobs = opened.enter_context(Jobs(library, fetcher, options))
        app = create_app(engine, fetcher, jobs=jobs)
        app.mount("/pictures", StaticFiles(directory=pictures), "pictures")
        site = Site(opened.enter_context(serving(app)), library, pictures, jobs)
        fill(site)
        yield site


def fill(site: Site) -> None:
    for n in range(COUNT):
        kind = KINDS[n % len(KINDS)]
        add_shown(site, "images", f"{kind}-{n}", tinted(n, kind), kind=kind, price=n, name=f"{kind} {n}")
    for shape, size in SIZES.items():
        add_shown(site, "odd", shape, tinted(1, "green", size), name=shape)
    add_shown(site, "odd", "long", tinted(2, "green"), name=LONG, credit={"author": LONG, "licence": "CC BY 2.0"})
    add_shown(site, "odd", "漢字", tinted(3, "green"), name="一只坐在窗台上晒太阳的橘猫，看着院子里的麻雀飞来飞去" * 2)
    site.put("odd", "missing", tinted(4, "green"), {"id": "missing"})
    site.put("odd", "broken", tinted(5, "green"), {"id": "broken", "url": "/pictures/nowhere.png"})


def add_shown(site: Site, collection: str, key: str, data: bytes, **fields: object) -> None:
    """With a picture that can be seen."""
    name = f"{collection}-{key}.png"
    (site.pictures / name).write_bytes(data)
    site.put(collection, key, data, {"id": key, "url": f"/pictures/{name}", **fields})
