"""What goes into the library and what comes out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar

from search_by_image.records.base import Record, SpaceRecord, Stored
from search_by_image.records.seconds import Second
from search_by_image.vectors.base import Metric, Neighbour, Vector

InSpace = TypeVar("InSpace", Record, Stored)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture ready to be written; `vector` has the shape (dimension,), `sha256` is of the picture's bytes.

    `image`: these bytes, for a model that is switched to before the picture is written.
    """

    pipeline: str
    space: str
    collection: str
    document: Mapping[str, Any]
    vector: Vector
    sha256: bytes
    second: Second | None = None
    image: bytes = field(default=b"", repr=False)

    def record(self, id_: int, created: datetime) -> Record:
        return Record(
            id=id_,
            collection=self.collection,
            pipeline=self.pipeline,
            space=self.space,
            document=self.document,
            vector=self.vector,
            sha256=self.sha256,
            created=created,
            second=self.second,
        )


@dataclass(frozen=True, slots=True)
class Added:
    id: int
    collection: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A similar picture. `score` is 0..1, `distance` the metric's."""

    stored: Stored
    score: float
    distance: float

    @property
    def id(self) -> int:
        return self.stored.id

    @property
    def collection(self) -> str:
        return self.stored.collection

    @property
    def document(self) -> Mapping[str, Any]:
        return self.stored.document

    @classmethod
    def of(cls, neighbour: Neighbour, stored: Stored, space: SpaceRecord) -> Self:
        score = Metric(space.metric).score(neighbour.distance, space.dimension)
        return cls(stored, score, neighbour.distance)


def by_space(members: Iterable[InSpace]) -> dict[str, list[InSpace]]:
    """Records by the name of their vector space, in their order."""
    grouped: defaultdict[str, list[InSpace]] = defaultdict(list)
    for member in members:
        grouped[member.space].append(member)
    return grouped
