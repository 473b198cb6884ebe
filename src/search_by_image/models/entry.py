"""An entry of the catalogue: a model, what it is good at, what was measured of it, and where it is fetched from."""

from dataclasses import dataclass

from search_by_image.models.description import ModelDescription
from search_by_image.models.sources.base import Source


@dataclass(frozen=True, slots=True)
class Quality:
    """Three sets of photos, leave one out: precision@10, mean average precision; `copies`: recall@1 of eight edits."""

    scenes: tuple[float, float]
    animals: tuple[float, float]
    pets: tuple[float, float]
    copies: float


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """`size`: of its files, in bytes. `sources`: tried one after the other.

    `speed`: of inference alone in f32, against the default model's; 2 is twice as many pictures a second.
    """

    model: ModelDescription
    good_at: str
    size: int
    sources: tuple[Source, ...]
    quality: Quality | None = None
    speed: float | None = None

    @property
    def name(self) -> str:
        return self.model.name
