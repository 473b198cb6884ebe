"""A picture searched for by the model whose vectors are searched, also while another takes its place."""

from search_by_image.embedding import Admit, Embedder
from search_by_image.errors import StoreUnavailableError
from search_by_image.filters import Filter
from search_by_image.nearest import Finder
from search_by_image.pictures import Hit

ATTEMPTS = 5


class PictureSearch:
    """Thread-safe."""

    def __init__(self, embedder: Embedder, finder: Finder) -> None:
        self._embedder = embedder
        self._finder = finder

    def nearest(
        self,
        image: bytes,
        pipeline: str,
        collection: str,
        admit: Admit,
        *,
        top_k: int,
        where: Filter | None,
    ) -> tuple[str, list[Hit]]:
        """The collection that counts, and its nearest pictures; none where nothing was imported by the pipeline.

        From the beginning again where the space is gone by then, as at the end of a switch to another model.
        """
        for _ in range(ATTEMPTS):
            placed = self._embedder.placed_for_search(image, pipeline, collection, admit)
            if placed.space is None:
                return placed.collection, []
            hits = self._finder.nearest(placed.space, placed.vector, top_k, where)
            if hits is not None:
                return placed.collection, hits
        raise StoreUnavailableError(f"Collection {placed.collection!r} is being cleared all the time. Try again.")
