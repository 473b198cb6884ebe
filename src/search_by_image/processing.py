"""What goes into a processor, and what comes out."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from search_by_image.images import ImageLimits
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.settings.values import user_models
from search_by_image.vectors.base import Vector

Context = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Features:
    """What a processor found: a vector, shape (dimension,), and its collection ('' leaves it as it is)."""

    vector: Vector
    collection: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """The part of a picture that the next processor gets, and the collection it belongs to ('' leaves it as it is)."""

    image: Image.Image
    collection: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Host:
    """What the service offers to a processor.

    `base_path`: where the relative paths in its settings start; `models_path`: the folder with the installed models.
    """

    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    limits: ImageLimits = field(default_factory=ImageLimits)
    base_path: Path = Path()
    models_path: Path = field(default_factory=user_models)
