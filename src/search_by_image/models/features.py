"""A model's answer -> the vector of a picture."""

from typing import Final

import numpy as np
import numpy.typing as npt

from search_by_image.errors import ModelError
from search_by_image.models.description import Output
from search_by_image.vectors.base import Vector

Exact = npt.NDArray[np.float64]
SMALLEST_RELATIVE_SPREAD: Final = 1e-5
SMALLEST_LENGTH: Final = 1e-12


def vector_of(features: Vector, output: Output) -> Vector:
    """Shape (n,), float32: centred and normalised as asked. Raises `ModelError` for features without a direction."""
    if output.centred:
        return centred(features, normalised=output.normalised)
    exact = features.astype(np.float64)
    _check_finite(exact)
    return _normalised(exact) if output.normalised else features.astype(np.float32)


def centred(features: Vector, *, normalised: bool = True) -> Vector:
    """Less their own mean: the cosine of two such vectors is the correlation of the features.

    Raises `ModelError` for features that are all equal, or not finite.
    """
    exact = features.astype(np.float64)
    _check_finite(exact)
    if np.ptp(exact) <= SMALLEST_RELATIVE_SPREAD * np.abs(exact).max():
        raise _without_direction()
    less = exact - exact.mean()
    return _normalised(less) if normalised else _single(less)


def _normalised(exact: Exact) -> Vector:
    length = np.linalg.norm(exact)
    if length <= SMALLEST_LENGTH:
        raise _without_direction()
    return _single(exact / length)


def _single(exact: Exact) -> Vector:
    vector: Vector = exact.astype(np.float32)
    return vector


def _check_finite(exact: Exact) -> None:
    if not np.isfinite(exact).all():
        raise _without_direction()


def _without_direction() -> ModelError:
    return ModelError("The model found nothing in it: the features are all equal or not finite.")
