"""Inception v4 as a PyTorch module, its parameters under timm's names.

The same network as `models/inception_v4.py` builds for OpenVINO; the widths are those of the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from search_by_image.models.inception_v4 import BATCH_NORM_EPSILON
from search_by_image.models.torch_legacy import Array

Tensors = Mapping[str, Array]


class Convolution(nn.Module):
    """A convolution, its batch normalisation, and ReLU."""

    def __init__(self, weight: Array, stride: int, same: bool) -> None:
        super().__init__()
        channels, inputs, *kernel = weight.shape
        padding = tuple(side // 2 if same else 0 for side in kernel)
        self.conv = nn.Conv2d(inputs, channels, tuple(kernel), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.bn(self.conv(maps)))


class Branches(nn.Module):
    """Each sees the same maps; what they give is joined."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(maps) for branch in self.children()], dim=1)


class BlockC(nn.Module):
    """Its branches divide once more on their way."""

    def __init__(self, network: "_Parts", prefix: str) -> None:
        super().__init__()
        self.branch0 = network.convolution(f"{prefix}.branch0", same=True)
        for name in ("branch1_0", "branch1_1a", "branch1_1b", "branch2_0", "branch2_1", "branch2_2"):
            self.add_module(name, network.convolution(f"{prefix}.{name}", same=True))
        for name in ("branch2_3a", "branch2_3b"):
            self.add_module(name, network.convolution(f"{prefix}.{name}", same=True))
        self.branch3 = network.averaged(f"{prefix}.branch3")

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        narrow = self.branch1_0(maps)
        deep = self.branch2_2(self.branch2_1(self.branch2_0(maps)))
        parts = [self.branch0(maps), self.branch1_1a(narrow), self.branch1_1b(narrow)]
        parts += [self.branch2_3a(deep), self.branch2_3b(deep), self.branch3(maps)]
        return torch.cat(parts, dim=1)


class InceptionV4(nn.Module):
    """From (n, 3, side, side), scaled, to features, shape (n, 1536). Raises `KeyError` for other tensors."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        self.features = _Parts(tensors).all()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.features(pixels).mean(dim=(2, 3))


@dataclass(frozen=True, slots=True)
class _Parts:
    tensors: Tensors

    def all(self) -> nn.Sequential:
        first = [
            self.convolution("features.0", 2),
            self.convolution("features.1"),
            self.convolution("features.2", same=True),
            Branches(maxpool=_halved(), conv=self.convolution("features.3.conv", 2)),
            Branches(branch0=self._row("features.4.branch0", "01"), branch1=self._long("features.4.branch1")),
            Branches(conv=self.convolution("features.5.conv", 2), maxpool=_halved()),
        ]
        blocks = [self._block_a(f"features.{number}") for number in range(6, 10)]
        blocks += [self._reduction_a("features.10")]
        blocks += [self._block_b(f"features.{number}") for number in range(11, 18)]
        blocks += [self._reduction_b("features.18")]
        blocks += [BlockC(self, f"features.{number}") for number in range(19, 22)]
        return nn.Sequential(*first, *blocks)

    def convolution(self, name: str, stride: int = 1, *, same: bool = False) -> Convolution:
        return Convolution(self.tensors[f"{name}.conv.weight"], stride, same)

    def averaged(self, prefix: str) -> nn.Sequential:
        """Of the 3 x 3 pixels around each; beyond the border none are counted."""
        pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        return nn.Sequential(pool, self.convolution(f"{prefix}.1", same=True))

    def _row(self, prefix: str, numbers: str) -> nn.Sequential:
        return nn.Sequential(*(self.convolution(f"{prefix}.{number}") for number in numbers))

    def _long(self, prefix: str) -> nn.Sequential:
        kept = [self.convolution(f"{prefix}.{number}", same=True) for number in range(3)]
        return nn.Sequential(*kept, self.convolution(f"{prefix}.3"))

    def _keeping(self, prefix: str, count: int, *, last: int = 1) -> nn.Sequential:
        """Convolutions in a row that keep the size; a `last` stride of 2 makes the last one shrink it."""
        ends = [last > 1 and number == count - 1 for number in range(count)]
        return nn.Sequential(
            *(
                self.convolution(f"{prefix}.{number}", last if shrinks else 1, same=not shrinks)
                for number, shrinks in enumerate(ends)
            )
        )

    def _block_a(self, prefix: str) -> Branches:
        return Branches(
            branch0=self.convolution(f"{prefix}.branch0"),
            branch1=self._keeping(f"{prefix}.branch1", 2),
            branch2=self._keeping(f"{prefix}.branch2", 3),
            branch3=self.averaged(f"{prefix}.branch3"),
        )

    def _reduction_a(self, prefix: str) -> Branches:
        return Branches(
            branch0=self.convolution(f"{prefix}.branch0", 2),
            branch1=self._keeping(f"{prefix}.branch1", 3, last=2),
            branch2=_halved(),
        )

    def _block_b(self, prefix: str) -> Branches:
        return Branches(
            branch0=self.convolution(f"{prefix}.branch0"),
            branch1=self._keeping(f"{prefix}.branch1", 3),
            branch2=self._keeping(f"{prefix}.branch2", 5),
            branch3=self.averaged(f"{prefix}.branch3"),
        )

    def _reduction_b(self, prefix: str) -> Branches:
        return Branches(
            branch0=self._keeping(f"{prefix}.branch0", 2, last=2),
            branch1=self._keeping(f"{prefix}.branch1", 4, last=2),
            branch2=_halved(),
        )


def _halved() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2)
