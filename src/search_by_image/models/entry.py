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
class Speed:
    """Pictures a second on two cores of an AMD Zen 4, inference alone."""

    f32: float
    bf16: float


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """`size`: of its files, in bytes. `sources`: tried one after the other."""

    model: ModelDescription
    good_at: str
    size: int
    sources: tuple[Source, ...]
    quality: Quality | None = None
    speed: Speed | None = None

    @property
    def name(self) -> str:
        return self.model.name
