"""The library of the settings: opened when it is needed, and closed by whoever opened the place."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from search_by_image.cli.conditions import Condition
from search_by_image.cli.opening import bytes_of, opened_engine, pipeline_of
from search_by_image.cli.places.base import Folder, Listed, Matches, Query, Similar, Wanted
from search_by_image.settings import Settings

if TYPE_CHECKING:
    from search_by_image.engine import SearchEngine
    from search_by_image.filters import Filter
    from search_by_image.folder_import import ImportSummary, Progress
    from search_by_image.pictures import Hit
    from search_by_image.records.base import Match, SpaceRecord, Stored

SHOWN = ("records/url", "vectors/path", "models/cache_path")


class LibraryPlace:
    """`opened` closes it."""

    where = ""

    def __init__(self, settings: Settings, opened: ExitStack) -> None:
        self._settings = settings
        self._opened = opened
        self._held: SearchEngine | None = None

    def import_folder(self, folder: Folder, on_progress: "Callable[[Progress], None]") -> "ImportSummary":
        return self._engine(maintain=True).import_images(
            folder.path,
            pipeline_of(self._settings, folder.pipeline),
            folder.encoding,
            collection=folder.collection,
            report=folder.report,
            on_progress=on_progress,
        )

    def search(self, picture: str | None, query: Query) -> Matches:
        name = pipeline_of(self._settings, query.pipeline)
        image = None if picture is None else bytes_of(picture, self._settings)
        only_picture = image is not None and query.text is None
        hits = self._by_picture(image or b"", name, query) if only_picture else self._with_text(image, name, query)
        return Matches(name, [Similar(hit.id, hit.collection, hit.document, hit.score, hit.distance) for hit in hits])

    def _by_picture(self, image: bytes, pipeline: str, query: Query) -> "list[Hit]":
        """The pipeline may choose the collection."""
        return self._engine().library.search(
            image,
            pipeline,
            query.collection,
            top_k=query.top_k,
            min_score=query.min_score,
            where=self._filter(query.where),
        )

    def _with_text(self, image: bytes | None, pipeline: str, query: Query) -> "list[Hit]":
        from search_by_image.similar import Example, PictureExample, TextExample, Wanted

        library = self._engine().library
        options = library.options
        wanted = Wanted(
            limit=options.top_k if query.top_k is None else query.top_k,
            min_score=options.match_score if query.min_score is None else query.min_score,
            where=self._filter(query.where),
        )
        by_picture = [] if image is None else [PictureExample(image)]
        examples: list[Example] = [*by_picture, TextExample(query.text or "")]
        collection = query.collection or options.default_collection
        return library.similar.search(examples, pipeline, [collection], wanted).hits

    def count(self, wanted: Wanted) -> int:
        return self._engine().library.count(self._match(wanted))

    def page(self, wanted: Wanted, *, number: int, size: int) -> list[Listed]:
        return _listed(self._engine().library.numbered_page(self._match(wanted), number=number, size=size))

    def remove(self, wanted: Wanted) -> list[Listed]:
        return _listed(self._engine().library.remove(self._match(wanted)))

    def clear(self) -> None:
        self._engine().clear_search_db()

    def facts(self) -> dict[str, Any]:
        from search_by_image.records.base import Match
        from search_by_image.settings import settings_rows

        library = self._engine().library
        values = {row.path: row.value for row in settings_rows(self._settings)}
        return {
            "version": version("search-by-image"),
            "server": None,
            "settings_file": str(self._settings.source) if self._settings.source else None,
            "settings": {path: values[path] for path in SHOWN},
            "pipelines": list(library.pipelines),
            "default_collection": library.options.default_collection,
            "collections": {name: library.count(Match(collection=name)) for name in library.collections()},
            "images": library.count(),
            "models": _models(library.spaces()),
        }

    def _match(self, wanted: Wanted) -> "Match":
        from search_by_image.records.base import Match

        return Match(self._filter(wanted.where), wanted.collection or None)

    def _filter(self, where: Condition | None) -> "Filter | None":
        from search_by_image.filters import parse_filter

        most = self._settings.limits.filter_conditions
        return None if where is None else parse_filter(where, max_conditions=most)

    def _engine(self, *, maintain: bool = False) -> "SearchEngine":
        if self._held is None:
            self._held = self._opened.enter_context(opened_engine(self._settings, maintain=maintain))
        return self._held


def _models(spaces: "Sequence[SpaceRecord]") -> dict[str, str]:
    """Those that were switched to: by the collection and pipeline that they serve."""
    from search_by_image.variant import model_of

    named = {f"{space.collection} ({space.pipeline})": model_of(space) for space in spaces}
    return {place: name for place, name in sorted(named.items()) if name}


def _listed(found: "Sequence[Stored]") -> list[Listed]:
    return [Listed(one.id, one.collection, one.document) for one in found]
