r"""`python -m benchmarks.inception [FILE]`: Inception v4 through our processor beside TensorFlow, on one graph.

TensorFlow is no dependency. In an environment of its own:

    python3 -m venv /tmp/tensorflow
    /tmp/tensorflow/bin/pip install tensorflow-cpu==2.21.0 -e .
    PYTHONPATH=tests /tmp/tensorflow/bin/python -m benchmarks.inception benchmarks/INCEPTION.md

The graph is of full size, with TF-Slim's structure and names, random weights and frozen. Compared are the greatest
difference of the features, and the CPU time of a picture, from JPEG to features: ours, TensorFlow with an open session,
and the way of 2020, a graph imported and a session opened on each call.
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks.__main__ import _machine
from benchmarks.measure import cpu_ms
from golden_pictures import golden_pictures
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.plugins import Host
from search_by_image.processors.inception_v4 import InceptionV4Classifier

tf1 = tf.compat.v1
SIDE = 299
CLASSES = 1001
FEATURES = "InceptionV4/Logits/AvgPool_1a/AvgPool:0"
PREDICTIONS = "InceptionV4/Logits/Predictions:0"
LARGEST_DIFFERENCE = 1e-3
LARGEST_SHARE = 1 / 8
ROUNDS = 3

Convolution = tuple[int, tuple[int, int], int, str]
"""Filters, (height, width), stride, padding."""
Branch = tuple[Convolution | tuple[Convolution, ...] | str, ...]
"""One after the other; a tuple of convolutions stands side by side; a text is a pooling."""


def c(filters: int, height: int, width: int, stride: int = 1, padding: str = "SAME") -> Convolution:
    return filters, (height, width), stride, padding


def valid(filters: int, stride: int = 1) -> Convolution:
    return c(filters, 3, 3, stride, "VALID")


BLOCK_A: tuple[Branch, ...] = (
    (c(96, 1, 1),),
    (c(64, 1, 1), c(96, 3, 3)),
    (c(64, 1, 1), c(96, 3, 3), c(96, 3, 3)),
    ("average", c(96, 1, 1)),
)
BLOCK_B: tuple[Branch, ...] = (
    (c(384, 1, 1),),
    (c(192, 1, 1), c(224, 1, 7), c(256, 7, 1)),
    (c(192, 1, 1), c(192, 7, 1), c(224, 1, 7), c(224, 7, 1), c(256, 1, 7)),
    ("average", c(128, 1, 1)),
)
SPLIT = (c(256, 1, 3), c(256, 3, 1))
BLOCK_C: tuple[Branch, ...] = (
    (c(256, 1, 1),),
    (c(384, 1, 1), SPLIT),
    (c(384, 1, 1), c(448, 3, 1), c(512, 1, 3), SPLIT),
    ("average", c(256, 1, 1)),
)
BLOCKS: dict[str, tuple[Branch, ...]] = {
    "Conv2d_1a_3x3": ((valid(32, 2),),),
    "Conv2d_2a_3x3": ((valid(32),),),
    "Conv2d_2b_3x3": ((c(64, 3, 3),),),
    "Mixed_3a": (("max",), (valid(96, 2),)),
    "Mixed_4a": ((c(64, 1, 1), valid(96)), (c(64, 1, 1), c(64, 1, 7), c(64, 7, 1), valid(96))),
    "Mixed_5a": ((valid(192, 2),), ("max",)),
    **{f"Mixed_5{letter}": BLOCK_A for letter in "bcde"},
    "Mixed_6a": ((valid(384, 2),), (c(192, 1, 1), c(224, 3, 3), valid(256, 2)), ("max",)),
    **{f"Mixed_6{letter}": BLOCK_B for letter in "bcdefgh"},
    "Mixed_7a": ((c(192, 1, 1), valid(192, 2)), (c(256, 1, 1), c(256, 1, 7), c(320, 7, 1), valid(320, 2)), ("max",)),
    **{f"Mixed_7{letter}": BLOCK_C for letter in "bcd"},
}


class Builder:
    """Frozen as TF-Slim's export is: weights as constants read through an Identity, batch norm not folded."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(2020)

    def build(self) -> tf.Graph:
        with tf.Graph().as_default() as graph:
            x = tf1.placeholder(tf.float32, (None, SIDE, SIDE, 3), "input")
            for name, branches in BLOCKS.items():
                x = self._block(x, branches, f"InceptionV4/{name}")
            self._logits(x)
        return graph

    def _block(self, x: tf.Tensor, branches: tuple[Branch, ...], name: str) -> tf.Tensor:
        if len(branches) == 1:
            return self._branch(x, branches[0], name)
        found = [self._branch(x, branch, f"{name}/Branch_{place}") for place, branch in enumerate(branches)]
        return tf.concat(found, 3, name=f"{name}/concat")

    def _branch(self, x: tf.Tensor, branch: Branch, name: str) -> tf.Tensor:
        for place, step in enumerate(branch):
            x = self._step(x, step, f"{name}/{place}" if len(branch) > 1 else name)
        return x

    def _step(self, x: tf.Tensor, step: Convolution | tuple[Convolution, ...] | str, name: str) -> tf.Tensor:
        if step == "max":
            return tf.nn.max_pool2d(x, 3, 2, "VALID", name=f"{name}/MaxPool")
        if step == "average":
            return tf.nn.avg_pool2d(x, 3, 1, "SAME", name=f"{name}/AvgPool")
        if isinstance(step[0], tuple):
            return tf.concat([self._convolution(x, one, f"{name}/{i}") for i, one in enumerate(step)], 3)
        return self._convolution(x, step, name)

    def _convolution(self, x: tf.Tensor, step: Convolution, name: str) -> tf.Tensor:
        filters, (height, width), stride, padding = step
        shape = (height, width, x.shape[-1], filters)
        spread = (2 / np.prod(shape[:3])) ** 0.5
        x = tf.nn.conv2d(x, self._weights(shape, spread, f"{name}/weights"), stride, padding, name=f"{name}/Conv2D")
        shift, mean = (self._weights((filters,), 0.1, f"{name}/BatchNorm/{part}") for part in ("beta", "moving_mean"))
        variance = tf.constant(self._random.uniform(0.8, 1.2, filters), tf.float32)
        ones = tf.ones(filters)
        x = tf1.nn.fused_batch_norm(x, ones, shift, mean, variance, 1e-3, is_training=False, name=f"{name}/BatchNorm")[
            0
        ]
        return tf.nn.relu(x, name=f"{name}/Relu")

    def _weights(self, shape: tuple[int, ...], spread: float, name: str) -> tf.Tensor:
        drawn = self._random.standard_normal(shape, np.float32) * np.float32(spread)
        return tf.identity(tf.constant(drawn, name=name), name=f"{name}/read")

    def _logits(self, x: tf.Tensor) -> None:
        pooled = tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID", name=FEATURES.removesuffix(":0"))
        flat = tf.reshape(pooled, (-1, pooled.shape[-1]))
        weights = self._weights((flat.shape[-1], CLASSES), 0.02, "InceptionV4/Logits/Logits/weights")
        tf.nn.softmax(tf.matmul(flat, weights), name=PREDICTIONS.removesuffix(":0"))


class TensorFlow:
    """The same file through TensorFlow 1's interface."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._definition = self._parsed()
        self._graph = tf.Graph()
        with self._graph.as_default():
            tf.graph_util.import_graph_def(self._definition, name="")
        self._session = tf1.Session(graph=self._graph)

    def close(self) -> None:
        self._session.close()

    def features(self, pixels: np.ndarray) -> np.ndarray:
        with tf.Graph().as_default(), tf1.Session() as session:
            prepared = session.run(_prepared(tf.constant(pixels)))
        return self._session.run(FEATURES, {"input:0": prepared}).ravel()

    def open_session(self, photo: bytes) -> None:
        """Kept open for the graph; the small one that prepares the picture is not."""
        with tf.Graph().as_default(), tf1.Session() as session:
            prepared = session.run(_prepared(tf.io.decode_jpeg(photo)))
        self._session.run(FEATURES, {"input:0": prepared})

    def session_per_call(self, photo: bytes) -> None:
        self._opened_anew(photo, self._definition)

    def file_per_call(self, photo: bytes) -> None:
        self._opened_anew(photo, self._parsed())

    def _opened_anew(self, photo: bytes, definition: tf1.GraphDef) -> None:
        with tf.Graph().as_default():
            prepared = _prepared(tf.io.decode_jpeg(photo))
            found = tf.graph_util.import_graph_def(
                definition, {"input:0": prepared}, return_elements=[FEATURES], name=""
            )
            with tf1.Session() as session:
                session.run(found)

    def _parsed(self) -> tf1.GraphDef:
        definition = tf1.GraphDef()
        definition.ParseFromString(self._file.read_bytes())
        return definition


def _prepared(pixels: tf.Tensor) -> tf.Tensor:
    scaled = tf.image.convert_image_dtype(pixels, tf.float32)
    return (tf1.image.resize_bilinear(scaled[None], (SIDE, SIDE), align_corners=False) - 0.5) * 2.0


@dataclass(frozen=True, slots=True)
class Result:
    difference: float
    largest: float
    start: float
    ours: float
    open_session: float
    session_per_call: float
    file_per_call: float

    def markdown(self) -> str:
        def row(name: str, time: float) -> str:
            return f"| {name} | {time:.0f} | {time / self.ours:.1f} |\n"

        return (
            f"# Inception v4\n\nMade by `python -m benchmarks.inception`: {_machine()}, "
            f"tensorflow {version('tensorflow-cpu')}.\n"
            "The graph has TF-Slim's structure and random weights. Ratios carry over to other machines.\n\n"
            f"Greatest difference of our features from TensorFlow's: {self.difference:.1e} (the largest feature is "
            f"{self.largest:.2f}; below {LARGEST_DIFFERENCE:g} is wanted).\n\n"
            "| CPU time of a picture, from JPEG to features | ms | times ours |\n| --- | --- | --- |\n"
            + row("ours, `resize` tf1", self.ours)
            + row("TensorFlow, session kept open", self.open_session)
            + row("TensorFlow, graph imported and session opened on each call", self.session_per_call)
            + row("the same, and the file read on each call", self.file_per_call)
            + f"\nOurs opens the model once, at start: {self.start:.1f} s.\n"
        )

    def check(self) -> None:
        if self.difference >= LARGEST_DIFFERENCE:
            raise SystemExit(f"The features differ by {self.difference}.")
        if self.ours > LARGEST_SHARE * self.session_per_call:
            raise SystemExit("Ours takes more than an eighth of the session-per-call way's CPU time.")


def photos() -> list[bytes]:
    return [_jpeg(Image.fromarray(picture).resize((1280, 960))) for picture in golden_pictures().values()]


def _jpeg(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=90)
    return target.getvalue()


def measured(folder: Path) -> Result:
    file = folder / "inception_v4.pb"
    file.write_bytes(Builder().build().as_graph_def().SerializeToString())
    labels = folder / "labels.txt"
    labels.write_text("".join(f"{number}:class {number}\n" for number in range(CLASSES)))
    started = time.perf_counter()
    ours = InceptionV4Classifier({"frozen_graph": file, "labelmap": labels}, Host(RuntimeSettings(threads=2)))
    start = time.perf_counter() - started
    theirs = TensorFlow(file)
    pixels = [np.asarray(Image.open(io.BytesIO(photo))) for photo in photos()]
    expected = [theirs.features(picture) for picture in pixels]
    found = [ours.process(Image.fromarray(picture), {}).vector for picture in pixels]

    def describe(photo: bytes) -> None:
        ours.process(open_rgb(photo, ImageLimits()), {})

    ways = [describe, theirs.open_session, theirs.session_per_call, theirs.file_per_call]
    times = cpu_ms([_each(way, photos()[1:3]) for way in ways], ROUNDS)
    theirs.close()
    return Result(float(np.abs(np.subtract(found, expected)).max()), float(np.max(expected)), start, *times)


def _each(way: Callable[[bytes], None], given: list[bytes]) -> Callable[[], int]:
    def work() -> int:
        for photo in given:
            way(photo)
        return len(given)

    return work


def main(report: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder))
    print(result.markdown())
    if report is not None:
        report.write_text(result.markdown(), encoding="utf-8")
    result.check()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
