"""Inception v4 from a model file: TensorFlow's answers, the classifier's rules, the settings."""

import logging
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op
from PIL import Image

from search_by_image.errors import ConfigError, ModelError
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.plugins import Host
from search_by_image.processors.inception_v4 import InceptionV4Classifier, InceptionV4Vertor

DATA = Path(__file__).parents[1] / "data"
GRAPH = DATA / "tiny_inception.pb"
LABELS = ("cat", "dog", "stop sign", "ship", "tree")
PICTURES = ("shapes", "wide noise", "tall rings", "small", "one pixel")
HOST = Host(RuntimeSettings(threads=1))
ONNX = {"input_tensor": "input", "feature_tensor": "features", "prediction_tensor": "predictions"}


@pytest.fixture(scope="module")
def golden():
    with np.load(DATA / "tiny_inception_golden.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def labelmap(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("labels") / "labels.txt"
    file.write_text("".join(f"{number}:{label}\n" for number, label in enumerate(LABELS)))
    return file


def vertor(**para) -> InceptionV4Vertor:
    return InceptionV4Vertor({"frozen_graph": str(GRAPH), "image_size": "32", **para}, HOST)


def classifier(labelmap: Path, **para) -> InceptionV4Classifier:
    given = {"frozen_graph": str(GRAPH), "labelmap": str(labelmap), "encoding": "utf-8", "image_size": 32}
    return InceptionV4Classifier({**given, **para}, HOST)


def picture(golden, name: str) -> Image.Image:
    return Image.fromarray(golden[f"{name}/picture"])


# --- the vector


@pytest.mark.parametrize("suffix", [".pb", ".onnx", ".tflite"])
def test_the_features_are_tensorflows(suffix, golden):
    made = vertor(frozen_graph=str(GRAPH.with_suffix(suffix)), **(ONNX if suffix == ".onnx" else {}))
    assert made.dimension == 12
    for name in PICTURES:
        vector = made.process(picture(golden, name), {}).vector
        assert vector.shape == (12,)
        assert vector.dtype == np.float32
        assert np.abs(vector - golden[f"{name}/features"]).max() < 1e-5


def test_vectors_are_not_normalised_and_leave_the_metric_to_the_configuration(golden):
    made = vertor()
    assert made.metric is None
    assert np.linalg.norm(made.process(picture(golden, "shapes"), {}).vector) != pytest.approx(1, abs=0.05)


def test_tf1_wants_the_whole_picture_and_antialias_may_have_a_smaller_one():
    assert vertor().image_size is None
    assert vertor(resize="antialias").image_size == 32


def test_antialias_is_nearer_to_what_a_smooth_picture_gives(golden):
    """Noise shrunk without antialiasing stays noise."""
    rough, grey = picture(golden, "wide noise"), Image.new("RGB", (32, 32), (128, 128, 128))
    plain, smooth = vertor(), vertor(resize="antialias")
    assert np.array_equal(
        smooth.process(picture(golden, "shapes").resize((32, 32)), {}).vector.round(4),
        plain.process(picture(golden, "shapes").resize((32, 32)), {}).vector.round(4),
    )
    target = plain.process(grey, {}).vector
    distances = [np.linalg.norm(one.process(rough, {}).vector - target) for one in (smooth, plain)]
    assert distances[0] < distances[1]


def test_a_graph_of_integers(tmp_path):
    """A quantised graph takes the pixels as they are, rounded."""
    image = op.parameter([1, 2, 2, 3], ov.Type.u8, name="input")
    image.output(0).get_tensor().set_names({"input:0"})
    features = op.reduce_sum(op.convert(image, "f32"), np.array([1, 2]))
    features.output(0).get_tensor().set_names({"features"})
    ov.save_model(ov.Model([op.result(features)], [image], "sums"), tmp_path / "sums.xml")
    made = vertor(frozen_graph=str(tmp_path / "sums.xml"), image_size=2, feature_tensor="features")
    striped = Image.fromarray(np.array([[[10] * 3, [21] * 3, [30] * 3]], np.uint8))
    assert made.process(striped, {}).vector.tolist() == [2 * (10 + round(25.5))] * 3


def test_features_that_are_not_finite(tmp_path):
    image = op.parameter([1, 2, 2, 3], ov.Type.f32, name="input")
    features = op.log(op.reduce_sum(image, np.array([1, 2])))
    for node, name in ((image, "input:0"), (features, "features")):
        node.output(0).get_tensor().set_names({name})
    ov.save_model(ov.Model([op.result(features)], [image], "log"), tmp_path / "log.xml", compress_to_fp16=False)
    made = vertor(frozen_graph=str(tmp_path / "log.xml"), image_size=2, feature_tensor="features")
    with pytest.raises(ModelError, match="not finite"):
        made.process(Image.new("RGB", (5, 5)), {})


# --- the classifier


def test_one_inference_gives_the_vector_and_the_class(golden, labelmap):
    made = classifier(labelmap)
    for name in PICTURES:
        found = made.process(picture(golden, name), {})
        predictions = golden[f"{name}/predictions"]
        assert np.abs(found.vector - golden[f"{name}/features"]).max() < 1e-5
        assert found.extra["class"] == LABELS[predictions.argmax()]
        assert found.extra["score"] == pytest.approx(predictions.max(), abs=1e-5)
        assert isinstance(found.extra["score"], float)
        assert found.collection == ""


def test_a_score_that_is_not_above_the_least_has_no_label(golden, labelmap):
    image = picture(golden, "tall rings")
    score = classifier(labelmap).process(image, {}).extra["score"]
    assert 0.2 < score < 0.99
    assert classifier(labelmap, min_score=score).process(image, {}).extra == {"class": "", "score": score}
    below = classifier(labelmap, min_score=str(score - 1e-6)).process(image, {}).extra
    assert below["class"] == LABELS[golden["tall rings/predictions"].argmax()]


def test_a_labelmap_that_does_not_fit_is_a_warning(golden, tmp_path, caplog):
    file = tmp_path / "labels.txt"
    file.write_text("1:dog\n")
    with caplog.at_level(logging.WARNING):
        made = classifier(file)
    assert "5 classes do not fit: 4 numbers are only in one, such as 0" in caplog.text
    assert golden["one pixel/predictions"].argmax() == 0
    assert made.process(picture(golden, "one pixel"), {}).extra["class"] == ""


def test_a_labelmap_that_fits_is_not(labelmap, caplog):
    classifier(labelmap)
    assert not caplog.records


def test_a_classifier_without_a_labelmap(tmp_path):
    with pytest.raises(ModelError, match="needs the setting labelmap"):
        classifier("")
    with pytest.raises(ModelError, match="No such file"):
        classifier(tmp_path / "none.txt")


# --- settings


def test_the_vertor_takes_the_contracts_settings_that_it_does_not_need():
    assert vertor(labelmap="nowhere.txt", encoding="gbk", min_score="0.7").dimension == 12


def test_the_least_configuration(tmp_path):
    with pytest.raises(ModelError, match=r"not .1,299,299,3.. Check image_size"):
        InceptionV4Vertor({"frozen_graph": GRAPH}, HOST)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("frozen_graph", "", "It must be set"),
        ("image_size", "large", "'large' was given"),
        ("image_size", "0", "at least 1"),
        ("min_score", "1.5", "at most 1"),
        ("resize", "bicubic", "tf1 or antialias"),
        ("layout", "HWC", "NHWC or NCHW"),
        ("frozen_grap", "x", "There is no such setting"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(name, value, said):
    with pytest.raises(ConfigError, match=f"pipeline/processer_para/InceptionV4Vertor/{name}: ") as raised:
        vertor(**{name: value})
    assert said in str(raised.value)


def test_an_unknown_tensor_tells_those_alike():
    with pytest.raises(ModelError, match=r"Alike: .*InceptionV4/Logits/AvgPool_1a/AvgPool:0"):
        vertor(feature_tensor="InceptionV4/Logits/AvgPool_1a/Mean:0")


def test_a_missing_file():
    with pytest.raises(ModelError, match="There is no model file"):
        vertor(frozen_graph="nowhere/graph.pb")


# --- the fingerprint


def test_the_fingerprint_changes_with_the_vectors_only(labelmap, tmp_path):
    copy = tmp_path / "elsewhere.pb"
    copy.write_bytes(GRAPH.read_bytes())
    first = vertor().fingerprint
    assert vertor(frozen_graph=str(copy), min_score=0.3).fingerprint == first
    assert classifier(labelmap, min_score=0.3).fingerprint == first
    others = {
        vertor(resize="antialias").fingerprint,
        vertor(feature_tensor="InceptionV4/Logits/Predictions:0").fingerprint,
        vertor(frozen_graph=str(GRAPH.with_suffix(".tflite"))).fingerprint,
    }
    assert len(others | {first}) == 4


def test_the_fingerprint_is_stable():
    """Changed without need, every library would have to be imported again."""
    assert vertor().fingerprint == "79b901ec9982b385"
