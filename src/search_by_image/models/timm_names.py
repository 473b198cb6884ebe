"""EfficientNet-Lite's tensors under timm's names -> under those of its reference implementation."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from search_by_image.models.torch_legacy import Array

MARK: Final = "conv_stem.weight"
_OUTER: Final[Mapping[str, str]] = MappingProxyType(
    {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
)
_FIRST_STAGE: Final[Mapping[str, str]] = MappingProxyType(
    {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
)
_LATER_STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "conv_dw": "_depthwise_conv",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
)
_BLOCK: Final = re.compile(r"blocks\.(\d+)\.(\d+)\.(\w+)\.(\w+)")


def under_reference_names(tensors: Mapping[str, Array]) -> Mapping[str, Array]:
    """As they are where they are not timm's. Tensors of other networks keep names that are missed later."""
    return dict(_renamed(tensors)) if MARK in tensors else tensors


def _renamed(tensors: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    found = {name: _BLOCK.fullmatch(name) for name in tensors}
    places = sorted({(int(match[1]), int(match[2])) for match in found.values() if match})
    for name, tensor in tensors.items():
        match = found[name]
        if match is None:
            module, _, part = name.rpartition(".")
            yield f"{_OUTER.get(module, module)}.{part}", tensor
        else:
            stage, number = int(match[1]), int(match[2])
            own = _LATER_STAGES if stage else _FIRST_STAGE
            yield f"_blocks.{places.index((stage, number))}.{own.get(match[3], match[3])}.{match[4]}", tensor
