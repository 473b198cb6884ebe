"""What training makes small. The classes are always learned; only `classification` shapes the features by them."""

import torch
from pytorch_metric_learning.losses import ProxyAnchorLoss, SupConLoss
from torch import nn

from search_by_image.training.network import Network
from search_by_image.training.settings import ObjectiveName


class Objective(nn.Module):
    """proxy-anchor: Kim and others, Proxy Anchor Loss for Deep Metric Learning, CVPR 2020. contrastive: Khosla and

    others, Supervised Contrastive Learning, NeurIPS 2020. classification: the cross entropy of the classes.
    """

    def __init__(self, name: ObjectiveName, classes: int, dimension: int) -> None:
        super().__init__()
        self.metric = _metric(name, classes, dimension)

    def forward(self, network: Network, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        features = network(pixels)
        if self.metric is None:
            return nn.functional.cross_entropy(network.classified(features), labels)
        classes = nn.functional.cross_entropy(network.classified(features.detach()), labels)
        return self.metric(features, labels) + classes


def _metric(name: ObjectiveName, classes: int, dimension: int) -> nn.Module | None:
    if name == "proxy-anchor":
        return ProxyAnchorLoss(classes, dimension)
    return SupConLoss() if name == "contrastive" else None
