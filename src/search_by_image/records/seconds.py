"""Second vectors of pictures: by another model than their first, in a space that is to succeed their own."""

from dataclasses import dataclass
from typing import Protocol

from search_by_image.vectors.base import Ids, Vector, Vectors


@dataclass(frozen=True, slots=True)
class Second:
    """`vector`, shape (dimension,), in the vector space of that name."""

    space: str
    vector: Vector


class SecondVectors(Protocol):
    """Thread-safe; a part of the record store. A picture has one second vector at most, and it goes with the picture.

    Raises `StoreUnavailableError` when the store does not answer, `StoreError` for a refusal.
    """

    def ids(self, space: str) -> Ids:
        """The pictures, in any state, that have their second vector in the space, sorted."""
        ...

    def put(self, space: str, ids: Ids, vectors: Vectors) -> None:
        """Durably give each of the ids its row of `vectors`, shape (n, dimension), in place of one it may have.

        Nothing for those that are gone, are being removed, or have their first vector in the space.
        """
        ...

    def make_first(self, space: str, ids: Ids) -> None:
        """The second vector becomes the only one, of those of the ids that have it in the space; in one step each."""
        ...

    def drop(self, space: str, ids: Ids) -> None:
        """Those of the ids that have their second vector in the space have it no more."""
        ...
