"""EfficientNet-Lite as an OpenVINO graph, built from its PyTorch weights.

Mingxing Tan and Quoc V. Le, EfficientNet, 2019 (https://arxiv.org/abs/1905.11946); the Lite variant has no squeeze and
excitation and uses ReLU6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset15 as op

from search_by_image.errors import ModelError
from search_by_image.models.torch_legacy import Array

SQUEEZED: Final = re.compile(r"\._?se[._]")
"""In the names of tensors of squeeze and excitation: the reference implementation's, and timm's."""
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
Tensors = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Stage:
    repeats: int
    stride: int


LITE0 = (Stage(1, 1), Stage(2, 2), Stage(2, 2), Stage(3, 2), Stage(3, 1), Stage(4, 2), Stage(1, 1))
LITE2 = (Stage(1, 1), Stage(3, 2), Stage(3, 2), Stage(4, 2), Stage(4, 1), Stage(5, 2), Stage(1, 1))


def build(
    tensors: Tensors, image_size: int, stages: tuple[Stage, ...] = LITE0, *, with_classes: bool = False
) -> ov.Model:
    """A model from `image` (u8, 1 x H x W x 3, RGB) to `features` (1 x 1280).

    `with_classes` adds `probabilities` (1 x 1000), 5 MB of weights to read for each picture.

    Raises `ModelError` when the tensors are not those of such a network.
    """
    try:
        _check_depth(tensors, stages)
        return _model(tensors, image_size, stages, with_classes)
    except KeyError as error:
        raise ModelError(f"The weights have no tensor {error}: they are of another network.") from error
    except (IndexError, RuntimeError, ValueError) as error:
        raise ModelError(f"The weights are not those of this EfficientNet-Lite: {error}") from error


def fits(tensors: Tensors, stages: tuple[Stage, ...]) -> bool:
    """Other EfficientNets have all these tensors, too, and those of squeeze and excitation."""
    return has_depth(tensors, stages) and not any(SQUEEZED.search(name) for name in tensors)


def has_depth(tensors: Tensors, stages: tuple[Stage, ...]) -> bool:
    return _depth(tensors) == sum(stage.repeats for stage in stages)


def _check_depth(tensors: Tensors, stages: tuple[Stage, ...]) -> None:
    """Weights of a deeper network would otherwise give features, and wrong ones."""
    if not has_depth(tensors, stages):
        expected = sum(stage.repeats for stage in stages)
        raise ValueError(f"they have {_depth(tensors)} blocks, and the network has {expected}.")


def _depth(tensors: Tensors) -> int:
    return len({name.split(".")[1] for name in tensors if name.startswith("_blocks.")})


def _model(tensors: Tensors, image_size: int, stages: tuple[Stage, ...], with_classes: bool) -> ov.Model:
    image = op.parameter([1, image_size, image_size, 3], ov.Type.u8, name="image")
    pooled = op.reduce_mean(_trunk(_scaled(image), tensors, stages), np.array([2, 3]), keep_dims=False)
    results = [_result(pooled, "features")]
    if with_classes:
        results.append(_result(_probabilities(pooled, tensors), "probabilities"))
    return ov.Model(results, [image], "efficientnet-lite")


def _probabilities(features: ov.Node, tensors: Tensors) -> ov.Node:
    weight, bias = tensors["_fc.weight"], tensors["_fc.bias"]
    if bias.shape != weight.shape[:1]:
        raise ValueError("_fc.weight and _fc.bias do not fit each other.")
    return op.softmax(op.add(op.matmul(features, _constant(weight), False, True), _constant(bias[None])), 1)


def _result(node: ov.Node, name: str) -> ov.Node:
    result = op.result(node)
    result.get_output_tensor(0).set_names({name})
    return result


def _scaled(image: ov.Node) -> ov.Node:
    """(x - 127) / 128 in channels-first order, as the weights were trained."""
    channels_first = op.transpose(op.convert(image, "f32"), np.array([0, 3, 1, 2]))
    return op.multiply(op.subtract(channels_first, np.float32(127)), np.float32(1 / 128))


def _trunk(image: ov.Node, tensors: Tensors, stages: tuple[Stage, ...]) -> ov.Node:
    node = _relu6(_convolve(image, tensors, "_conv_stem", "_bn0", 2))
    strides = [stage.stride if first else 1 for stage in stages for first in (True, *[False] * (stage.repeats - 1))]
    for number, stride in enumerate(strides):
        node = _block(node, tensors, f"_blocks.{number}.", stride)
    return _relu6(_convolve(node, tensors, "_conv_head", "_bn1", 1))


def _block(node: ov.Node, tensors: Tensors, prefix: str, stride: int) -> ov.Node:
    """An inverted bottleneck: expand, filter each channel, project; with a shortcut where the shapes agree."""
    inner = node
    if f"{prefix}_expand_conv.weight" in tensors:
        inner = _relu6(_convolve(inner, tensors, f"{prefix}_expand_conv", f"{prefix}_bn0", 1))
    inner = _relu6(_convolve(inner, tensors, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride))
    projected = _convolve(inner, tensors, f"{prefix}_project_conv", f"{prefix}_bn2", 1)
    return op.add(projected, node) if projected.get_output_shape(0) == node.get_output_shape(0) else projected


def _convolve(node: ov.Node, tensors: Tensors, convolution: str, norm: str, stride: int) -> ov.Node:
    """A convolution with TensorFlow's SAME padding and its batch normalisation folded in."""
    weight, shift = _folded(tensors, convolution, norm)
    geometry = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
    if weight.shape[1] == 1:
        convolved = op.group_convolution(node, _constant(weight[:, None]), *geometry)
    else:
        convolved = op.convolution(node, _constant(weight), *geometry)
    return op.add(convolved, _constant(shift[None, :, None, None]))


def _folded(tensors: Tensors, convolution: str, norm: str) -> tuple[Array, Array]:
    """The weight, shape (channels, inputs, height, width), and the shift, shape (channels,)."""
    weight = tensors[f"{convolution}.weight"]
    channels, _inputs, _height, _width = weight.shape
    scale, bias, mean, variance = (tensors[f"{norm}.{part}"] for part in BATCH_NORM_PARTS)
    if {scale.shape, bias.shape, mean.shape, variance.shape} != {(channels,)}:
        raise ValueError(f"{convolution} and {norm} do not fit each other.")
    gain = scale / np.sqrt(variance + BATCH_NORM_EPSILON)
    return weight * gain[:, None, None, None], bias - mean * gain


def _constant(array: Array) -> ov.Node:
    """Given an array itself, OpenVINO's operators go through a Python list, ten times slower."""
    return op.constant(np.ascontiguousarray(array))


def _relu6(node: ov.Node) -> ov.Node:
    return op.clamp(node, 0.0, 6.0)
