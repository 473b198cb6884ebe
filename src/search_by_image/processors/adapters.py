"""Between the contract's standard input and output and plug-ins that take an open picture and give plain arrays.

    {"1": {"name": "open", "processor": "OpenImage"},
     "2": {"name": "describe", "processor": "MyOwn"},
     "3": {"name": "answer", "processor": "ToStandardOutput"}}

`MyOwn.execute` finds the open picture as `input_data["opened"]` and answers with an array, or a dict that holds one.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from search_by_image.errors import PluginError
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.plugins import Context, PipelineProcesser
from search_by_image.processors.para import Para, checked

STANDARD_INPUT = "standard_input"
VECTOR_KEYS = ("vertor", "vector")


class OpenImagePara(Para):
    key: str = Field("opened", min_length=1)
    image_size: int | None = Field(None, ge=1, le=4096)
    max_pixels: int = Field(ImageLimits().max_pixels, ge=1)


class OpenImage(PipelineProcesser):
    """Opens the picture's bytes: adds an upright RGB `PIL.Image.Image` to the input under `key` (`opened`).

    The typed processors take an `opened` picture as theirs. `key` may be `image`, for plug-ins that expect the picture
    there; `ToStandardOutput` puts the bytes back. `image_size`: the side that the next processors shrink to, so that a
    large JPEG is decoded smaller, never below twice this. `max_pixels`: pictures of more are refused here, whatever the
    service lets in.
    """

    @classmethod
    def initialize(cls) -> None:
        checked(OpenImagePara, cls.para, cls.processer_name())

    @classmethod
    def processer_name(cls) -> str:
        return "OpenImage"

    @classmethod
    def execute(cls, input_data: Any, context: Context, _pipeline_obj: Any) -> dict[str, Any]:
        """Raises `ImageError` for bytes that are no picture."""
        para = checked(OpenImagePara, cls.para, cls.processer_name())
        data = input_data["image"]
        at_least = 2 * para.image_size if para.image_size else None
        opened = open_rgb(data, ImageLimits(len(data), para.max_pixels), at_least=at_least)
        context[STANDARD_INPUT] = {"image": data, "collection": input_data.get("collection", "")}
        return {**input_data, para.key: opened}


class StandardOutputPara(Para):
    vector_key: str = ""
    collection_key: str = Field("collection", min_length=1)


class ToStandardOutput(PipelineProcesser):
    """Ends a pipeline: makes `{'collection', 'image', 'vertor'}` of what the node before it gave.

    That is a dict, whose vector is under `vector_key` (without it: `vertor` or `vector`) and whose collection under
    `collection_key` (`collection`; a classifier's class, for instance), or the vector itself. What it lacks, `image`
    (the bytes) and the collection, is as `OpenImage` got it.
    """

    @classmethod
    def initialize(cls) -> None:
        checked(StandardOutputPara, cls.para, cls.processer_name())

    @classmethod
    def processer_name(cls) -> str:
        return "ToStandardOutput"

    @classmethod
    def execute(cls, input_data: Any, context: Context, _pipeline_obj: Any) -> dict[str, Any]:
        """Raises `PluginError` when there is no vector."""
        para = checked(StandardOutputPara, cls.para, cls.processer_name())
        given = input_data if isinstance(input_data, Mapping) else {VECTOR_KEYS[0]: input_data}
        begun = context.get(STANDARD_INPUT, {})
        return {
            "collection": given.get(para.collection_key) or begun.get("collection", ""),
            "image": begun.get("image", given.get("image", b"")),
            "vertor": _vector(given, (para.vector_key,) if para.vector_key else VECTOR_KEYS),
        }


def _vector(given: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    found = next((given[key] for key in keys if given.get(key) is not None), None)
    if found is None:
        raise PluginError(
            f"ToStandardOutput found no vector under {' or '.join(map(repr, keys))}; there are: "
            f"{', '.join(map(repr, given)) or 'no keys'}. Name the right one in its setting vector_key."
        )
    return found
