"""An installed model tried out: one inference on a picture made by formula."""

import numpy as np
from PIL import Image

from search_by_image.errors import ModelError
from search_by_image.models.description import ModelDescription
from search_by_image.models.features import vector_of
from search_by_image.models.opening import FEATURES, open_model
from search_by_image.models.preparing import pixels_of
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.models.store import InstalledModel
from search_by_image.models.text_model import TextModel
from search_by_image.vectors.base import Vector

SIDE = 256
ALIKE = 1e-6


def check_model(installed: InstalledModel) -> None:
    """Its files are those that were installed, it tells two pictures apart, and its text side answers.

    Raises `ModelError`, and in the end `MissingDependencyError` where only the text side could not be tried.
    """
    installed.check_files()
    one, other = try_out(installed)
    if np.abs(one - other).max() <= ALIKE:
        raise ModelError(f"The model {installed.name!r} makes the same of two unlike pictures. Check its description.")
    _try_text(installed)


def try_out(installed: InstalledModel) -> tuple[Vector, Vector]:
    """The vectors of two unlike pictures. Raises `ModelError`."""
    model = installed.manifest.model
    graph = open_model(installed.folder, model)
    compiled = CompiledModel(graph, RuntimeSettings(threads=1))
    whole_numbers = graph.input(0).element_type.is_integral()
    one, other = (_vector(compiled, model, picture, whole_numbers) for picture in _pictures())
    return one, other


def _try_text(installed: InstalledModel) -> None:
    model = installed.manifest.model
    if model.text is not None:
        TextModel(installed.folder, model, model.text, RuntimeSettings(threads=1)).check()


def _vector(compiled: CompiledModel, model: ModelDescription, picture: Image.Image, whole_numbers: bool) -> Vector:
    pixels = pixels_of(picture, model.preprocessing, whole_numbers=whole_numbers)
    return vector_of(compiled.infer(pixels)[FEATURES], model.output)


def _pictures() -> tuple[Image.Image, Image.Image]:
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth = np.stack([x, y, (x + y) // 2], axis=-1)
    rings = np.stack([((x - 128) ** 2 + (y - 128) ** 2) // divisor % SIDE for divisor in (16, 48, 96)], axis=-1)
    return Image.fromarray(smooth.astype(np.uint8)), Image.fromarray(rings.astype(np.uint8))
