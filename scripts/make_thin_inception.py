r"""Make tests/data/thin_inception_v4.safetensors, and what PyTorch answers with it to the golden pictures.

    python3 -m venv /tmp/thin
    /tmp/thin/bin/pip install torch==2.13.0 torchvision==0.28.0 timm==1.0.31 safetensors==0.8.0 numpy
    PYTHONPATH=tests /tmp/thin/bin/python scripts/make_thin_inception.py

The network is timm's Inception v4 with a 32nd of its channels; its weights are drawn from a seed and kept as float16.
tests/data/thin_inception_v4_golden.npz holds `features`, shape (pictures, 48), computed in float64 and kept in float32,
of the upper left 139 x 139 pixels of each picture of tests/golden_pictures.py, fed as -1..1.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from golden_pictures import golden_pictures

DATA = Path(__file__).parents[1] / "tests" / "data"
THINNER = 32
COLOURS = 3
SIDE = 139
SEED = 2016


def main() -> None:
    torch.manual_seed(SEED)
    network = _timm().create_model("inception_v4", num_classes=0, pretrained=False)
    _make_thin(network)
    _draw(network)
    tensors = {name: kept(value) for name, value in network.state_dict().items()}
    save_file(tensors, DATA / "thin_inception_v4.safetensors")
    np.savez_compressed(DATA / "thin_inception_v4_golden.npz", features=_features(network))
    for file in DATA.glob("thin_inception_v4*"):
        print(f"{file}: {file.stat().st_size} bytes")


def _timm() -> ModuleType:
    """timm imports torchvision, which stops where its operators are of another build of torch; none of them is used."""
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
    return import_module("timm")


def kept(value: torch.Tensor) -> torch.Tensor:
    return value.half() if value.is_floating_point() else value


def _make_thin(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, _thin_convolution(child))
        elif isinstance(child, nn.BatchNorm2d):
            setattr(module, name, _thin_norm(child))
        else:
            _make_thin(child)


def _thin_convolution(wide: nn.Conv2d) -> nn.Conv2d:
    inputs = COLOURS if wide.in_channels == COLOURS else wide.in_channels // THINNER
    shape = {"kernel_size": wide.kernel_size, "stride": wide.stride, "padding": wide.padding}
    return nn.Conv2d(inputs, wide.out_channels // THINNER, bias=False, **shape)


def _thin_norm(wide: nn.BatchNorm2d) -> nn.Module:
    thin = type(wide)(wide.num_features // THINNER, eps=wide.eps)
    if hasattr(wide, "act"):
        thin.act, thin.drop = wide.act, wide.drop
    return thin


@torch.inference_mode()
def _draw(network: nn.Module) -> None:
    """Values that float16 holds as they are: what is kept is what was computed with."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(value.half())


@torch.inference_mode()
def _features(network: nn.Module) -> np.ndarray:
    pictures = np.stack([picture[:SIDE, :SIDE] for picture in golden_pictures().values()])
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).double() / 127.5 - 1
    return network.double().eval()(scaled).float().numpy()


if __name__ == "__main__":
    main()
