r"""Make the tests' small frozen graphs with TensorFlow, and what TensorFlow answers to the golden pictures.

    python3 -m venv /tmp/tensorflow
    /tmp/tensorflow/bin/pip install tensorflow-cpu==2.21.0 numpy onnx==1.23.2
    PYTHONPATH=tests /tmp/tensorflow/bin/python scripts/make_tiny_frozen_graph.py

- tests/data/tiny_inception.pb: TF-Slim's tensor names of Inception v4, 32 pixels a side, 12 features, 5 classes.
- tests/data/tiny_inception.tflite, .onnx: the same network, the latter in NCHW with tensors of its own names: `input`,
  `features`, `predictions`.
- tests/data/tiny_inception_golden.npz: `<name>/picture` (uint8), `/resized` (TensorFlow 1's bilinear, 0..1),
  `/features`, `/predictions` for each picture.
- tests/data/tiny_detector.pb: the tensor names of TensorFlow's object-detection API. It finds what is red (class 1) and
  what is blue (class 2); a score is the coloured share of its box.
"""

from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx import helper, numpy_helper

from golden_pictures import golden_pictures

tf1 = tf.compat.v1
DATA = Path(__file__).parents[1] / "tests" / "data"
SIDE = 32
CLASSES = 5
COLOURS = {"red": 0, "blue": 2}
ROWS = 4
FEATURES = "InceptionV4/Logits/AvgPool_1a/AvgPool"
PREDICTIONS = "InceptionV4/Logits/Predictions"


def main() -> None:
    weights = _weights()
    inception, detector = _inception(weights), _detector()
    _write(DATA / "tiny_inception.pb", inception)
    _write(DATA / "tiny_detector.pb", detector)
    (DATA / "tiny_inception.onnx").write_bytes(_onnx(weights))
    (DATA / "tiny_inception.tflite").write_bytes(_tflite(inception))
    golden = {f"{name}/{key}": value for name, picture in _pictures() for key, value in _golden(inception, picture)}
    np.savez_compressed(DATA / "tiny_inception_golden.npz", **golden)


def _write(file: Path, graph: tf.Graph) -> None:
    file.write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
    print(f"{file}: {file.stat().st_size} bytes")


def _weights() -> dict[str, np.ndarray]:
    """Kernels of shape (height, width, channels in, channels out), shifts, and the matrix of the classes."""
    drawn = np.random.default_rng(2020)

    def normal(spread: float, *shape: int) -> np.ndarray:
        return drawn.normal(0, spread, shape).astype(np.float32)

    return {
        "kernel1": normal(0.3, 3, 3, 3, 8),
        "shift1": normal(0.1, 8),
        "kernel2": normal(0.17, 3, 3, 8, 12),
        "shift2": normal(0.1, 12),
        "classes": normal(3, 12, CLASSES),
    }


def _inception(weights: dict[str, np.ndarray]) -> tf.Graph:
    with tf.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, (None, SIDE, SIDE, 3), "input")
        for place, name in enumerate(("Conv2d_1a_3x3", "Conv2d_2a_3x3"), 1):
            x = tf.nn.conv2d(x, weights[f"kernel{place}"], 2, "SAME", name=f"InceptionV4/{name}")
            x = tf.nn.relu(x + weights[f"shift{place}"])
        pooled = tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID", name=FEATURES)
        tf.nn.softmax(tf.reshape(pooled, (-1, pooled.shape[-1])) @ weights["classes"], name=PREDICTIONS)
    return graph


def _onnx(weights: dict[str, np.ndarray]) -> bytes:
    tensors = {**weights, **{name: weights[name].transpose(3, 2, 0, 1) for name in ("kernel1", "kernel2")}}
    same = {"strides": [2, 2], "pads": [0, 0, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["input", "kernel1", "shift1"], ["conv1"], **same),
        helper.make_node("Relu", ["conv1"], ["relu1"]),
        helper.make_node("Conv", ["relu1", "kernel2", "shift2"], ["conv2"], **same),
        helper.make_node("Relu", ["conv2"], ["relu2"]),
        helper.make_node("GlobalAveragePool", ["relu2"], ["features"]),
        helper.make_node("Flatten", ["features"], ["flat"]),
        helper.make_node("MatMul", ["flat", "classes"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["predictions"]),
    ]
    kept = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in tensors.items()]
    shapes = {"input": ["batch", 3, SIDE, SIDE], "features": ["batch", 12, 1, 1], "predictions": ["batch", CLASSES]}
    source, *answers = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, "tiny", [source], answers, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _tflite(graph: tf.Graph) -> bytes:
    with tf1.Session(graph=graph) as session:
        tensors = [graph.get_tensor_by_name(f"{name}:0") for name in ("input", FEATURES, PREDICTIONS)]
        return tf1.lite.TFLiteConverter.from_session(session, tensors[:1], tensors[1:]).convert()


def _pictures() -> list[tuple[str, np.ndarray]]:
    pictures = golden_pictures()
    return [
        ("shapes", pictures["shapes"]),
        ("wide noise", pictures["noise"][:61, :200]),
        ("tall rings", pictures["rings"][:, 100:107]),
        ("small", pictures["mosaic"][10:31, 10:23]),
        ("one pixel", pictures["noise"][:1, :1]),
    ]


def _golden(graph: tf.Graph, picture: np.ndarray) -> list[tuple[str, np.ndarray]]:
    with tf.Graph().as_default(), tf1.Session() as session:
        scaled = tf.image.convert_image_dtype(tf.constant(picture), tf.float32)
        resized = tf1.image.resize_bilinear(scaled[None], (SIDE, SIDE), align_corners=False)
        names = [f"{FEATURES}:0", f"{PREDICTIONS}:0"]
        found = tf.graph_util.import_graph_def(
            graph.as_graph_def(), {"input:0": (resized - 0.5) * 2.0}, return_elements=names, name=""
        )
        answers = session.run([resized, *found])
    small, features, predictions = (answer[0] for answer in answers)
    return [("picture", picture), ("resized", small), ("features", features.ravel()), ("predictions", predictions)]


def _detector() -> tf.Graph:
    with tf.Graph().as_default() as graph:
        images = tf1.placeholder(tf.uint8, (None, None, None, 3), "image_tensor")
        picture = tf.cast(images[0], tf.float32)
        found = [_box(picture, channel) for channel in COLOURS.values()]
        boxes, scores = (tf.stack(part) for part in zip(*found, strict=True))
        best = tf.math.top_k(scores, len(found))
        padding = ROWS - len(found)
        _answer(tf.pad(tf.gather(boxes, best.indices), ((0, padding), (0, 0))), "detection_boxes")
        _answer(tf.pad(best.values, ((0, padding),)), "detection_scores")
        _answer(tf.pad(tf.cast(best.indices + 1, tf.float32), ((0, padding),)), "detection_classes")
        _answer(tf.constant(float(len(found))), "num_detections")
    return graph


def _answer(tensor: tf.Tensor, name: str) -> None:
    tf.expand_dims(tensor, 0, name=name)


def _box(picture: tf.Tensor, channel: int) -> tuple[tf.Tensor, tf.Tensor]:
    others = [other for other in range(3) if other != channel]
    mask = (picture[..., channel] > 150) & tf.reduce_all(tf.gather(picture, others, axis=-1) < 100, -1)
    (top, bottom), (left, right) = (_reach(tf.reduce_any(mask, axis)) for axis in (1, 0))
    size = tf.cast(tf.shape(mask), tf.float32)
    share = tf.reduce_sum(tf.cast(mask, tf.float32)) / tf.maximum((bottom - top) * (right - left), 1.0)
    box = tf.stack([top / size[0], left / size[1], bottom / size[0], right / size[1]])
    return box, share


def _reach(mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The first place that is set and the one after the last; both 0 when none is."""
    places = tf.range(tf.size(mask))
    last = tf.reduce_max(tf.where(mask, places + 1, 0))
    first = tf.minimum(tf.reduce_min(tf.where(mask, places, tf.size(mask))), last)
    return tf.cast(first, tf.float32), tf.cast(last, tf.float32)


if __name__ == "__main__":
    main()
