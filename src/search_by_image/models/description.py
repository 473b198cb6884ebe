"""What a model is, as data: what a picture becomes before it, and which numbers are taken from it.

`model.json` of an installed model holds the same, under the same names.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

Channels = tuple[float, float, float]
Resize = Literal["central-square", "squash", "shorter-side"]
Interpolation = Literal["bicubic", "bilinear", "tf1"]
Order = Literal["RGB", "BGR"]
Pooling = Literal["none", "cls", "mean"]
Layout = Literal["NHWC", "NCHW"]
Graph = Literal["file", "efficientnet-lite0", "efficientnet-lite2", "inception-v4"]
STRICT = ConfigDict(extra="forbid")
IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """An upright RGB picture -> the model's input.

    resize: central-square, the largest square in the middle; squash, the whole picture made square; shorter-side, the
        whole picture in its own shape, for a graph that takes any size.
    size: pixels a side (of the shorter side).
    interpolation: antialiased but for tf1, TensorFlow 1's bilinear one, which squashes.
    mean, std: of pixels in 0..1, a channel each in the order that the model takes: its input is (pixel / 255 - mean) /
        std. Both None: the graph takes 0..255 and does what else is needed.
    layout: of the graph's input; None: what its shape or its kind of file says.
    tensor: the graph's input; '': its only one.
    """

    __pydantic_config__ = STRICT

    size: int
    resize: Resize = "central-square"
    interpolation: Interpolation = "bicubic"
    mean: Channels | None = None
    std: Channels | None = None
    order: Order = "RGB"
    layout: Layout | None = None
    tensor: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """The model's answer -> a vector.

    tensor: any of the graph's by its name; '': the first output.
    pooling: of a tensor of shape (1, tokens, n), cls takes the first row and mean the mean of all; of a map of shape
        (1, n, height, width), or (1, height, width, n) where the layout is NHWC, mean takes the mean of all places.
    centred: less the vector's own mean, so that the cosine of two is their correlation.
    normalised: to length 1, for the cosine; otherwise the configured metric counts.
    """

    __pydantic_config__ = STRICT

    tensor: str = ""
    pooling: Pooling = "none"
    centred: bool = False
    normalised: bool = True


@dataclass(frozen=True, slots=True)
class TextSide:
    """The other half of a model: texts into the pictures' space.

    file: the graph, which may be the pictures' own. tokenizer: a `tokenizer.json` of the package tokenizers.
    tensor: the graph's answer, (1, dimension). length: tokens at most, those that begin and end a text among them.
    """

    file: str
    tokenizer: str
    tensor: str = "text_embeds"
    length: int = 77

    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Licence:
    """`declared`: by those who offer the file; otherwise `name` is that of the model's authors. `note`: what else."""

    __pydantic_config__ = STRICT

    name: str
    declared: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """`file`: the graph itself, or, where `graph` names one of ours, its weights. `dimension`: of the vectors.

    `text`: None where the model makes vectors of pictures only.
    """

    __pydantic_config__ = STRICT

    name: str
    file: str
    dimension: int
    preprocessing: Preprocessing
    output: Output
    licence: Licence
    graph: Graph = "file"
    text: TextSide | None = None
