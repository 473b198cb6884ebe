"""Inception v4 as an OpenVINO graph, built from its PyTorch weights under timm's names.

Christian Szegedy and others, Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, 2016
(https://arxiv.org/abs/1602.07261). Padding is as TF-Slim's: none, but where a filter keeps the size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.errors import ModelError
from search_by_image.models.torch_legacy import Array

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
LAST_TENSOR = "features.21.branch3.1.conv.weight"
Tensors = Mapping[str, Array]


def build(tensors: Tensors, image_size: int = 299, *, pixels: Literal["u8", "f32"] = "u8") -> ov.Model:
    """A model from `image` (1 x H x W x 3, RGB, 0..255) to `features` (1 x 1536).

    Raises `ModelError` when the tensors are not those of such a network.
    """
    try:
        return _model(_Network(tensors), image_size, pixels)
    except KeyError as error:
        raise ModelError(f"The weights have no tensor {error}: they are of another network.") from error
    except (IndexError, RuntimeError, ValueError) as error:
        raise ModelError(f"The weights are not those of Inception v4: {error}") from error


@dataclass(frozen=True, slots=True)
class _Network:
    tensors: Tensors

    def convolve(self, node: ov.Node, name: str, stride: int = 1, *, same: bool = False) -> ov.Node:
        """A convolution, its batch normalisation folded in, and ReLU. `same`: padded to keep the size."""
        weight, shift = self._folded(name)
        padding = [side // 2 if same else 0 for side in weight.shape[2:]]
        convolved = op.convolution(node, _constant(weight), [stride, stride], padding, padding, [1, 1])
        return op.relu(op.add(convolved, _constant(shift[None, :, None, None])))

    def convolve_all(self, node: ov.Node, prefix: str, count: int, *, last: int = 1) -> ov.Node:
        """`count` convolutions in a row that keep the size; a `last` stride of 2 makes the last one shrink it."""
        for number in range(count):
            shrinks = last > 1 and number == count - 1
            node = self.convolve(node, f"{prefix}.{number}", last if shrinks else 1, same=not shrinks)
        return node

    def _folded(self, name: str) -> tuple[Array, Array]:
        """The weight, shape (channels, inputs, height, width), and the shift, shape (channels,)."""
        weight = self.tensors[f"{name}.conv.weight"].astype(np.float32)
        scale, bias, mean, variance = (
            self.tensors[f"{name}.bn.{part}"].astype(np.float32) for part in BATCH_NORM_PARTS
        )
        if {scale.shape, bias.shape, mean.shape, variance.shape} != {weight.shape[:1]}:
            raise ValueError(f"{name}.conv and {name}.bn do not fit each other.")
        gain = scale / np.sqrt(variance + np.float32(BATCH_NORM_EPSILON))
        return weight * gain[:, None, None, None], bias - mean * gain


def _model(network: _Network, image_size: int, pixels: str) -> ov.Model:
    image = op.parameter([1, image_size, image_size, 3], ov.Type.u8 if pixels == "u8" else ov.Type.f32, name="image")
    features = op.reduce_mean(_trunk(network, _scaled(image)), np.array([2, 3]), keep_dims=False)
    result = op.result(features)
    result.get_output_tensor(0).set_names({"features"})
    return ov.Model([result], [image], "inception-v4")


def _scaled(image: ov.Node) -> ov.Node:
    """0..255 -> -1..1 in channels-first order, as the weights were trained."""
    channels_first = op.transpose(op.convert(image, "f32"), np.array([0, 3, 1, 2]))
    return op.subtract(op.multiply(channels_first, np.float32(2 / 255)), np.float32(1))


def _trunk(network: _Network, image: ov.Node) -> ov.Node:
    node = _stem(network, image)
    for numbers, block in (
        (range(6, 10), _block_a),
        (range(10, 11), _reduction_a),
        (range(11, 18), _block_b),
        (range(18, 19), _reduction_b),
        (range(19, 22), _block_c),
    ):
        for number in numbers:
            node = _joined(block(network, node, f"features.{number}"))
    return node


def _stem(network: _Network, node: ov.Node) -> ov.Node:
    node = network.convolve(node, "features.0", 2)
    node = network.convolve(node, "features.1")
    node = network.convolve(node, "features.2", same=True)
    node = _joined([_halved(node), network.convolve(node, "features.3.conv", 2)])
    node = _joined([_first_branch(network, node), _second_branch(network, node)])
    return _joined([network.convolve(node, "features.5.conv", 2), _halved(node)])


def _first_branch(network: _Network, node: ov.Node) -> ov.Node:
    return network.convolve(network.convolve(node, "features.4.branch0.0"), "features.4.branch0.1")


def _second_branch(network: _Network, node: ov.Node) -> ov.Node:
    return network.convolve(network.convolve_all(node, "features.4.branch1", 3), "features.4.branch1.3")


def _block_a(network: _Network, node: ov.Node, prefix: str) -> list[ov.Node]:
    return [
        network.convolve(node, f"{prefix}.branch0"),
        network.convolve_all(node, f"{prefix}.branch1", 2),
        network.convolve_all(node, f"{prefix}.branch2", 3),
        network.convolve(_averaged(node), f"{prefix}.branch3.1"),
    ]


def _reduction_a(network: _Network, node: ov.Node, prefix: str) -> list[ov.Node]:
    return [
        network.convolve(node, f"{prefix}.branch0", 2),
        network.convolve_all(node, f"{prefix}.branch1", 3, last=2),
        _halved(node),
    ]


def _block_b(network: _Network, node: ov.Node, prefix: str) -> list[ov.Node]:
    return [
        network.convolve(node, f"{prefix}.branch0"),
        network.convolve_all(node, f"{prefix}.branch1", 3),
        network.convolve_all(node, f"{prefix}.branch2", 5),
        network.convolve(_averaged(node), f"{prefix}.branch3.1"),
    ]


def _reduction_b(network: _Network, node: ov.Node, prefix: str) -> list[ov.Node]:
    return [
        network.convolve_all(node, f"{prefix}.branch0", 2, last=2),
        network.convolve_all(node, f"{prefix}.branch1", 4, last=2),
        _halved(node),
    ]


def _block_c(network: _Network, node: ov.Node, prefix: str) -> list[ov.Node]:
    def after(source: ov.Node, *names: str) -> list[ov.Node]:
        return [network.convolve(source, f"{prefix}.{name}", same=True) for name in names]

    (narrow,) = after(node, "branch1_0")
    (deep,) = after(node, "branch2_0")
    (deep,) = after(deep, "branch2_1")
    (deep,) = after(deep, "branch2_2")
    return [
        *after(node, "branch0"),
        *after(narrow, "branch1_1a", "branch1_1b"),
        *after(deep, "branch2_3a", "branch2_3b"),
        *after(_averaged(node), "branch3.1"),
    ]


def _joined(nodes: list[ov.Node]) -> ov.Node:
    return op.concat(nodes, 1)


def _halved(node: ov.Node) -> ov.Node:
    return op.max_pool(node, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3]).output(0)


def _averaged(node: ov.Node) -> ov.Node:
    """Of the 3 x 3 pixels around each; beyond the border none are counted."""
    return op.avg_pool(node, [1, 1], [1, 1], [1, 1], [3, 3], exclude_pad=True)


def _constant(array: Array) -> ov.Node:
    """Given an array itself, OpenVINO's operators go through a Python list, ten times slower."""
    return op.constant(np.ascontiguousarray(array))
