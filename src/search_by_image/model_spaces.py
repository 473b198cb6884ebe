"""The vector spaces of a library and the models that their vectors are of, connected."""

from dataclasses import dataclass
from typing import Self

from search_by_image.embedding import Embedder
from search_by_image.extraction import Extractor
from search_by_image.indexed import IndexedSpaces
from search_by_image.library_options import LibraryOptions
from search_by_image.records.base import RecordStore
from search_by_image.spaces import SpaceBook
from search_by_image.variant import Remake
from search_by_image.variants import Variants
from search_by_image.vectors.base import VectorIndex


@dataclass(frozen=True, slots=True)
class ModelSpaces:
    """Each of them thread-safe."""

    variants: Variants
    indexed: IndexedSpaces
    book: SpaceBook
    embedder: Embedder

    @classmethod
    def over(
        cls, records: RecordStore, index: VectorIndex, extractor: Extractor, options: LibraryOptions, remake: Remake
    ) -> Self:
        """No store is asked yet."""
        variants = Variants(extractor, remake)
        indexed = IndexedSpaces(records, index, variants.is_warm)
        book = SpaceBook(
            records, indexed, app_name=options.app_name, metric=options.metric, dimension=options.dimension
        )
        embedder = Embedder(extractor, indexed, book, variants, default=options.default_collection)
        return cls(variants, indexed, book, embedder)
