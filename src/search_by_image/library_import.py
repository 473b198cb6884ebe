"""The library as the destination of a folder import: a chunk of pictures is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from search_by_image.errors import SearchByImageError
from search_by_image.folder_import import Source, Tally
from search_by_image.images import ImageLimits
from search_by_image.library import Library
from search_by_image.pictures import Prepared

Known = set[tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class IntoLibrary:
    """Pictures whose bytes the collection holds already are skipped. Raises `UnknownNameError` for the pipeline."""

    library: Library
    pipeline: str

    def __post_init__(self) -> None:
        self.library.extractor.pipeline(self.pipeline)

    @property
    def limits(self) -> ImageLimits:
        return self.library.extractor.limits

    def take(self, sources: Sequence[Source], tally: Tally) -> None:
        known = self.library.known_pictures(self.pipeline, [source.sha256 for source in sources])
        fresh = (source for source in sources if not self._skip(source, known, tally))
        self._write([ready for source in fresh if (ready := self._prepare(source, known, tally)) is not None], tally)

    def _skip(self, source: Source, known: Known, tally: Tally) -> bool:
        likely = source.collection or self.library.options.default_collection
        if (source.sha256, likely) in known or not tally.first_of_its_kind(source.sha256, source.collection):
            tally.skip()
            return True
        return False

    def _prepare(self, source: Source, known: Known, tally: Tally) -> Prepared | None:
        try:
            prepared = self.library.prepare(source.data, source.document, self.pipeline, source.collection)
        except SearchByImageError as error:
            tally.fail(source.path, error)
            tally.forget(source.sha256, source.collection)
            return None
        if prepared.collection == source.collection:
            return prepared
        return None if self._skip(replace(source, collection=prepared.collection), known, tally) else prepared

    def _write(self, prepared: Sequence[Prepared], tally: Tally) -> None:
        if prepared:
            self.library.add_many(prepared)
            tally.add(len(prepared))
