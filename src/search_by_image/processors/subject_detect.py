"""A picture's subject, found by the user's own object-detection model: the crop goes on, its class is a collection."""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BeforeValidator, Field

from search_by_image.errors import ModelError
from search_by_image.models.description import Layout
from search_by_image.models.graph_files import GraphFile, GraphInput, Size
from search_by_image.models.graph_weights import file_digest
from search_by_image.models.labelmap import read_labelmap
from search_by_image.models.runtime import CompiledModel, fingerprint
from search_by_image.plugins import Host, Processor, Subject
from search_by_image.processors.para import Para, checked
from search_by_image.resizing import squashed

LONGEST_SIDE: Final = 1024
RANGES: Final = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
ON: Final = {"true", "1", "yes", "on"}
OFF: Final = {"false", "0", "no", "off"}
Box = tuple[int, int, int, int]
Numbers = npt.NDArray[np.float64]


def _class_mapping(value: object) -> object:
    """A switch, or class -> collection: `cat:pets, dog:pets`."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() in ON | OFF:
        return value.strip().lower() in ON
    pairs = [pair.partition(":") for pair in value.replace("\n", ",").split(",") if pair.strip()]
    if not all(name.strip() and collection.strip() for name, _, collection in pairs):
        raise ValueError("Allowed: true, false, or which class goes where: cat:pets, dog:pets")
    return {name.strip(): collection.strip() for name, _, collection in pairs}


class DetectPara(Para):
    """`box_format`: the order of a box's four numbers, and whether they are shares or the model's pixels."""

    frozen_graph: Path
    labelmap: Path | None = None
    encoding: str = "utf-8"
    image_size: int | None = Field(default=None, ge=1, le=4096)
    min_score: float = Field(default=0.5, ge=0, le=1)
    input_tensor: str = "image_tensor:0"
    box_tensor: str = "detection_boxes:0"
    class_tensor: str = "detection_classes:0"
    score_tensor: str = "detection_scores:0"
    count_tensor: str = "num_detections:0"
    box_format: Literal[
        "yxyx_relative", "xyxy_relative", "cxcywh_relative", "yxyx_pixels", "xyxy_pixels", "cxcywh_pixels"
    ] = "yxyx_relative"
    input_range: Literal["0..255", "0..1", "-1..1"] = "0..255"
    layout: Layout | None = None
    margin: float = Field(default=0.0, ge=0, le=1)
    centre_share: float = Field(default=1.0, gt=0, le=1)
    class_to_collection: Annotated[bool | dict[str, str], BeforeValidator(_class_mapping)] = True


@dataclass(frozen=True, slots=True)
class Detection:
    """`box`: left, top, right, bottom in pixels of the whole picture, not empty."""

    box: Box
    number: int
    score: float

    @property
    def area(self) -> int:
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


class SubjectDetect(Processor):
    """Crops the picture to its best subject and puts it into that class's collection.

    The best subject has the highest score above `min_score`, and of equal ones the largest box. Without any, the middle
    of the picture goes on (`centre_share` of its width and height), and its collection stays as it is. The output gets
    `subject_class` and `subject_score` ('' and 0.0 without a subject) and `subject_box`, the pixels that were cut out.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self.settings = settings = checked(DetectPara, para, self.processor_name())
        labelmap, file = settings.labelmap, host.base_path / settings.frozen_graph
        self._labels = read_labelmap(host.base_path / labelmap, settings.encoding) if labelmap else {}
        _check_mapping(settings, self._labels)
        graph = GraphFile(file)
        self._size = _input_size(graph, settings)
        low, high = RANGES[settings.input_range]
        source = GraphInput(settings.input_tensor, self._size, settings.layout, low=low, high=high)
        self._model = CompiledModel(graph.model(source, _outputs(graph, settings)), host.runtime)
        self._digest = file_digest(file)

    @property
    def fingerprint(self) -> str:
        """Whatever changes the crop; labels and collections do not."""
        others = self.settings.model_dump(
            mode="json", exclude_defaults=True, exclude={"frozen_graph", "labelmap", "encoding", "class_to_collection"}
        )
        return fingerprint("subject-detect", self._digest, json.dumps(others, sort_keys=True), "v1")

    def process(self, image: Image.Image, _context: MutableMapping[str, Any]) -> Subject:
        found = max(self._detections(image), key=lambda one: (one.score, one.area), default=None)
        if found is None:
            middle = _middle(image.size, self.settings.centre_share)
            return Subject(_cropped(image, middle), extra=_extra("", 0.0, middle))
        label = self._labels.get(found.number, "")
        box = _widened(found.box, self.settings.margin, image.size)
        return Subject(_cropped(image, box), self._collection(label), _extra(label, found.score, box))

    def check(self) -> None:
        self._model.check()

    def _detections(self, image: Image.Image) -> Iterator[Detection]:
        pixels = squashed(image, self._size or _shrunk(image.size))
        outputs = {name: output.astype(np.float64) for name, output in self._model.infer_batched(pixels).items()}
        scores, numbers = outputs["scores"].ravel(), outputs["classes"].ravel()
        boxes = _relative(outputs["boxes"].reshape(-1, 4), self.settings.box_format, (pixels.shape[1], pixels.shape[0]))
        count = int(outputs["count"].ravel()[0]) if "count" in outputs else len(scores)
        for box, number, score in zip(boxes[:count], numbers, scores, strict=False):
            whole = _in_picture(box, image.size)
            if score > self.settings.min_score and whole is not None:
                yield Detection(whole, int(number), float(score))

    def _collection(self, label: str) -> str:
        wanted = self.settings.class_to_collection
        if isinstance(wanted, bool):
            return label if wanted else ""
        collection: str = wanted.get(label, "")
        return collection


def _check_mapping(settings: DetectPara, labels: Mapping[int, str]) -> None:
    wanted = settings.class_to_collection
    unknown = [] if isinstance(wanted, bool) else sorted(wanted.keys() - set(labels.values()))
    if unknown:
        known = ", ".join(labels.values()) or "none"
        raise ModelError(f"class_to_collection names {', '.join(unknown)}; the labelmap's classes: {known}.")


def _input_size(graph: GraphFile, settings: DetectPara) -> Size | None:
    if settings.image_size is not None:
        return settings.image_size, settings.image_size
    return graph.size(settings.input_tensor, settings.layout)


def _outputs(graph: GraphFile, settings: DetectPara) -> dict[str, str]:
    """The number of detections may be missing, unless its tensor is named by the settings."""
    tensors = {"boxes": settings.box_tensor, "classes": settings.class_tensor, "scores": settings.score_tensor}
    if "count_tensor" in settings.model_fields_set or graph.has(settings.count_tensor):
        tensors["count"] = settings.count_tensor
    return tensors


def _shrunk(size: Size) -> Size:
    share = min(LONGEST_SIDE / max(size), 1)
    return max(round(size[0] * share), 1), max(round(size[1] * share), 1)


def _relative(boxes: Numbers, box_format: str, size: Size) -> Numbers:
    """Left, top, right, bottom as shares of the picture."""
    order, unit = box_format.split("_")
    if order == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    elif order == "cxcywh":
        half = boxes[:, 2:] / 2
        boxes = np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])
    return boxes / [*size, *size] if unit == "pixels" else boxes


def _in_picture(box: Numbers, size: Size) -> Box | None:
    """None for a box outside of the picture, without an area, or of numbers that are not finite."""
    if not np.isfinite(box).all():
        return None
    left, top, right, bottom = (round(place) for place in np.clip(box, 0, 1) * [*size, *size])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _widened(box: Box, margin: float, size: Size) -> Box:
    left, top, right, bottom = box
    across, down = round((right - left) * margin), round((bottom - top) * margin)
    return max(left - across, 0), max(top - down, 0), min(right + across, size[0]), min(bottom + down, size[1])


def _middle(size: Size, share: float) -> Box:
    width, height = (max(round(side * share), 1) for side in size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def _cropped(image: Image.Image, box: Box) -> Image.Image:
    return image if box == (0, 0, *image.size) else image.crop(box)


def _extra(label: str, score: float, box: Box) -> dict[str, Any]:
    return {"subject_class": label, "subject_score": score, "subject_box": box}
