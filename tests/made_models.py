"""Small models for tests, made here, and their installation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.models.description import Licence, ModelDescription, Output, Preprocessing
from search_by_image.models.manifest import KeptFile, Manifest, now
from search_by_image.models.store import InstalledModel, ModelStore
from search_by_image.wheels import sha256_of

SIDE = 16
CELL = 4
MEANS = "means"


def colour_grid() -> ov.Model:
    """From (1, 3, 16, 16), f32, to means of 4 x 4 cells: `grid` (1, 3, 4, 4), `tokens` (1, 16, 3), `means` (1, 48)."""
    image = op.parameter([1, 3, SIDE, SIDE], ov.Type.f32, name="image")
    image.output(0).set_names({"image"})
    grid = op.avg_pool(image, [CELL, CELL], [0, 0], [0, 0], [CELL, CELL], exclude_pad=True)
    tokens = op.transpose(op.reshape(grid, np.array([1, 3, 16]), special_zero=False), np.array([0, 2, 1]))
    means = op.reshape(grid, np.array([1, 48]), special_zero=False)
    for node, name in ((grid, "grid"), (tokens, "tokens"), (means, MEANS)):
        node.output(0).set_names({name})
    return ov.Model([op.result(node) for node in (means, grid, tokens)], [image], "colour-grid")


def write_ir(model: ov.Model, file: Path) -> Path:
    ov.save_model(model, file, compress_to_fp16=False)
    return file


def described(**changes: object) -> ModelDescription:
    """Of `colour_grid`, as `grid.xml`; its vectors are 0..1."""
    made = ModelDescription(
        "colour-grid",
        "grid.xml",
        48,
        Preprocessing(SIDE, "squash", "bilinear", mean=(0, 0, 0), std=(1, 1, 1)),
        Output(MEANS),
        Licence("none: made for a test"),
    )
    return replace(made, **changes)


def manifest_of(folder: Path, model: ModelDescription) -> Manifest:
    files = {file.name: KeptFile(sha256_of(file), file.stat().st_size) for file in sorted(folder.iterdir())}
    return Manifest(model, files, "a test", now())


def install_grid(store: ModelStore, **changes: object) -> InstalledModel:
    model = described(**changes)

    def fill(folder: Path) -> Manifest:
        write_ir(colour_grid(), folder / "grid.xml")
        return manifest_of(folder, model)

    return store.install(model.name, fill)
