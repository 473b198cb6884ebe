"""Compiled models: explicit precision, the same vectors from any thread, results that stay as they are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from golden_pictures import golden_pictures
from search_by_image.errors import ModelError
from search_by_image.models.runtime import CompiledModel, RuntimeSettings, fingerprint


def sums() -> ov.Model:
    """The sum of each channel of a picture of 4 x 5 pixels."""
    image = op.parameter([1, 4, 5, 3], ov.Type.u8, name="image")
    result = op.result(op.reduce_sum(op.convert(image, "f32"), np.array([1, 2])))
    result.get_output_tensor(0).set_names({"sums"})
    return ov.Model([result], [image], "sums")


@pytest.fixture(scope="module")
def model() -> CompiledModel:
    return CompiledModel(sums(), RuntimeSettings())


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_precision_is_always_told(precision):
    assert RuntimeSettings(precision=precision).properties()["INFERENCE_PRECISION_HINT"] == precision


def test_f32_is_what_is_computed_in(compiled):
    """On a CPU with bf16, OpenVINO would choose that by itself."""
    assert compiled.precision == "f32"


def test_streams_are_not_pinned_to_cores(compiled):
    """Pinned, two processes of one thread each share the first core: measured, half the speed."""
    inner = compiled._requests.get()
    compiled._requests.put(inner)
    assert inner.get_compiled_model().get_property("ENABLE_CPU_PINNING") is False
    assert inner.get_compiled_model().get_property("INFERENCE_NUM_THREADS") == 2


def test_eight_threads_give_what_one_gives(compiled):
    pictures = [*golden_pictures().values()] * 4
    alone = [compiled.infer(picture)["features"] for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda picture: compiled.infer(picture)["features"], pictures))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_results_are_copies(model):
    white = model.infer(np.full((4, 5, 3), 255, np.uint8))["sums"]
    model.infer(np.zeros((4, 5, 3), np.uint8))
    model.infer(np.ones((4, 5, 3), np.uint8))
    assert white.tolist() == [5100] * 3
    white[:] = 7
    assert model.infer(np.zeros((4, 5, 3), np.uint8))["sums"].tolist() == [0] * 3


def test_pictures_however_they_lie_in_memory(model):
    picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    expected = picture.sum((0, 1)).tolist()
    fortran = np.asfortranarray(picture)
    strided = np.repeat(picture, 2, axis=1)[:, ::2]
    read_only = picture.copy()
    read_only.flags.writeable = False
    for same in (picture, fortran, strided, read_only):
        assert model.infer(same)["sums"].tolist() == expected


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((5, 4, 3), np.uint8),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 3), np.int8),
        np.zeros((4, 5, 3), bool),
    ],
)
def test_a_wrong_picture(wrong, model):
    for _ in range(3):
        with pytest.raises(ModelError, match=rf"{wrong.dtype} of shape .*takes u8 of shape \[1,4,5,3\]"):
            model.infer(wrong)
    assert model.infer(np.zeros((4, 5, 3), np.uint8))["sums"].tolist() == [0] * 3


@pytest.mark.parametrize("threads", [0, -1])
def test_no_threads(threads):
    with pytest.raises(ModelError, match=f"{threads} threads. Give 1 or more"):
        CompiledModel(sums(), RuntimeSettings(threads=threads))


def test_more_threads_than_cores():
    model = CompiledModel(sums(), RuntimeSettings(threads=64))
    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(lambda n: model.infer(np.full((4, 5, 3), n, np.uint8))["sums"][0], range(200)))
    assert results == [20 * n for n in range(200)]


def test_a_model_that_cannot_be_compiled():
    with pytest.raises(ModelError, match="cannot compile the model 'sums'"):
        CompiledModel(sums(), RuntimeSettings(precision="f7"))


def test_the_cache_folder_of_the_settings_is_used(tmp_path):
    CompiledModel(sums(), RuntimeSettings(cache_path=tmp_path / "a" / "b"))
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_fingerprints():
    assert fingerprint("a", "b") == "7e18f737311b2dc3"
    assert fingerprint("a", "b") != fingerprint("ab")
