"""Any installed model as a processor: its vectors, its fingerprint, its mistakes."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden_pictures import golden_pictures
from made_models import described, install_grid, install_two_towers, manifest_of
from search_by_image.errors import ConfigError, ModelError
from search_by_image.models.adding import add
from search_by_image.models.description import Licence, ModelDescription, Output, Preprocessing
from search_by_image.models.runtime import RuntimeSettings, fingerprint
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore
from search_by_image.plugins import Host
from search_by_image.processors.efficientnet_lite0 import EfficientNetLite0
from search_by_image.processors.image_model import ImageModel
from search_by_image.vectors.base import Metric

DATA = Path(__file__).parents[1] / "data"
PICTURE = Image.fromarray(golden_pictures()["shapes"])


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(RuntimeSettings(threads=1), models_path=tmp_path / "models")


@pytest.fixture
def store(host) -> ModelStore:
    return ModelStore(host.models_path)


def vector(host, picture=PICTURE, **para) -> np.ndarray:
    return ImageModel({"model": "colour-grid", **para}, host).process(picture, {}).vector


def test_the_vector_is_what_the_description_says(host, store):
    install_grid(store)
    made = ImageModel({"model": "colour-grid"}, host)
    cells = golden_pictures()["shapes"].reshape(4, 56, 4, 56, 3).mean((1, 3)).transpose(2, 0, 1).ravel()
    found = made.process(PICTURE, {}).vector
    assert (made.dimension, made.metric, made.image_size) == (48, Metric.COSINE, 16)
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert found @ (cells / np.linalg.norm(cells)) > 0.999
    made.check()


def test_what_the_settings_change(host, store):
    install_grid(store)
    wide = Image.fromarray(golden_pictures()["rings"][:80])
    assert abs(vector(host, wide, resize="central-square") - vector(host, wide)).max() > 0.01
    assert abs(vector(host, wide, interpolation="tf1") - vector(host, wide)).max() > 0.01
    assert abs(vector(host, wide, centred="true").mean()) < 1e-6
    assert np.linalg.norm(vector(host, wide, normalised="false")) > 1.5
    assert ImageModel({"model": "colour-grid", "normalised": "false"}, host).metric is None
    assert ImageModel({"model": "colour-grid", "interpolation": "tf1"}, host).image_size is None


def test_the_fingerprint_tells_all_that_changes_vectors(host, store):
    def fingerprint(**para) -> str:
        return ImageModel({"model": "colour-grid", **para}, host).fingerprint

    made = install_grid(store)
    first = fingerprint()
    assert first == fingerprint() == fingerprint(resize="squash")
    others = [{"resize": "central-square"}, {"interpolation": "bicubic"}, {"centred": True}, {"normalised": False}]
    found = [fingerprint(**para) for para in others]

    store.install("again", lambda folder: _copy(made.folder, folder, "again"))
    assert ImageModel({"model": "again"}, host).fingerprint == first

    def another(folder: Path):
        _copy(made.folder, folder, "other")
        weights = bytearray((folder / "grid.bin").read_bytes())
        (folder / "grid.bin").write_bytes(weights + b" ")
        return manifest_of(folder, described(name="other"))

    store.install("other", another)
    found.append(ImageModel({"model": "other"}, host).fingerprint)
    assert len({first, *found}) == 6


def test_the_fingerprint_tells_which_file_is_the_graph(host, store):
    made = install_grid(store).folder

    def with_two_graphs(name: str, file: str) -> ImageModel:
        def fill(folder: Path):
            for one in ("grid", "other"):
                shutil.copy(made / "grid.bin", folder / f"{one}.bin")
                (folder / f"{one}.xml").write_text((made / "grid.xml").read_text() + f"<!-- {one} -->")
            return manifest_of(folder, described(name=name, file=file))

        store.install(name, fill)
        return ImageModel({"model": name}, host)

    one, other = with_two_graphs("one", "grid.xml"), with_two_graphs("other", "other.xml")
    assert one.installed.made_of() == other.installed.made_of()
    assert one.fingerprint != other.fingerprint


def test_the_fingerprint_stays_as_it_is(host, store):
    """Libraries are refused under another one: change it only where vectors change."""
    half = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    said = {"preprocessing": half, "output": {"tensor": "features"}}
    add("one-file", [str(DATA / "tiny_inception.onnx")], said, store, Tools())
    said["preprocessing"]["tensor"] = "input"
    add("three-files", [str(DATA / "tiny_checkpoint.ckpt.meta")], said, store, Tools())
    found = {name: ImageModel({"model": name}, host).fingerprint for name in ("efficientnet-lite0", *store.names())}
    assert found == {
        "efficientnet-lite0": "aa9b75eb0bcb702d",
        "one-file": "33439b665014acc2",
        "three-files": "fe4d0b89cd789ae7",
    }


@pytest.mark.parametrize("combined", [False, True])
def test_the_fingerprint_of_a_model_with_a_text_side_stays_as_it_is(host, store, combined):
    files = install_two_towers(store, combined=combined).manifest.files
    digests = sorted(files[name].sha256 for name in ("image.xml", "image.bin") if name in files)
    said = ["mean=(0.5, 0.5, 0.5)", "size=16", "std=(0.5, 0.5, 0.5)", "tensor='pixel_values'", "tensor='image_embeds'"]
    expected = fingerprint("image model", *digests, "file", *said, "v1")
    assert ImageModel({"model": "two-towers"}, host).fingerprint == expected


def _copy(source: Path, folder: Path, name: str):
    for file in ("grid.xml", "grid.bin"):
        shutil.copy(source / file, folder / file)
    return manifest_of(folder, described(name=name))


def test_the_default_model_gives_the_default_processors_vectors(host):
    made = ImageModel({"model": "efficientnet-lite0"}, host)
    assert np.array_equal(made.process(PICTURE, {}).vector, EfficientNetLite0({}, host).process(PICTURE, {}).vector)


def test_weights_become_a_graph_of_ours(host, store):
    model = ModelDescription(
        "thin",
        "thin_inception_v4.safetensors",
        48,
        Preprocessing(139, "squash", "bilinear"),
        Output("features"),
        Licence("none"),
        graph="inception-v4",
    )

    def fill(folder: Path):
        shutil.copy(DATA / model.file, folder)
        return manifest_of(folder, model)

    store.install("thin", fill)
    exact = ImageModel({"model": "thin", "interpolation": "tf1", "normalised": False}, host)
    with np.load(DATA / "thin_inception_v4_golden.npz") as file:
        expected = dict(zip(golden_pictures(), file["features"], strict=True))
    part = Image.fromarray(golden_pictures()["rings"][:139, :139])
    assert np.abs(exact.process(part, {}).vector - expected["rings"]).max() < 1e-3
    assert ImageModel({"model": "thin"}, host).process(part, {}).vector @ expected["rings"] > 0


# --- mistakes


def test_a_model_that_is_not_installed_is_a_mistake_of_the_configuration(host):
    with pytest.raises(ConfigError) as caught:
        ImageModel({"model": "dinov2-small"}, host)
    (problem,) = caught.value.problems
    assert problem.path == "pipeline/processer_para/ImageModel/model"
    assert problem.message.endswith("Fetch it: search-by-image models pull dinov2-small")


@pytest.mark.parametrize(
    ("para", "said"),
    [
        ({}, "model: It must be set"),
        ({"model": "colour-grid", "resize": "stretch"}, "resize: 'stretch' was given. Allowed: .*central-square"),
        ({"model": "colour-grid", "size": 3}, "size: There is no such setting. Known: model, resize"),
    ],
)
def test_wrong_settings(host, store, para, said):
    install_grid(store)
    with pytest.raises(ConfigError, match=said):
        ImageModel(para, host)


def test_damaged_files_are_refused(host, store):
    made = install_grid(store)
    file = made.folder / "grid.xml"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ModelError, match="is damaged"):
        ImageModel({"model": "colour-grid"}, host)


def test_features_that_are_not_finite_are_refused(host, store):
    preprocessing = replace(described().preprocessing, mean=(0, 0, 0), std=(1e-45, 1e-45, 1e-45))
    install_grid(store, preprocessing=preprocessing)
    with pytest.raises(ModelError, match="not finite"):
        vector(host)
