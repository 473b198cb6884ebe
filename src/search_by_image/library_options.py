"""What a library is set to."""

from dataclasses import dataclass

from search_by_image.vectors.base import Metric


@dataclass(frozen=True, slots=True)
class LibraryOptions:
    """`store_timeout`: seconds that one call waits for its stores, in sum; clearing and maintaining are not bound."""

    app_name: str = "search_by_image"
    default_collection: str = "images"
    collections: tuple[str, ...] = ()
    metric: Metric = Metric.COSINE
    dimension: int | None = None
    top_k: int = 10
    match_score: float = 0.0
    document_bytes: int = 262_144
    store_timeout: float = 30.0
