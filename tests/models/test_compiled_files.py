"""Compiled models kept between starts: read again, never trusted when damaged, never in the way of a start."""

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from search_by_image.models.compiled_files import compile_model
from search_by_image.models.runtime import RuntimeSettings

F32 = RuntimeSettings(threads=1).properties()
PICTURE = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)


def scaled(factor: float, *, output: str = "scaled", sides: int = 4) -> ov.Model:
    image = op.parameter([1, sides, sides, 3], ov.Type.u8, name="image")
    weights = np.full((8, 3), factor, np.float32)
    result = op.result(op.matmul(op.convert(image, "f32"), op.constant(weights), False, True))
    result.get_output_tensor(0).set_names({output})
    return ov.Model([result], [image], "scaled")


def answer(compiled: ov.CompiledModel) -> float:
    """The factor, found by running the model."""
    result = compiled.create_infer_request().infer({0: PICTURE})[compiled.output(0)]
    return float(result[0, 0, 0, 0] / PICTURE[0, 0, 0].sum())


def only_file(folder):
    (file,) = folder.iterdir()
    return file


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING)
    return caplog


def test_the_second_start_reads_what_the_first_kept(tmp_path, log):
    assert answer(compile_model(scaled(2), F32, tmp_path / "two")) == 2
    assert answer(compile_model(scaled(3), F32, tmp_path / "three")) == 3
    only_file(tmp_path / "two").write_bytes(only_file(tmp_path / "three").read_bytes())
    assert answer(compile_model(scaled(2), F32, tmp_path / "two")) == 3
    assert not log.records


def test_a_model_from_a_file_is_equal_to_the_compiled_one(network, tmp_path):
    picture = np.random.default_rng(5).integers(0, 256, (1, 224, 224, 3), np.uint8)
    first, second = (compile_model(network, F32, tmp_path).create_infer_request().infer({0: picture}) for _ in "ab")
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(first["features"], second["features"])
    assert np.array_equal(first["probabilities"], second["probabilities"])


def test_everything_that_matters_has_its_own_file(tmp_path):
    models = [scaled(2), scaled(2.5), scaled(2, output="other"), scaled(2, sides=5)]
    for count, model in enumerate(models, 1):
        compile_model(model, F32, tmp_path)
        assert len(list(tmp_path.iterdir())) == count
    compile_model(scaled(2), RuntimeSettings(threads=1, precision="bf16").properties(), tmp_path)
    compile_model(scaled(2), RuntimeSettings(threads=2).properties(), tmp_path)
    compile_model(scaled(2), F32, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(models) + 2


def branch(size: float) -> ov.Model:
    condition, image = op.parameter([], ov.Type.boolean), op.parameter([2], ov.Type.f32)
    one, other = op.parameter([2], ov.Type.f32), op.parameter([2], ov.Type.f32)
    then = ov.Model([op.add(one, op.constant(np.float32(size)))], [one], "then")
    orelse = ov.Model([op.relu(other)], [other], "else")
    node = op.if_op(condition)
    node.set_then_body(then)
    node.set_else_body(orelse)
    node.set_input(image.output(0), one, other)
    return ov.Model([node.set_output(then.results[0], orelse.results[0])], [condition, image], "branch")


def test_a_model_within_a_model_is_not_kept(tmp_path):
    for size in (1, 2):
        compiled = compile_model(branch(size), F32, tmp_path)
        result = compiled.create_infer_request().infer({0: np.array(True), 1: np.zeros(2, np.float32)})
        assert result[0].tolist() == [size] * 2
    assert not list(tmp_path.iterdir())


def sealed(blob: bytes) -> bytes:
    return hashlib.sha256(blob).digest() + blob


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "short": lambda content: content[:-1],
    "within the digest": lambda content: content[:20],
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "longer": lambda content: content + b"\0",
    "no model at all": lambda _: sealed(b"no model at all"),
    "empty, its SHA-256 right": lambda _: sealed(b""),
    "truncated, its SHA-256 right": lambda content: sealed(content[32 : len(content) // 2]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_made_again(damage, tmp_path, log):
    compile_model(scaled(2), F32, tmp_path)
    file = only_file(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    assert answer(compile_model(scaled(2), F32, tmp_path)) == 2
    assert [record.levelname for record in log.records] == ["WARNING"]
    assert str(file) in log.text
    assert "made again" in log.text
    log.clear()
    assert answer(compile_model(scaled(2), F32, tmp_path)) == 2
    assert not log.records


def test_not_one_flipped_byte_is_trusted(tmp_path, log):
    """OpenVINO's own cache takes flipped weights for good."""
    compile_model(scaled(2), F32, tmp_path)
    file = only_file(tmp_path)
    whole = file.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 20)):
        content = bytearray(whole)
        content[place] ^= 0x55
        file.write_bytes(content)
        log.clear()
        assert answer(compile_model(scaled(2), F32, tmp_path)) == 2
        assert len(log.records) == 1, place


def test_a_folder_that_cannot_be_made(tmp_path, log):
    (tmp_path / "file").write_bytes(b"")
    assert answer(compile_model(scaled(2), F32, tmp_path / "file" / "folder")) == 2
    assert "Check models/cache_path" in log.text


def test_a_folder_in_the_place_of_the_file(tmp_path, log):
    compile_model(scaled(2), F32, tmp_path)
    file = only_file(tmp_path)
    file.unlink()
    file.mkdir()
    assert answer(compile_model(scaled(2), F32, tmp_path)) == 2
    assert "made again" in log.text
    assert "Check models/cache_path" in log.text
    assert only_file(tmp_path) == file


def test_starts_at_the_same_time(tmp_path, log):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: answer(compile_model(scaled(2), F32, tmp_path)), range(24)))
    assert answers == [2] * 24
    assert not log.records
    assert only_file(tmp_path).suffix == ".blob"
