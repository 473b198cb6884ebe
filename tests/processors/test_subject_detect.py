"""Crops by a detector that finds what is red (cat) and what is blue (dog): tests/data/tiny_detector.pb."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openvino import opset15 as op
from PIL import Image, ImageDraw

from search_by_image.errors import ConfigError, ModelError
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.plugins import Host, Registry
from search_by_image.processors.inception_v4 import InceptionV4Vertor
from search_by_image.processors.subject_detect import SubjectDetect, _in_picture, _widened
from search_by_image.workshop import Workshop

DATA = Path(__file__).parents[1] / "data"
HOST = Host(RuntimeSettings(threads=1))
RED = (50, 20, 150, 120)
BLUE = (200, 30, 300, 130)


@pytest.fixture(scope="module")
def labelmap(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("labels") / "labels.txt"
    file.write_text("1:cat\n2:dog\n")
    return file


@pytest.fixture(scope="module")
def detect(labelmap):
    def make(**para) -> SubjectDetect:
        given = {"frozen_graph": str(DATA / "tiny_detector.pb"), "labelmap": str(labelmap)}
        return SubjectDetect({**given, **para}, HOST)

    return make


@pytest.fixture(scope="module")
def usual(detect) -> SubjectDetect:
    return detect()


def scene(*, red=RED, blue=BLUE, size=(400, 200)) -> Image.Image:
    """A red rectangle, and a blue disc: its share of its box is pi / 4."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    if blue:
        draw.ellipse((blue[0], blue[1], blue[2] - 1, blue[3] - 1), fill="blue")
    if red:
        draw.rectangle((red[0], red[1], red[2] - 1, red[3] - 1), fill="red")
    return image


# --- the best subject


def test_the_best_subject_is_cut_out(usual):
    found = usual.process(scene(), {})
    assert found.extra == {"subject_class": "cat", "subject_score": 1.0, "subject_box": RED}
    assert found.collection == "cat"
    assert found.image.size == (100, 100)
    assert found.image.getcolors() == [(10_000, (255, 0, 0))]


def test_the_second_best_where_the_best_is_not(usual):
    found = usual.process(scene(red=None), {})
    assert found.extra["subject_class"] == found.collection == "dog"
    assert found.extra["subject_score"] == pytest.approx(np.pi / 4, abs=0.01)
    assert found.extra["subject_box"] == BLUE


def test_of_equal_scores_the_larger_box(usual):
    image = scene(blue=None)
    ImageDraw.Draw(image).rectangle((200, 10, 319, 149), fill="blue")
    assert usual.process(image, {}).extra["subject_box"] == (200, 10, 320, 150)


def test_the_order_of_the_axes(usual):
    """A box read with x and y exchanged would be another."""
    box = (10, 60, 390, 80)
    assert usual.process(scene(red=box, blue=None), {}).extra["subject_box"] == box


def test_a_subject_that_fills_the_picture(usual):
    image = Image.new("RGB", (30, 20), "red")
    found = usual.process(image, {})
    assert found.image is image
    assert found.extra["subject_box"] == (0, 0, 30, 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_tiny_and_thin_pictures(usual, size):
    assert usual.process(Image.new("RGB", size, "red"), {}).image.size == size
    assert usual.process(Image.new("RGB", size, "white"), {}).image.size == size


def test_large_pictures_are_searched_smaller_and_cut_at_full_size(usual):
    found = usual.process(scene().resize((4000, 2000), Image.Resampling.NEAREST), {})
    assert np.abs(np.subtract(found.extra["subject_box"], [10 * place for place in RED])).max() <= 8
    assert found.image.width == pytest.approx(1000, abs=10)


def test_a_given_image_size(detect):
    box = detect(image_size="200").process(scene(), {}).extra["subject_box"]
    assert np.abs(np.subtract(box, RED)).max() <= 2


def test_the_picture_is_decoded_at_full_size(detect):
    assert detect(image_size="64").image_size is None


# --- settings of the crop


def test_a_margin_stays_within_the_picture(detect):
    made = detect(margin="0.5")
    assert made.process(scene(), {}).extra["subject_box"] == (0, 0, 200, 170)
    assert made.process(scene(red=(100, 80, 120, 120)), {}).extra["subject_box"] == (90, 60, 130, 140)


@pytest.mark.parametrize(
    ("share", "box"), [("1", (0, 0, 400, 200)), ("0.5", (100, 50, 300, 150)), ("0.001", (199, 99, 200, 100))]
)
def test_without_a_subject_the_middle_goes_on(detect, share, box):
    found = detect(centre_share=share).process(scene(red=None, blue=None), {})
    assert found.extra == {"subject_class": "", "subject_score": 0.0, "subject_box": box}
    assert found.image.size == (box[2] - box[0], box[3] - box[1])
    assert found.collection == ""


def test_a_score_must_be_above_the_least(detect):
    image = scene(red=None)
    score = detect().process(image, {}).extra["subject_score"]
    assert detect(min_score=score).process(image, {}).extra["subject_class"] == ""
    assert detect(min_score=score - 1e-6).process(image, {}).extra["subject_class"] == "dog"


@pytest.mark.parametrize(
    ("wanted", "collections"),
    [
        ("true", ["cat", "dog"]),
        (True, ["cat", "dog"]),
        ("", ["cat", "dog"]),
        ("False", ["", ""]),
        ("cat:pets, dog : good boys", ["pets", "good boys"]),
        ("\n dog:pets\n", ["", "pets"]),
        ({"cat": "pets"}, ["pets", ""]),
    ],
)
def test_the_collection(detect, wanted, collections):
    made = detect(class_to_collection=wanted)
    found = [made.process(image, {}) for image in (scene(), scene(red=None))]
    assert [one.collection for one in found] == collections
    assert [one.extra["subject_class"] for one in found] == ["cat", "dog"]


def test_without_a_labelmap_there_is_a_crop_and_no_collection(detect):
    found = detect(labelmap="").process(scene(), {})
    assert (found.collection, found.extra["subject_class"]) == ("", "")
    assert found.extra["subject_box"] == RED


# --- other models


def fixed(folder: Path, boxes, scores, classes=None, *, count=None, shape=(1, 3, 100, 200)) -> dict[str, str]:
    """An ONNX-like graph that finds the same in every picture, as far as it takes part in it; its settings."""
    image = op.parameter(list(shape), ov.Type.f32, name="images")
    image.output(0).get_tensor().set_names({"images"})
    nothing = op.multiply(op.reduce_sum(image, np.array(range(len(shape)))), np.float32(0))
    values = {"boxes": boxes, "scores": scores, "labels": classes or [1] * len(scores)}
    if count is not None:
        values["num_detections:0"] = count
    results = []
    for name, value in values.items():
        node = op.add(op.constant(np.array(value, np.float32)), nothing)
        if name == "labels":
            node = op.convert(node, "i64")
        node.output(0).get_tensor().set_names({name})
        results.append(op.result(node))
    ov.save_model(ov.Model(results, [image], "fixed"), folder / "fixed.xml", compress_to_fp16=False)
    return {
        "frozen_graph": str(folder / "fixed.xml"),
        "input_tensor": "images",
        "box_tensor": "boxes",
        "class_tensor": "labels",
        "score_tensor": "scores",
    }


@pytest.mark.parametrize(
    ("box_format", "box"),
    [
        ("yxyx_relative", [0.1, 0.25, 0.6, 0.5]),
        ("xyxy_relative", [0.25, 0.1, 0.5, 0.6]),
        ("cxcywh_relative", [0.375, 0.35, 0.25, 0.5]),
        ("yxyx_pixels", [10, 50, 60, 100]),
        ("xyxy_pixels", [50, 10, 100, 60]),
        ("cxcywh_pixels", [75, 35, 50, 50]),
    ],
)
@pytest.mark.parametrize("batch", [True, False])
def test_box_formats(detect, tmp_path, box_format, box, batch):
    """Pixels are those of the model's input, 200 x 100, whatever the picture's size is."""
    para = fixed(tmp_path, [[box]] if batch else [box], [[0.9]] if batch else [0.9])
    found = detect(**para, box_format=box_format, input_range="0..1").process(Image.new("RGB", (800, 600)), {})
    assert found.extra["subject_box"] == (200, 60, 400, 360)
    assert found.collection == "cat"


def test_only_as_many_as_were_counted(detect, tmp_path):
    boxes, scores = [[0, 0, 0.5, 0.5], [0, 0, 1, 1]], [0.6, 0.9]
    image = Image.new("RGB", (100, 100))
    counted = detect(**fixed(tmp_path, boxes, scores, count=[1])).process(image, {})
    assert counted.extra["subject_box"] == (0, 0, 50, 50)
    scalar = detect(**fixed(tmp_path, boxes, scores, count=1)).process(image, {})
    assert scalar.extra["subject_box"] == (0, 0, 50, 50)
    uncounted = detect(**fixed(tmp_path, boxes, scores)).process(image, {})
    assert uncounted.extra["subject_box"] == (0, 0, 100, 100)


def test_a_configured_count_must_exist(detect, tmp_path):
    with pytest.raises(ModelError, match="no tensor named 'counted'"):
        detect(**fixed(tmp_path, [[0, 0, 1, 1]], [0.9]), count_tensor="counted")


@pytest.mark.parametrize(
    "box", [[0.5, 0.5, 0.5, 0.9], [0.9, 0, 0.1, 1], [2, 2, 3, 3], [-1, -1, -0.5, 0], [np.nan, 0, 1, 1], [np.inf] * 4]
)
def test_boxes_without_an_area_are_passed_over(detect, tmp_path, box):
    para = fixed(tmp_path, [box, [0.2, 0.2, 0.8, 0.8]], [0.99, 0.7])
    assert detect(**para).process(Image.new("RGB", (100, 100)), {}).extra["subject_box"] == (20, 20, 80, 80)


def test_a_score_that_is_not_a_number_finds_nothing(detect, tmp_path):
    para = fixed(tmp_path, [[0, 0, 0.5, 0.5]], [np.nan])
    assert detect(**para).process(Image.new("RGB", (100, 100)), {}).extra["subject_score"] == 0.0


@given(st.tuples(*[st.floats(-0.5, 1.5)] * 4), st.integers(1, 50), st.integers(1, 50), st.floats(0, 1))
def test_every_crop_lies_in_the_picture(box, width, height, margin):
    whole = _in_picture(np.array(box), (width, height))
    if whole is None:
        return
    for left, top, right, bottom in (whole, _widened(whole, margin, (width, height))):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


# --- mistakes


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("class_to_collection", "pets", "Allowed: true, false, or which class goes where: cat:pets, dog:pets"),
        ("class_to_collection", "cat:", "Allowed: true, false"),
        ("centre_share", "0", "more than 0"),
        ("margin", "2", "at most 1"),
        ("box_format", "yxyx", "yxyx_relative or xyxy_relative"),
        ("input_range", "0..2", "0..255 or 0..1"),
        ("frozen_graph", "", "It must be set"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(detect, name, value, said):
    with pytest.raises(ConfigError, match=f"pipeline/processer_para/SubjectDetect/{name}: ") as raised:
        detect(**{name: value})
    assert said in str(raised.value)


def test_a_mapping_of_a_class_that_is_none(detect):
    with pytest.raises(ModelError, match="names lion; the labelmap's classes: cat, dog"):
        detect(class_to_collection="cat:pets,lion:wild")
    with pytest.raises(ModelError, match="classes: none"):
        detect(class_to_collection="cat:pets", labelmap="")


# --- the fingerprint


def test_the_fingerprint_changes_with_the_crop_only(detect, usual, tmp_path):
    copy = tmp_path / "elsewhere.pb"
    copy.write_bytes((DATA / "tiny_detector.pb").read_bytes())
    assert detect(frozen_graph=str(copy), labelmap="", class_to_collection="false").fingerprint == usual.fingerprint
    changed = [detect(margin="0.1"), detect(min_score="0.6"), detect(image_size="200"), detect(centre_share="0.9")]
    assert len({usual.fingerprint, *(one.fingerprint for one in changed)}) == 5


# --- in a pipeline


def test_the_next_processor_gets_the_crop_and_the_collection(labelmap):
    def png(image: Image.Image) -> bytes:
        target = BytesIO()
        image.save(target, "PNG")
        return target.getvalue()

    registry = Registry()
    for plugin in (SubjectDetect, InceptionV4Vertor):
        registry.add(plugin)
    para = {
        "SubjectDetect": {"frozen_graph": DATA / "tiny_detector.pb", "labelmap": labelmap},
        "InceptionV4Vertor": {"frozen_graph": DATA / "tiny_inception.pb", "image_size": "32"},
    }
    nodes = {"1": {"processor": "SubjectDetect"}, "2": {"processor": "InceptionV4Vertor"}}
    workshop = Workshop(registry, HOST, para)
    pipelines = workshop.pipelines({"crop": json.dumps(nodes), "plain": json.dumps({"1": nodes["2"]})})
    found = pipelines["crop"].run({"image": png(scene()), "collection": "all"}, {})
    alone = pipelines["plain"].run({"image": png(scene().crop(RED)), "collection": "all"}, {})
    assert (found["collection"], found["subject_class"], alone["collection"]) == ("cat", "cat", "all")
    assert np.array_equal(found["vertor"], alone["vertor"])
    nothing = pipelines["crop"].run({"image": png(scene(red=None, blue=None)), "collection": "all"}, {})
    assert nothing["collection"] == "all"
