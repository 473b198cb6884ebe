"""A trained network as an installed model: what PyTorch computes, searched with at once, its classes usable."""

import json
import shutil
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from search_by_image.assembly import open_engine
from search_by_image.errors import ModelError
from search_by_image.images import ImageLimits
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.plugins import Host
from search_by_image.processors.inception_v4 import InceptionV4Classifier
from search_by_image.settings import load_settings
from search_by_image.training import exporting
from search_by_image.training.checkpoints import load, save_best
from search_by_image.training.exporting import export, install
from search_by_image.training.installed_scores import installed_score
from search_by_image.training.network import Exported
from search_by_image.training.run_folder import RunFolder
from search_by_image.training.session import Place, begin, measure_of, train
from search_by_image.training.settings import Machine, PhaseSettings, TrainingSettings
from search_by_image.training.trainer import Watch
from training.small_disk import room_for

SETTINGS = TrainingSettings("thin", "classification", PhaseSettings(8, 1e-2), PhaseSettings(1, 1e-4), resize="squash")


@pytest.fixture(scope="module")
def place(thin_store) -> Place:
    return Place(thin_store, ImageLimits())


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shapes, place) -> RunFolder:
    made = RunFolder(tmp_path_factory.mktemp("run"))
    run, _ = begin(shapes, made, SETTINGS, place)
    train(made, run, Machine(), place, Watch())
    return made


@pytest.fixture(scope="module")
def exported(folder, place):
    return export(folder, folder.path / "export", place)


@pytest.fixture(scope="module")
def installed(folder, exported, place):
    return install("shapes", folder.path / "export", exported[0], place)


def test_it_agrees_with_pytorch(exported):
    trained, found = exported
    assert found.pictures == len(trained.run.split.held_out)
    assert max(found.features, found.probabilities) < 1e-4


@pytest.mark.soak
def test_a_graph_that_differs_is_no_export(folder, place, tmp_path, monkeypatch):
    whole = exporting.converted

    def bent(trained):
        network = deepcopy(trained.network)
        network.embedding.bias.data += 0.01
        return whole(replace(trained, network=network))

    monkeypatch.setattr(exporting, "converted", bent)
    with pytest.raises(ModelError, match=r"differ by .* and 1e-04 is allowed"):
        export(folder, tmp_path, place)
    assert list(tmp_path.iterdir()) == []


def test_probabilities_that_are_no_numbers_are_no_export(folder, place, tmp_path):
    """Both sides have NaN, and no difference of it is above anything."""
    run = RunFolder(shutil.copytree(folder.path, tmp_path / "run"))
    state = load(run.best)
    state["classifier.weight"].fill_(float("nan"))
    save_best(run, state)
    with pytest.raises(ModelError, match="differ by nan on the held-out pictures"):
        export(run, tmp_path / "export", place)


def files_of(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_was_not_checked_is_not_exported(folder, exported, place, tmp_path):
    """Ctrl-C during the comparison: neither a graph that may be wrong, nor a loss of the one before."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = files_of(folder.path / "export")
    for target in (folder.path / "export", tmp_path):
        with pytest.raises(KeyboardInterrupt):
            export(folder, target, place, interrupt)
    assert files_of(folder.path / "export") == before
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full(folder, place, tmp_path):
    with room_for(8192), pytest.raises(ModelError, match=r"OpenVINO could not write the graph of 'thin'.*room on the"):
        export(folder, tmp_path, place)
    assert list(tmp_path.iterdir()) == []


def test_what_lies_beside_it(folder, exported):
    target = folder.path / "export"
    assert {file.name for file in target.iterdir()} == {"model.xml", "model.bin", "labels.txt", "model.json"}
    assert (target / "labels.txt").read_text() == "0:round\n1:square\n"
    assert json.loads((target / "model.json").read_bytes())["model"]["preprocessing"]["size"] == 64


def test_the_installed_model_scores_as_the_network_does(folder, exported, installed, place):
    trained = exported[0]
    measure = measure_of(trained.run, trained.backbone.preprocessing, place, torch.device("cpu"))
    expected, found = measure(trained.network), installed_score("shapes", trained.run, place)
    assert found.recall_at_1 == expected.recall_at_1
    assert found.mean_average_precision == pytest.approx(expected.mean_average_precision, abs=1e-6)


def test_it_serves_searches_at_once(installed, shapes, place, tmp_path):
    node = {"1": {"name": "vector", "processor": "ImageModel"}}
    overrides = {
        "models/path": str(place.store.folder),
        "pipeline/processer_para/ImageModel/model": "shapes",
        "pipeline/pipeline_config/Shapes": json.dumps(node),
        "records/url": f"sqlite:///{tmp_path / 'records.db'}",
        "vectors/path": str(tmp_path / "vectors"),
    }
    pictures = sorted(shapes.glob("*/*.png"))
    with open_engine(load_settings(environ={}, overrides=overrides)) as engine:
        for picture in pictures:
            engine.library.add(picture.read_bytes(), {"kind": picture.parent.name}, "Shapes")
        for picture in pictures[::5]:
            hits = engine.library.search(picture.read_bytes(), "Shapes", top_k=3)
            assert hits[0].document["kind"] == picture.parent.name
            assert hits[0].score > 0.999


def test_its_classes_in_a_pipeline(folder, exported, shapes):
    """As docs/training.md says."""
    para = {
        "frozen_graph": "model.xml",
        "labelmap": "labels.txt",
        "image_size": 64,
        "input_tensor": "image",
        "feature_tensor": "features",
        "prediction_tensor": "probabilities",
        "resize": "antialias",
    }
    classifier = InceptionV4Classifier(para, Host(RuntimeSettings(threads=1), base_path=folder.path / "export"))
    network = Exported(exported[0].network).eval()
    for name in ("round", "square"):
        image = Image.open(shapes / name / "01.png").convert("RGB")
        found = classifier.process(image, {})
        with torch.no_grad():
            pixels = torch.from_numpy(classifier._pixels(image)[None].copy())
            features, probabilities = network(pixels)
        assert found.extra["class"] == ["round", "square"][int(probabilities.argmax())]
        assert np.abs(found.vector - features[0].numpy()).max() < 1e-3


def test_nothing_is_trained_yet(tmp_path, shapes, place):
    with pytest.raises(ModelError, match="no folder of a training"):
        export(RunFolder(tmp_path), tmp_path / "export", place)
    begin(shapes, RunFolder(tmp_path), SETTINGS, place)
    with pytest.raises(ModelError, match="Train first"):
        export(RunFolder(tmp_path), tmp_path / "export", place)
