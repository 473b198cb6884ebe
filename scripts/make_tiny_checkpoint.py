r"""Make the tests' small checkpoint with TensorFlow 1's `Saver`, and what TensorFlow answers.

    python3 -m venv /tmp/tensorflow
    /tmp/tensorflow/bin/pip install tensorflow-cpu==2.21.0
    /tmp/tensorflow/bin/python scripts/make_tiny_checkpoint.py

- tests/data/tiny_checkpoint.ckpt.meta, .index, .data-00000-of-00001: from `input`, 32 x 32 x 3, to 8 `features`.
- tests/data/tiny_checkpoint_golden.npz: `pixels` (0..1) and `features`.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
DATA = Path(__file__).parents[1] / "tests" / "data"
SIDE = 32


def main() -> None:
    drawn = np.random.default_rng(2020)
    with tf.Graph().as_default():
        pixels = tf1.placeholder(tf.float32, (None, SIDE, SIDE, 3), "input")
        kernel = _variable("convolution/weights", drawn.normal(0, 0.3, (3, 3, 3, 8)))
        shift = _variable("convolution/biases", drawn.normal(0, 0.1, (8,)))
        maps = tf.nn.relu(tf.nn.conv2d(pixels, kernel, 2, "SAME") + shift)
        features = tf.reduce_mean(maps, (1, 2), name="features")
        picture = drawn.random((1, SIDE, SIDE, 3)).astype(np.float32)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            tf1.train.Saver().save(session, str(DATA / "tiny_checkpoint.ckpt"))
            answer = session.run(features, {pixels: picture})
    (DATA / "checkpoint").unlink()
    np.savez_compressed(DATA / "tiny_checkpoint_golden.npz", pixels=picture, features=answer)


def _variable(name: str, value: np.ndarray) -> tf.Tensor:
    return tf1.get_variable(name, initializer=value.astype(np.float32), use_resource=False)


if __name__ == "__main__":
    main()
