"""What of a configured pipeline is another for the vectors of a space: after a switch to another model."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search_by_image.errors import InvalidInputError
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import SpaceRecord


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replacement(_Part):
    """A processor with all of its settings; without any: with those that it is configured with."""

    processor: str = Field(min_length=1)
    para: dict[str, Any] = Field(default_factory=dict)


class Variant(_Part):
    """What of a configured pipeline is another: by a processor's name, what stands in its place.

    `model`: what people call it. `configured`: the fingerprint of the pipeline as it was configured at the switch; the
    variant counts only as long as the configuration says the same.
    """

    model: str
    configured: str
    processors: dict[str, Replacement] = Field(min_length=1)

    @classmethod
    def of(cls, space: SpaceRecord) -> Self | None:
        """None where the space's vectors are of the pipeline as configured. Raises `InvalidInputError`."""
        if space.variant is None:
            return None
        try:
            return cls.model_validate_json(space.variant)
        except ValidationError as error:
            raise InvalidInputError(
                f"What is recorded of the model of collection {space.collection!r} was written by another version of "
                "search-by-image. Install that one, or a newer one."
            ) from error


Remake = Callable[[Pipeline, Variant], Pipeline]
"""The pipeline with what the variant puts in place. Raises `ConfigError`."""


def model_of(space: SpaceRecord) -> str | None:
    """What people call the model that the space was switched to; None where it is that of the configuration."""
    variant = Variant.of(space)
    return None if variant is None else variant.model


def processors_of(text: str) -> Mapping[str, Replacement]:
    """From JSON, such as {"Old": {"processor": "New", "para": {}}}. Raises `InvalidInputError`."""
    try:
        return Variant.model_validate_json(f'{{"model": "", "configured": "", "processors": {text}}}').processors
    except ValidationError as error:
        raise InvalidInputError(
            f"{text!r} does not say what stands in place of a processor. Give JSON such as "
            '{"EfficientNetLite0": {"processor": "InceptionV4Vertor", "para": {}}}.'
        ) from error
