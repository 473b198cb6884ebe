"""Inception v4 from the user's own model file: the 2020 service's features, and its classifier."""

import logging
import math
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import openvino as ov
from PIL import Image
from pydantic import Field

from search_by_image.errors import ModelError
from search_by_image.models.description import Layout
from search_by_image.models.graph_files import GraphFile, GraphInput
from search_by_image.models.graph_weights import file_digest
from search_by_image.models.labelmap import read_labelmap
from search_by_image.models.runtime import CompiledModel, Outputs, Pixels, fingerprint
from search_by_image.plugins import Features, Host, Processor
from search_by_image.processors.para import Para, checked
from search_by_image.resizing import squashed, squashed_as_tf1
from search_by_image.vectors.base import Vector

logger = logging.getLogger(__name__)
FEATURES: Final = "features"
PREDICTIONS: Final = "predictions"


class InceptionPara(Para):
    """`resize`: tf1 gives an old index's vectors, antialias better ones of large pictures, sooner."""

    frozen_graph: Path
    labelmap: Path | None = None
    encoding: str = "utf-8"
    image_size: int = Field(default=299, ge=1, le=4096)
    min_score: float = Field(default=0.0, ge=0, le=1)
    input_tensor: str = "input:0"
    feature_tensor: str = "InceptionV4/Logits/AvgPool_1a/AvgPool:0"
    prediction_tensor: str = "InceptionV4/Logits/Predictions:0"
    resize: Literal["tf1", "antialias"] = "tf1"
    layout: Layout | None = None


class InceptionV4Vertor(Processor):
    """The whole picture squashed to a square -> the features before the classes, not normalised (1536 of them).

    With `resize` tf1 (the default) vectors are comparable with an index of 2020; it needs the picture at full size.
    `labelmap`, `encoding` and `min_score` are accepted and not used.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self.settings = checked(InceptionPara, para, self.processor_name())
        self.image_size = None if self.settings.resize == "tf1" else self.settings.image_size
        file = host.base_path / self.settings.frozen_graph
        model = GraphFile(file).model(self._source(), self._outputs())
        self._sizes = {output.any_name: _size(output.partial_shape) for output in model.outputs}
        self.dimension = self._sizes[FEATURES]
        self._whole_numbers = model.input(0).element_type.is_integral()
        self._model = CompiledModel(model, host.runtime)
        self._digest = file_digest(file)

    @property
    def fingerprint(self) -> str:
        """The same for features with and without classes: one may follow the other on a library."""
        settings = self.settings
        return fingerprint(
            "inception-v4", self._digest, settings.resize, str(settings.image_size), *self._tensors, "v1"
        )

    def process(self, image: Image.Image, _context: MutableMapping[str, Any]) -> Features:
        return Features(_vector(self._infer(image)))

    def check(self) -> None:
        self._model.check()

    def _infer(self, image: Image.Image) -> Outputs:
        return self._model.infer(self._pixels(image))

    def _pixels(self, image: Image.Image) -> Pixels:
        side = self.settings.image_size
        if self.settings.resize == "antialias":
            return squashed(image, (side, side))
        exact = squashed_as_tf1(image, side)
        return np.rint(exact).astype(np.uint8) if self._whole_numbers else exact

    def _source(self) -> GraphInput:
        settings = self.settings
        pixels: Literal["u8", "f32"] = "u8" if settings.resize == "antialias" else "f32"
        size = (settings.image_size, settings.image_size)
        return GraphInput(settings.input_tensor, size, settings.layout, pixels, low=-1.0, high=1.0)

    def _outputs(self) -> dict[str, str]:
        return {FEATURES: self.settings.feature_tensor}

    @property
    def _tensors(self) -> tuple[str, str, str]:
        return self.settings.input_tensor, self.settings.feature_tensor, str(self.settings.layout)


class InceptionV4Classifier(InceptionV4Vertor):
    """As InceptionV4Vertor, and `class` and `score`: the best prediction's label, '' when not above `min_score`.

    One inference gives both. `labelmap`: a file with a line `0:cat` for each class, written in `encoding`.
    """

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self._labels = _labels(self.settings, host.base_path)
        self._check_labels()

    def process(self, image: Image.Image, _context: MutableMapping[str, Any]) -> Features:
        outputs = self._infer(image)
        predictions = outputs[PREDICTIONS].ravel()
        best = int(predictions.argmax())
        score = float(predictions[best])
        label = self._labels.get(best, "") if score > self.settings.min_score else ""
        return Features(_vector(outputs), extra={"class": label, "score": score})

    def _outputs(self) -> dict[str, str]:
        return {**super()._outputs(), PREDICTIONS: self.settings.prediction_tensor}

    def _check_labels(self) -> None:
        classes = self._sizes[PREDICTIONS]
        odd = sorted(set(range(classes)) ^ self._labels.keys()) if classes else []
        if odd:
            logger.warning(
                "%s: the labelmap %s and the graph's %d classes do not fit: %d numbers are only in one, such as %d",
                self.processor_name(),
                self.settings.labelmap,
                classes,
                len(odd),
                odd[0],
            )


def _labels(settings: InceptionPara, base_path: Path) -> Mapping[int, str]:
    if settings.labelmap is None:
        raise ModelError("A classifier needs the setting labelmap: a text file with a line 0:cat for each class.")
    return read_labelmap(base_path / settings.labelmap, settings.encoding)


def _size(shape: ov.PartialShape) -> int | None:
    return math.prod(shape.to_shape()) if shape.is_static else None


def _vector(outputs: Outputs) -> Vector:
    vector = outputs[FEATURES].ravel()
    if not np.isfinite(vector).all():
        raise ModelError("The model's features of this picture are not finite numbers. Check frozen_graph.")
    return vector
