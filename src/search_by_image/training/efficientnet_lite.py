"""EfficientNet-Lite as a PyTorch module, its parameters under the names that the catalogue's weights have.

The same network as `models/efficientnet_lite.py` builds for OpenVINO; the widths are those of the weights.
"""

from collections.abc import Mapping

import torch
from torch import nn

from search_by_image.models.efficientnet_lite import BATCH_NORM_EPSILON, Stage
from search_by_image.models.torch_legacy import Array

Tensors = Mapping[str, Array]
FIRST_STRIDE = 2


class SameConvolution(nn.Sequential):
    """With TensorFlow's SAME padding for pictures of one size. The weight is called as that of a plain convolution."""

    def __init__(self, weight: Array, side: int, stride: int = 1) -> None:
        channels, inputs, kernel, _width = weight.shape
        groups = channels if inputs == 1 else 1
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        first, last = missing // 2, missing - missing // 2
        super().__init__()
        self.padding = nn.ZeroPad2d((first, last, first, last))
        convolution = nn.Conv2d(inputs * groups, channels, kernel, stride, groups=groups, bias=False)
        self.weight = convolution.weight
        self._convolution = (stride, groups)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        stride, groups = self._convolution
        return nn.functional.conv2d(self.padding(pixels), self.weight, stride=stride, groups=groups)


class Block(nn.Module):
    """An inverted bottleneck: expand, filter each channel, project; with a shortcut where the shapes agree."""

    def __init__(self, tensors: Tensors, prefix: str, side: int, stride: int) -> None:
        super().__init__()
        self.expands = f"{prefix}_expand_conv.weight" in tensors
        if self.expands:
            self._expand_conv = SameConvolution(tensors[f"{prefix}_expand_conv.weight"], side)
            self._bn0 = _norm(tensors, f"{prefix}_bn0")
        self._depthwise_conv = SameConvolution(tensors[f"{prefix}_depthwise_conv.weight"], side, stride)
        self._bn1 = _norm(tensors, f"{prefix}_bn1")
        self._project_conv = SameConvolution(tensors[f"{prefix}_project_conv.weight"], -(-side // stride))
        self._bn2 = _norm(tensors, f"{prefix}_bn2")

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = nn.functional.relu6(self._bn0(self._expand_conv(maps))) if self.expands else maps
        inner = nn.functional.relu6(self._bn1(self._depthwise_conv(inner)))
        projected = self._bn2(self._project_conv(inner))
        return projected + maps if projected.shape == maps.shape else projected


class EfficientNetLite(nn.Module):
    """From (n, 3, side, side), scaled, to features, shape (n, 1280). Raises `KeyError` for other tensors."""

    def __init__(self, tensors: Tensors, side: int, stages: tuple[Stage, ...]) -> None:
        super().__init__()
        self._conv_stem = SameConvolution(tensors["_conv_stem.weight"], side, FIRST_STRIDE)
        self._bn0 = _norm(tensors, "_bn0")
        side = -(-side // FIRST_STRIDE)
        blocks = []
        for number, stride in enumerate(_strides(stages)):
            blocks.append(Block(tensors, f"_blocks.{number}.", side, stride))
            side = -(-side // stride)
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConvolution(tensors["_conv_head.weight"], side)
        self._bn1 = _norm(tensors, "_bn1")

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = nn.functional.relu6(self._bn0(self._conv_stem(pixels)))
        maps = nn.functional.relu6(self._bn1(self._conv_head(self._blocks(maps))))
        return maps.mean(dim=(2, 3))


def _norm(tensors: Tensors, name: str) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(len(tensors[f"{name}.weight"]), eps=BATCH_NORM_EPSILON)


def _strides(stages: tuple[Stage, ...]) -> list[int]:
    return [stage.stride if first else 1 for stage in stages for first in (True, *[False] * (stage.repeats - 1))]
