"""Several models' vectors in one, and the mean that is taken off."""

import sys

import numpy as np
import pytest
from PIL import Image

from golden_pictures import golden_pictures
from made_models import SIDE, install_grid, install_two_towers
from search_by_image.errors import ConfigError, ModelError
from search_by_image.models.description import Output, Preprocessing
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.models.store import ModelStore
from search_by_image.plugins import Host
from search_by_image.processors.image_model import ImageModel
from search_by_image.processors.joined_models import JoinedModels
from search_by_image.vectors.base import Metric

PICTURES = {name: Image.fromarray(pixels) for name, pixels in golden_pictures().items() if name != "black"}
BOTH = {"models": "colour-grid+colours", "weights": "1+0.5"}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    home = tmp_path_factory.mktemp("joined")
    made = Host(RuntimeSettings(threads=1), base_path=home, models_path=home / "models")
    install_grid(ModelStore(made.models_path))
    larger = Preprocessing(SIDE, "central-square", mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    install_grid(
        ModelStore(made.models_path), name="colours", dimension=3, preprocessing=larger, output=Output("tokens", "mean")
    )
    return made


def vectors(processor):
    return {name: processor.process(picture, {}).vector for name, picture in PICTURES.items()}


@pytest.fixture(scope="module")
def joined(host):
    return JoinedModels(BOTH, host)


def test_the_cosine_is_the_weighted_mean_of_the_models(host, joined):
    one, other = (vectors(ImageModel({"model": name}, host)) for name in ("colour-grid", "colours"))
    both = vectors(joined)
    assert joined.dimension == 48 + 3
    assert joined.metric is Metric.COSINE
    for a in PICTURES:
        assert both[a].dtype == np.float32
        assert np.linalg.norm(both[a]) == pytest.approx(1, abs=1e-6)
        for b in PICTURES:
            wanted = (one[a] @ one[b] + 0.25 * (other[a] @ other[b])) / 1.25
            assert both[a] @ both[b] == pytest.approx(wanted, abs=1e-5)


def test_one_model_alone_is_that_model(host):
    alone = vectors(JoinedModels({"models": "colour-grid", "weights": 3.0}, host))
    for name, wanted in vectors(ImageModel({"model": "colour-grid"}, host)).items():
        assert alone[name] == pytest.approx(wanted, abs=1e-6)


def test_the_mean_is_taken_off(host, joined):
    before = vectors(joined)
    mean = np.mean(list(before.values()), axis=0, dtype=np.float64).astype(np.float32)
    np.save(host.base_path / "mean.npy", mean)
    made = JoinedModels({**BOTH, "mean": "mean.npy"}, host)
    for name, vector in vectors(made).items():
        rest = before[name].astype(np.float64) - mean
        assert vector == pytest.approx(rest / np.linalg.norm(rest), abs=1e-5)
    assert made.fingerprint != joined.fingerprint


def test_the_fingerprint_tells_models_weights_and_mean(host, joined):
    np.save(host.base_path / "zero.npy", np.zeros(51, np.float32))
    np.save(host.base_path / "again.npy", np.zeros(51, np.float32))
    others = [
        {"models": "colours+colour-grid", "weights": "0.5+1"},
        {"models": "colour-grid+colours"},
        {**BOTH, "mean": "zero.npy"},
    ]
    made = [JoinedModels(para, host).fingerprint for para in others]
    assert len({*made, joined.fingerprint}) == 4
    assert JoinedModels({**BOTH, "mean": "again.npy"}, host).fingerprint == made[2]
    assert JoinedModels({"models": "colour-grid + colours", "weights": " 1 + 0.5"}, host).fingerprint == (
        joined.fingerprint
    )


def test_no_text_side_is_opened(host, monkeypatch):
    install_two_towers(ModelStore(host.models_path))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    made = JoinedModels({"models": "two-towers+colour-grid"}, host)
    assert made.dimension == 3 + 48
    assert not made.takes_text


def test_the_larger_picture_is_decoded(host):
    assert JoinedModels({"models": "colour-grid+efficientnet-lite0"}, host).image_size == 224
    install_grid(
        ModelStore(host.models_path),
        name="old",
        preprocessing=Preprocessing(SIDE, "squash", "tf1", (0, 0, 0), (1, 1, 1)),
    )
    assert JoinedModels({"models": "old+colour-grid"}, host).image_size is None


def test_a_picture_that_is_the_mean_is_told(host):
    alone = JoinedModels({"models": "colour-grid"}, host)
    np.save(host.base_path / "own.npy", alone.process(PICTURES["shapes"], {}).vector)
    with pytest.raises(ModelError, match="the mean itself"):
        JoinedModels({"models": "colour-grid", "mean": "own.npy"}, host).process(PICTURES["shapes"], {})


@pytest.mark.parametrize(
    ("para", "path", "said"),
    [
        ({}, "models", "It must be set"),
        ({"models": ""}, "models", "It must be set"),
        ({"models": "colour-grid+"}, "models", "was given"),
        ({"models": "colour-grid", "weights": "1+2"}, "weights", "There are 1 models and 2 weights"),
        ({"models": "colour-grid", "weights": "0"}, "weights", "0"),
        ({"models": "colour-grid", "mean": "none.npy"}, "mean", "cannot be read as .npy"),
        ({"models": "colour-grid", "mean": "models"}, "mean", "cannot be read as .npy"),
        ({"models": "colour-grid", "mean": "short.npy"}, "mean", "these models want 48 numbers"),
        ({"models": "colour-grid", "mean": "nan.npy"}, "mean", "these models want 48 numbers"),
        ({"models": "colour-grid", "mean": "long.npy"}, "mean", "has the length 1.002, and no mean of normalised"),
        ({"models": "colour-grid", "mean": "text.npy"}, "mean", "cannot be read as .npy"),
        ({"models": "colour-grid+nothing"}, "model", "nothing"),
        ({"models": "colour-grid", "weight": "1"}, "weight", "There is no such setting"),
    ],
)
def test_mistakes_in_the_settings_are_told_with_their_path(host, para, path, said):
    np.save(host.base_path / "short.npy", np.zeros(7, np.float32))
    np.save(host.base_path / "nan.npy", np.full(48, np.nan, np.float32))
    np.save(host.base_path / "long.npy", np.full(48, 1.002 / np.sqrt(48), np.float32))
    (host.base_path / "text.npy").write_text("no numbers")
    with pytest.raises(ConfigError) as caught:
        JoinedModels(para, host)
    (problem, *_) = caught.value.problems
    assert path in problem.path
    assert said in problem.message


def test_not_normalised_models_are_normalised_first(host):
    install_grid(ModelStore(host.models_path), name="long", output=Output("means", normalised=False))
    made = JoinedModels({"models": "long+colour-grid"}, host).process(PICTURES["rings"], {}).vector
    assert made[:48] == pytest.approx(made[48:], abs=1e-6)
