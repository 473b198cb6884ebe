"""Processors in the typed form, called as those of the contract are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from search_by_image.errors import PluginError
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.plugins import Context, Features, Processor, Subject

DRAFT_FACTOR = 2


@dataclass(frozen=True, slots=True)
class TypedExecution:
    """A typed processor behind the contract's calling form: opens the picture, merges the features into the output."""

    processor: Processor
    limits: ImageLimits

    def __call__(self, input_data: Any, context: Context, _run: Any) -> dict[str, Any]:
        made: object = self.processor.process(self._opened(input_data), context)
        if isinstance(made, Image.Image):
            return {**input_data, "opened": made}
        if not isinstance(made, Features | Subject):
            raise PluginError(
                f"{self._name}.process answered {type(made).__name__}; let it answer Features, a Subject or a PIL image"
            )
        output = {**input_data, **made.extra, "collection": made.collection or input_data.get("collection", "")}
        if isinstance(made, Subject):
            return {**output, "opened": made.image}
        return {**output, "vertor": made.vector, "vector": made.vector}

    @property
    def _name(self) -> str:
        return self.processor.processor_name()

    def _opened(self, data: Any) -> Image.Image:
        given = data if isinstance(data, Mapping) else {}
        opened, raw = given.get("opened"), given.get("image")
        for picture in (opened, raw):
            if isinstance(picture, Image.Image):
                return picture
        if not isinstance(raw, bytes | bytearray | memoryview):
            raise PluginError(
                f"{self._name} needs a dict with the picture's bytes as 'image', or a PIL image as 'opened'; "
                f"it got {_shape(data)}"
            )
        size = self.processor.image_size
        return open_rgb(bytes(raw), self.limits, at_least=DRAFT_FACTOR * size if size else None)


def _shape(data: Any) -> str:
    """What it is, without what it holds."""
    if not isinstance(data, Mapping):
        return type(data).__name__
    return f"a dict of {', '.join(f'{key!r} ({type(value).__name__})' for key, value in data.items())}"
