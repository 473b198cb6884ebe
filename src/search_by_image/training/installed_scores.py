"""An installed model on a training's held-out pictures, as searches would have it."""

import numpy as np

from search_by_image.models.features import vector_of
from search_by_image.models.opening import FEATURES, open_model
from search_by_image.models.preparing import pixels_of
from search_by_image.models.runtime import CompiledModel, RuntimeSettings
from search_by_image.training.pictures import Opener
from search_by_image.training.run_folder import Run
from search_by_image.training.session import Place
from search_by_image.training.validation import Score, score


def installed_score(name: str, run: Run, place: Place) -> Score:
    """Raises `ModelNotInstalledError`, `ModelError`."""
    installed = place.store.get(name)
    model = installed.manifest.model
    graph = open_model(installed.folder, model)
    compiled, whole = CompiledModel(graph, RuntimeSettings()), graph.input(0).element_type.is_integral()
    opener, rows = Opener(run.split.root, place.limits), []
    for path, _label in run.split.held_out:
        pixels = pixels_of(opener.open(path, model.preprocessing.size), model.preprocessing, whole_numbers=whole)
        rows.append(vector_of(compiled.infer(pixels)[FEATURES], model.output))
    return score(np.stack(rows), [label for _path, label in run.split.held_out])
