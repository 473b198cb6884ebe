"""The text side of a model: tokens in, a vector in the pictures' space out."""

import sys
from dataclasses import replace

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as op

from made_models import (
    COLOURS,
    SIDE,
    SPECIAL,
    install_two_towers,
    manifest_of,
    two_towers,
    write_ir,
    write_two_towers,
)
from search_by_image.errors import MissingDependencyError, ModelError
from search_by_image.models.adding import add
from search_by_image.models.description import Output, TextSide
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.models.sources import Tools
from search_by_image.models.store import ModelStore
from search_by_image.models.text_model import TextModel
from search_by_image.plugins import Host
from search_by_image.processors.image_model import ImageModel

RED = np.array((1, -1, -1)) / np.sqrt(3)


def text_model(folder, **side) -> TextModel:
    model = two_towers(**side)
    return TextModel(folder, model, model.text, RuntimeSettings(threads=1))


@pytest.mark.parametrize("combined", [False, True])
@pytest.mark.parametrize("length", [-1, 12])
@pytest.mark.parametrize("kind", [ov.Type.i64, ov.Type.i32])
def test_a_text_becomes_a_vector(tmp_path, combined, length, kind):
    write_two_towers(tmp_path, combined=combined, length=length, kind=kind)
    made = text_model(tmp_path, combined=combined)
    for text in ("red", "RED, red!", "红", "红色的车", "red unknownword"):
        found = made.embed(text)
        assert found.dtype == np.float32
        assert np.abs(found - RED).max() < 1e-6, text
    both = made.embed("red green")
    assert both[0] == pytest.approx(both[1])
    assert np.linalg.norm(both) == pytest.approx(1)


def write_maskless(file, length=-1, place=None) -> None:
    """A text side that takes no mask: the mean of all tokens' colours, or that of the token at `place`."""
    ids = op.parameter(ov.PartialShape([-1, length]), ov.Type.i64, name="input_ids")
    ids.output(0).set_names({"input_ids"})
    table = np.array([(0, 0, 0)] * len(SPECIAL) + list(COLOURS.values()), np.float32)
    words = op.gather(op.constant(table), ids, np.int64(0))
    chosen = op.reduce_mean(words, np.array([1]), keep_dims=False)
    if place is not None:
        chosen = op.gather(words, np.int64(place), np.int64(1))
    chosen.output(0).set_names({"text_embeds"})
    write_ir(ov.Model([op.result(chosen)], [ids], "maskless"), file)


def change_tokenizer(file, change) -> None:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(file))
    change(made)
    made.save(str(file))


ALONE = len(("[CLS]", "red", "[SEP]"))
PAD = {"pad_id": len(SPECIAL) + list(COLOURS).index("blue"), "pad_token": "blue"}


@pytest.mark.parametrize(
    ("padding", "length", "fixed", "tokens"),
    [
        ({"length": 8}, 77, -1, 8),
        ({"length": 8}, 5, -1, 5),
        ({"length": 8}, 77, 6, 6),
        ({"length": 8}, 77, 12, 12),
        ({"length": 8, "pad_to_multiple_of": 5}, 77, -1, 8),
        ({"length": None}, 77, 6, 6),
        ({"length": None, "pad_to_multiple_of": 4}, 77, -1, 3),
    ],
)
def test_texts_are_padded_as_the_tokenizer_says(tmp_path, padding, length, fixed, tokens):
    write_two_towers(tmp_path)
    write_maskless(tmp_path / "text.xml", fixed)
    change_tokenizer(tmp_path / "tokenizer.json", lambda made: made.enable_padding(**PAD, **padding))
    total = np.array(COLOURS["red"]) + (tokens - ALONE) * np.array(COLOURS["blue"])
    wanted = total / np.linalg.norm(total)
    assert np.abs(text_model(tmp_path, length=length).embed("red") - wanted).max() < 1e-6


@pytest.mark.parametrize(("direction", "place"), [("right", -1), ("left", 0)])
def test_texts_are_padded_on_the_tokenizers_side(tmp_path, direction, place):
    write_two_towers(tmp_path)
    write_maskless(tmp_path / "text.xml", place=place)
    change_tokenizer(
        tmp_path / "tokenizer.json", lambda made: made.enable_padding(direction=direction, length=6, **PAD)
    )
    assert text_model(tmp_path).embed("red") @ COLOURS["blue"] > 1.7


@pytest.mark.parametrize(("direction", "colour"), [("right", "red"), ("left", "blue")])
def test_texts_are_cut_off_as_the_tokenizer_says(tmp_path, direction, colour):
    write_two_towers(tmp_path)
    change_tokenizer(tmp_path / "tokenizer.json", lambda made: made.enable_truncation(4, stride=1, direction=direction))
    assert text_model(tmp_path).embed("red red red blue blue") @ COLOURS[colour] > 1.7


def test_what_is_longer_than_the_model_takes_is_cut_off(tmp_path):
    write_two_towers(tmp_path, length=6)
    made = text_model(tmp_path)
    assert np.abs(made.embed("red " * 4 + "blue " * 100) - RED).max() < 1e-6
    short = text_model(tmp_path, length=3)
    assert np.abs(short.embed("red blue") - RED).max() < 1e-6


def test_the_vector_is_made_as_the_pictures_are(tmp_path):
    write_two_towers(tmp_path)
    model = replace(two_towers(), output=Output(normalised=False, centred=True))
    found = TextModel(tmp_path, model, model.text, RuntimeSettings(threads=1)).embed("red")
    assert abs(found.mean()) < 1e-6
    assert found[0] > found[1]


def test_pictures_and_texts_are_in_one_space(tmp_path):
    from PIL import Image

    install_two_towers(ModelStore(tmp_path))
    made = ImageModel({"model": "two-towers"}, Host(RuntimeSettings(threads=1), models_path=tmp_path))
    assert made.takes_text
    red = made.process(Image.new("RGB", (40, 30), (250, 3, 4)), {}).vector
    assert red @ made.embed_text("red") > 0.99
    assert red @ made.embed_text("blue") < 0


def test_the_text_side_may_be_left_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    installed = install_without_tokenizers(tmp_path, monkeypatch)
    host = Host(RuntimeSettings(threads=1), models_path=tmp_path)
    with pytest.raises(MissingDependencyError, match=r"pip install 'search-by-image\[text\]'"):
        ImageModel({"model": "two-towers"}, host)
    made = ImageModel({"model": "two-towers", "text": "false"}, host)
    assert not made.takes_text
    assert set(installed.manifest.files) > {"text.xml", "tokenizer.json"}


def install_without_tokenizers(folder, monkeypatch):
    with monkeypatch.context() as inside:
        inside.delitem(sys.modules, "tokenizers")
        return install_two_towers(ModelStore(folder))


def test_the_fingerprint_is_of_what_makes_pictures_vectors(tmp_path):
    def fingerprint(store: ModelStore) -> str:
        host = Host(RuntimeSettings(threads=1), models_path=store.folder)
        return ImageModel({"model": "two-towers"}, host).fingerprint

    store = ModelStore(tmp_path)
    first = install_two_towers(store)
    before = fingerprint(store)
    files = {name: (first.folder / name).read_bytes() for name in first.manifest.files}

    def changed(name: str):
        def fill(folder):
            for one, content in files.items():
                (folder / one).write_bytes(content + b" " if one == name else content)
            return manifest_of(folder, two_towers())

        return fill

    after = {}
    for name in files:
        store.install("two-towers", changed(name), replace=True)
        after[name] = fingerprint(store)
    assert {name for name, found in after.items() if found != before} == {"image.xml", "image.bin"}


def test_added_with_its_text_side(tmp_path):
    write_two_towers(tmp_path)
    said = {
        "preprocessing": {"mean": (0.5,) * 3, "std": (0.5,) * 3},
        "text": {"file": "text.xml", "tokenizer": "tokenizer.json"},
    }
    store = ModelStore(tmp_path / "models")
    installed = add("mine", [str(tmp_path / "image.xml")], said, store, Tools())
    assert installed.manifest.model.text == TextSide("text.xml", "tokenizer.json")
    assert set(installed.manifest.files) == {"image.xml", "image.bin", "text.xml", "text.bin", "tokenizer.json"}
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"is no tokenizer\.json"):
        add("other", [str(tmp_path / "image.xml")], said, store, Tools())
    assert store.names() == ("mine",)


# --- mistakes


def test_a_text_side_that_is_none(tmp_path):
    write_two_towers(tmp_path, combined=True)
    for side, said in (
        ({"tensor": "words"}, "no tensor named 'words'"),
        ({"tensor": "image_embeds"}, "wants pixel_values; known are input_ids, attention_mask, token_type_ids"),
        ({"tokenizer": "none.json"}, r"is no tokenizer\.json that can be read"),
        ({"file": "none.xml"}, "There is no model file"),
    ):
        with pytest.raises(ModelError, match=said):
            text_model(tmp_path, combined=True, **side)


def test_a_text_side_of_several_texts_only(tmp_path):
    write_two_towers(tmp_path)
    ids = op.parameter([2, 5], ov.Type.i64, name="input_ids")
    ids.output(0).set_names({"input_ids"})
    both = op.concat([ids, op.constant(np.zeros((2, 1), np.int64))], 1)
    both.output(0).set_names({"text_embeds"})
    write_ir(ov.Model([op.result(both)], [ids], "pairs"), tmp_path / "text.xml")
    with pytest.raises(ModelError, match=r"'text\.xml' cannot take one text at a time"):
        text_model(tmp_path)


def test_a_text_side_of_another_dimension(tmp_path):
    write_two_towers(tmp_path)
    model = replace(two_towers(), dimension=SIDE)
    with pytest.raises(ModelError, match=r"of shape \(3,\), and \(16,\) is described"):
        TextModel(tmp_path, model, model.text, RuntimeSettings(threads=1)).embed("red")


def test_a_text_without_a_direction(tmp_path):
    write_two_towers(tmp_path)
    with pytest.raises(ModelError, match="all equal or not finite"):
        text_model(tmp_path).embed("unknownword")
