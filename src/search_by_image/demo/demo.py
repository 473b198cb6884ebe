"""The demo's pictures, its library, and what they add to the service."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from platformdirs import user_cache_path
from sqlalchemy import URL

from search_by_image.assembly import worker_count
from search_by_image.demo.own_pictures import own_document
from search_by_image.demo.photos import CREDITS, fetch_photos
from search_by_image.demo.routes import add_demo_routes
from search_by_image.engine import SearchEngine
from search_by_image.errors import InvalidInputError, VectorMismatchError
from search_by_image.folder_import import FolderImport, ImportSummary, Progress, picture_files
from search_by_image.library import Library
from search_by_image.library_import import IntoLibrary
from search_by_image.settings import Settings

IMPORTED = "imported.txt"
FAILURES = "import-failures.jsonl"


@dataclass(frozen=True, slots=True)
class Demo:
    """`settings`: with stores of the demo's own; `home`: the folder of those; `shipped`: the photos are ours."""

    settings: Settings
    photos: Path
    home: Path
    shipped: bool

    @property
    def pipeline(self) -> str:
        return next(iter(self.settings.pipeline.pipeline_config))

    @property
    def collection(self) -> str:
        return self.settings.search_config.default_collection

    @property
    def sample(self) -> Path | None:
        """A picture to try a search with."""
        if self.shipped:
            return self.photos / "dog" / "01.jpg"
        return next((file for file in picture_files(self.photos) if file.is_file()), None)

    def fill(self, engine: SearchEngine, on_progress: Callable[[Progress], None] | None = None) -> ImportSummary:
        """Import what the library lacks; when the photos are as they were after the last import, do nothing."""
        library, files = engine.library, picture_files(self.photos)
        _clear_outdated(library)
        listing = _listing(files, self.pipeline, self.collection)
        if library.count() and _read(self.home / IMPORTED) == listing:
            return ImportSummary(0, len(files), 0, 0.0)
        summary = self._import(library, on_progress)
        (self.home / IMPORTED).write_text(listing, encoding="ascii")
        return summary

    def add_routes(self, app: FastAPI) -> None:
        """Serve the photos below /demo/photos and, of ours, the credits at /demo/credits."""
        add_demo_routes(app, self.photos, self.photos / CREDITS if self.shipped else None)

    def _import(self, library: Library, on_progress: Callable[[Progress], None] | None) -> ImportSummary:
        job = FolderImport(
            IntoLibrary(library, self.pipeline),
            collection=self.collection,
            threads=worker_count(self.settings),
            report=self.home / FAILURES,
            on_progress=on_progress,
            describe=None if self.shipped else own_document,
        )
        return job.run(self.photos)


def prepare_demo(settings: Settings, *, cache: Path | None = None, photos: Path | None = None) -> Demo:
    """The demo over our photos, fetched into `cache` (None: the user's), or over the user's folder `photos`.

    Raises `DownloadError`, and `InvalidInputError` when `photos` is no folder.
    """
    cache = demo_cache() if cache is None else cache
    if photos is None:
        return _demo(settings, fetch_photos(cache), cache / "library", shipped=True)
    if not photos.is_dir():
        raise InvalidInputError(f"{str(photos)!r} is not a folder. Give one with pictures, at any depth.")
    own = photos.resolve()
    return _demo(settings, own, cache / "libraries" / _short_hash([bytes(own)]), shipped=False)


def demo_cache() -> Path:
    return user_cache_path("search-by-image") / "demo"


def _demo(settings: Settings, photos: Path, home: Path, *, shipped: bool) -> Demo:
    home.mkdir(parents=True, exist_ok=True)
    records = URL.create("sqlite", database=str(home / "records.db")).render_as_string()
    own = {
        "records": settings.records.model_copy(update={"url": records}),
        "jobs": settings.jobs.model_copy(update={"spool_path": home / "jobs"}),
        "vectors": settings.vectors.model_copy(update={"path": home / "vectors"}),
        "mongodb": None,
        "milvus": settings.milvus.model_copy(update={"host": None, "uri": None}),
        "enable_client": True,
        "static_path": None,
    }
    return Demo(settings.model_copy(update=own), photos, home, shipped)


def _clear_outdated(library: Library) -> None:
    """Vectors that another version of a pipeline made can be compared with nothing; the photos are still there."""
    try:
        for space in library.spaces():
            if space.pipeline in library.pipelines:
                library.variants.of(space)
    except VectorMismatchError:
        library.clear()


def _listing(files: Iterable[Path], *names: str) -> str:
    """Another one whenever a file is new, gone or changed."""
    return _short_hash([*(name.encode() for name in names), *(_facts(file) for file in files)])


def _facts(file: Path) -> bytes:
    try:
        stat = file.stat()
    except OSError:  # a broken link, such as an editor leaves
        return bytes(file)
    return b"%s %d %d" % (bytes(file), stat.st_size, stat.st_mtime_ns)


def _short_hash(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.is_file() else ""
