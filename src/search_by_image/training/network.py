"""What is trained: a backbone, and upon it the features that searches take and the classes."""

import torch
from torch import nn

from search_by_image.training.backbones import Backbone

SHARPNESS = 16.0
"""Cosines of features and classes times this are what the softmax takes."""


class Network(nn.Module):
    """From pixels of 0..255, shape (n, side, side, 3), to features, shape (n, dimension), not normalised.

    The new layers begin as near to nothing as they can: features of the backbone's dimension are at first its own,
    and those of a smaller one keep its distances on average.
    """

    def __init__(self, backbone: Backbone, dimension: int, classes: int) -> None:
        super().__init__()
        self.centred = backbone.centred
        self.backbone = backbone.module
        self.embedding = nn.Linear(backbone.dimension, dimension)
        self.classifier = nn.Linear(dimension, classes, bias=False)
        self.register_buffer("shift", torch.tensor(backbone.shift).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(backbone.scale).reshape(1, 3, 1, 1), persistent=False)
        _begin(self.embedding)

    @property
    def dimension(self) -> int:
        return self.embedding.out_features

    def train(self, mode: bool = True) -> "Network":
        """Batch normalisation keeps the statistics that it came with: small batches would ruin them."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - its only common base
                part.eval()
        return self

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found = self.backbone((pixels.permute(0, 3, 1, 2).float() - self.shift) / self.scale)
        if self.centred:
            found = found - found.mean(dim=1, keepdim=True)
        return self.embedding(found)

    def classified(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n, classes)."""
        directions = nn.functional.normalize(self.classifier.weight)
        return SHARPNESS * nn.functional.linear(nn.functional.normalize(features), directions)


class Exported(nn.Module):
    """One picture, u8, shape (1, side, side, 3) -> its features and the probabilities of the classes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.network(image)
        return features, self.network.classified(features).softmax(dim=1)


def _begin(embedding: nn.Linear) -> None:
    if embedding.in_features == embedding.out_features:
        nn.init.eye_(embedding.weight)
    else:
        nn.init.orthogonal_(embedding.weight)
    nn.init.zeros_(embedding.bias)
