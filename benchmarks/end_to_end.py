"""Importing a folder and searching it, from files to both stores and back, beside pure inference in the same run."""

import tempfile
from itertools import count
from pathlib import Path

from benchmarks.inference import pixels_of, pure
from benchmarks.measure import Row, cpu_ms, rates
from benchmarks.photos import demo_photos
from search_by_image.assembly import open_engine
from search_by_image.engine import SearchEngine
from search_by_image.settings import load_settings

PIPELINE = "DemoSearch"
PHOTOS = 900


def engine_in(folder: Path) -> SearchEngine:
    stores = {"records/url": f"sqlite:///{folder / 'records.db'}", "vectors/path": str(folder / "vectors")}
    return open_engine(load_settings(environ={}, overrides=stores))


def rows() -> list[Row]:
    photos = demo_photos(PHOTOS)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, photo in enumerate(photos):
            (folder / f"{number:04}.jpg").write_bytes(photo)
        with engine_in(folder / "imported") as engine:
            imported = _import(engine, folder, photos)
        with engine_in(folder / "searched") as engine:
            return [imported, _search(engine, folder, photos)]


def _import(engine: SearchEngine, folder: Path, photos: list[bytes]) -> Row:
    collections = count()

    def work() -> int:
        engine.library.extractor.forget()
        return engine.import_images(folder, PIPELINE, collection=f"round-{next(collections)}").imported

    bound, ours = rates([pure(pixels_of(photos)), work])
    return Row(
        "import of a folder",
        f"{ours:.0f}/s",
        f"pure {bound:.0f}/s",
        ours / bound,
        "files to both stores, wanted >= 0.85",
    )


def _search(engine: SearchEngine, folder: Path, photos: list[bytes]) -> Row:
    engine.import_images(folder, PIPELINE)
    queries = photos[:100]

    def search() -> int:
        engine.library.extractor.forget()
        for photo in queries:
            engine.search(photo, PIPELINE)
        return len(queries)

    def extract() -> int:
        engine.library.extractor.forget()
        for photo in queries:
            engine.library.extractor.extract(photo, PIPELINE)
        return len(queries)

    search()
    whole, alone = cpu_ms([search, extract])
    return Row(
        "search, in the process", f"{whole:.2f} ms CPU", f"extract {alone:.2f} ms", alone / whole, "share of extraction"
    )
