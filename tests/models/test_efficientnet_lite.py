"""The graph that we build gives what the reference implementation gives, and refuses other weights."""

import hashlib

import numpy as np
import openvino as ov
import pytest

from golden_pictures import golden_pictures
from search_by_image.errors import ModelError
from search_by_image.models import efficientnet_lite
from search_by_image.models.efficientnet_lite import Stage
from search_by_image.models.runtime import CompiledModel, RuntimeSettings

NAMES = list(golden_pictures())


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_pictures_are_those_of_the_golden_file(golden):
    assert golden["names"].tolist() == NAMES
    digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in golden_pictures().values()]
    assert golden["sha256"].tolist() == digests


@pytest.mark.parametrize("name", NAMES)
def test_features_equal_torchs(name, compiled, golden):
    expected = golden["features"][NAMES.index(name)]
    features = compiled.infer(golden_pictures()[name])["features"]
    assert features.shape == (1280,)
    assert features.dtype == np.float32
    assert np.abs(features - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_equal_torchs(name, compiled, golden):
    row = NAMES.index(name)
    probabilities = compiled.infer(golden_pictures()[name])["probabilities"]
    assert probabilities.shape == (1000,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert np.argsort(-probabilities)[:5].tolist() == golden["classes"][row].tolist()
    assert np.allclose(probabilities[golden["classes"][row]], golden["probabilities"][row], rtol=1e-4, atol=0)


def test_channels_are_taken_as_rgb(compiled, golden):
    row = NAMES.index("shapes")
    as_bgr = compiled.infer(golden_pictures()["shapes"][:, :, ::-1])["features"]
    assert cosine(as_bgr, golden["features"][row]) < 0.95


def test_bf16_stays_near_f32(network, compiled):
    fast = CompiledModel(network, RuntimeSettings(precision="bf16"))
    has_bf16 = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert fast.precision == ("bf16" if has_bf16 else "f32")
    for name in ("gradient", "rings", "shapes", "noise"):
        picture = golden_pictures()[name]
        assert cosine(fast.infer(picture)["features"], compiled.infer(picture)["features"]) >= 0.999


def test_another_picture_size(weights):
    small = CompiledModel(efficientnet_lite.build(weights, 96), RuntimeSettings(threads=1))
    assert small.infer(np.zeros((96, 96, 3), np.uint8))["features"].shape == (1280,)


def test_classes_are_computed_only_where_asked_for(weights, compiled, golden):
    without = CompiledModel(efficientnet_lite.build(weights, 224), RuntimeSettings(threads=1))
    picture = golden_pictures()["shapes"]
    assert without.infer(picture).keys() == {"features"}
    assert np.allclose(without.infer(picture)["features"], compiled.infer(picture)["features"], atol=1e-5)


def test_a_missing_tensor_is_named(weights):
    rest = {name: tensor for name, tensor in weights.items() if name != "_blocks.3._bn1.running_var"}
    with pytest.raises(ModelError, match=r"_blocks\.3\._bn1\.running_var"):
        efficientnet_lite.build(rest, 224)


@pytest.mark.parametrize(
    "name", ["_conv_stem.weight", "_blocks.7._depthwise_conv.weight", "_bn1.bias", "_fc.weight", "_fc.bias"]
)
@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t[:1], lambda t: t.reshape(-1, 1), lambda t: t.astype(np.int64)]
)
def test_a_tensor_of_another_shape_or_type(name, change, weights):
    with pytest.raises(ModelError, match="EfficientNet-Lite"):
        efficientnet_lite.build({**weights, name: change(weights[name])}, 224, with_classes=True)


def test_a_network_of_another_depth(weights):
    deeper = (*efficientnet_lite.LITE0[:-1], Stage(2, 1))
    with pytest.raises(ModelError, match="16 blocks, and the network has 17"):
        efficientnet_lite.build(weights, 224, deeper)
    with pytest.raises(ModelError, match="16 blocks, and the network has 15"):
        efficientnet_lite.build(weights, 224, efficientnet_lite.LITE0[:-1])


def test_no_weights():
    with pytest.raises(ModelError, match="0 blocks"):
        efficientnet_lite.build({}, 224)
