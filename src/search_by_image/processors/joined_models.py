"""One vector of several models, and less the mean that a library's vectors have in common."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from PIL import Image
from pydantic import BeforeValidator, Field

from search_by_image.errors import ConfigError, ModelError, Problem
from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Features, Host, Processor
from search_by_image.processors.image_model import ImageModel
from search_by_image.processors.para import Para, checked
from search_by_image.vectors.base import Metric, Vector

SEPARATOR = "+"
MAKE = "search-by-image learn-mean FILE makes one from the library."
LARGEST_MEAN = 1.001
"""Its length, with what rounding adds."""
SMALLEST_LENGTH = 1e-9
"""Of a vector less the mean; that of a picture is about 1."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(SEPARATOR)) if isinstance(value, str) else value


def _numbers(value: object) -> object:
    return _split(str(value)) if isinstance(value, str | int | float) else value


class JoinedModelsPara(Para):
    models: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split), Field(min_length=1)]
    weights: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_numbers)] = ()
    mean: str = ""


class JoinedModels(Processor):
    """The vectors of the installed models `models` (`efficientnet-lite0+sscd`), one after the other, normalised.

    Each is normalised and multiplied by its weight (`weights`, such as `1+0.5`; without them 1 each): the cosine of two
    pictures is the mean of the models' cosines, weighted by the squares. `mean`: a .npy file with a vector that is
    taken off in the end, as `search-by-image learn-mean` makes it.
    """

    metric = Metric.COSINE

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        super().__init__(para, host)
        wanted = checked(JoinedModelsPara, para, self.processor_name())
        self._weights = wanted.weights or (1.0,) * len(wanted.models)
        if len(self._weights) != len(wanted.models):
            raise _mistake("weights", f"There are {len(wanted.models)} models and {len(self._weights)} weights.")
        self._parts = [ImageModel({"model": name, "normalised": True, "text": False}, host) for name in wanted.models]
        self.dimension = sum(part.dimension or 0 for part in self._parts)
        self._mean: Vector | None = None
        self._mean_hash = ""
        if wanted.mean:
            self._mean, self._mean_hash = _read(host.base_path / wanted.mean, self.dimension)
        sizes = [part.image_size for part in self._parts]
        self.image_size = None if None in sizes else max(size for size in sizes if size)

    @property
    def fingerprint(self) -> str:
        parts = (part.fingerprint for part in self._parts)
        return fingerprint("joined models", *parts, str(self._weights), self._mean_hash, "v1")

    def process(self, image: Image.Image, context: Context) -> Features:
        vectors = [part.process(image, context).vector for part in self._parts]
        weighted = [weight * vector.astype(np.float64) for weight, vector in zip(self._weights, vectors, strict=True)]
        joined = np.concatenate(weighted) / np.linalg.norm(self._weights)
        return Features(_less(joined, self._mean))

    def check(self) -> None:
        for part in self._parts:
            part.check()


def _less(joined: np.ndarray[Any, np.dtype[np.float64]], mean: Vector | None) -> Vector:
    rest = joined if mean is None else joined - mean
    length = np.linalg.norm(rest)
    if length < SMALLEST_LENGTH:
        raise ModelError("The picture's vector is the mean itself: nothing is left. Learn the mean from more pictures.")
    vector: Vector = (rest / length).astype(np.float32)
    return vector


def _read(file: Path, dimension: int) -> tuple[Vector, str]:
    """The mean, shape (dimension,), and the SHA-256 of its file. Raises `ConfigError`."""
    try:
        data = file.read_bytes()
        mean = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _mistake("mean", f"{str(file)!r} cannot be read as .npy: {error}. {MAKE}") from error
    if mean.shape != (dimension,) or mean.dtype.kind != "f" or not np.isfinite(mean).all():
        raise _mistake(
            "mean",
            f"{str(file)!r} holds {mean.dtype} of shape {mean.shape}; these models want {dimension} numbers. {MAKE}",
        )
    if (length := np.linalg.norm(mean.astype(np.float64))) > LARGEST_MEAN:
        raise _mistake(
            "mean",
            f"{str(file)!r} has the length {length:.4g}, and no mean of normalised vectors is longer than 1: it is of "
            f"another pipeline. Learn it from what this one makes without a mean. {MAKE}",
        )
    return mean, hashlib.sha256(data).hexdigest()


def _mistake(key: str, message: str) -> ConfigError:
    path = f"pipeline/processer_para/{JoinedModels.processor_name()}/{key}"
    return ConfigError([Problem(path, message)], "the settings of JoinedModels")
