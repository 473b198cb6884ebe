"""`models add`: a model of the user's own."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from search_by_image.cli import options
from search_by_image.cli.models import Force, opened_store, opened_tools, use_of
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import say

EXAMPLES = """\
Examples:

search-by-image models add resnet50 --file resnet50.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225

search-by-image models add old --file inception_v4.pb --size 299 --resize squash --range -1,1 \
--output InceptionV4/Logits/AvgPool_1a/AvgPool:0

search-by-image models add mine --file https://models.example.com/mine.onnx --metadata mine.json
"""
CHANNELS = 3
ENDS = 2
OwnName = Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.")]
ModelFiles = Annotated[
    list[str],
    typer.Option(
        "--file",
        metavar="FILE",
        help="The graph (ONNX, OpenVINO .xml, TFLite, a frozen .pb, a checkpoint's .meta) or known weights "
        "(.safetensors, .pth), or its URL. Give it again for other files; those with the weights of a graph are found "
        "beside it.",
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A JSON file that says what the options say, as model.json of an installed model does; options win.",
    ),
]
Size = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=4096, help="Pixels a side. Without: what the graph fixes.")
]
Resize = Annotated[
    Literal["central-square", "squash", "shorter-side"] | None, typer.Option(help="Without: central-square.")
]
Interpolation = Annotated[Literal["bicubic", "bilinear", "tf1"] | None, typer.Option(help="Without: bicubic.")]
Mean = Annotated[str | None, typer.Option(metavar="R,G,B", help="Of pixels in 0..1, in the model's channel order.")]
Std = Annotated[str | None, typer.Option(metavar="R,G,B", help="The same, their standard deviation.")]
Range = Annotated[
    str | None,
    typer.Option("--range", metavar="LOW,HIGH", help="Instead of both: what 0 and 255 become, such as -1,1."),
]
Order = Annotated[Literal["RGB", "BGR"] | None, typer.Option(help="Of the channels. Without: RGB.")]
Layout = Annotated[Literal["NHWC", "NCHW"] | None, typer.Option(help="Without: what the graph's shape says.")]
Input = Annotated[
    str | None, typer.Option("--input", metavar="TENSOR", help="The graph's input. Without: its only one.")
]
OutputTensor = Annotated[
    str | None, typer.Option("--output", metavar="TENSOR", help="The features. Without: its first output.")
]
Pooling = Annotated[
    Literal["none", "cls", "mean"] | None,
    typer.Option(help="The first row of them, or the mean of all. Without: none."),
]
Centred = Annotated[bool | None, typer.Option("--centred/--not-centred", help="Less the features' own mean.")]
Normalised = Annotated[bool | None, typer.Option("--normalised/--not-normalised", help="To length 1. Without: yes.")]
LicenceName = Annotated[str | None, typer.Option("--licence", metavar="NAME", help="As models list will show it.")]


def add(
    *,
    name: OwnName,
    file: ModelFiles,
    metadata: Metadata = None,
    size: Size = None,
    resize: Resize = None,
    interpolation: Interpolation = None,
    mean: Mean = None,
    std: Std = None,
    range_: Range = None,
    order: Order = None,
    layout: Layout = None,
    input_: Input = None,
    output: OutputTensor = None,
    pooling: Pooling = None,
    centred: Centred = None,
    normalised: Normalised = None,
    licence: LicenceName = None,
    force: Force = False,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Add a model that you have, with what a picture becomes before it. It is tried out before it is installed."""
    settings = read_settings(config, config_encoding, debug)
    preprocessing = {
        **_scaling(mean, std, range_),
        "size": size,
        "resize": resize,
        "interpolation": interpolation,
        "order": order,
        "layout": layout,
        "tensor": input_,
    }
    features = {"tensor": output, "pooling": pooling, "centred": centred, "normalised": normalised}
    said = _merged(_read(metadata), preprocessing, features, licence)

    from search_by_image.models.adding import add as add_model

    with opened_tools(settings, name) as tools:
        installed = add_model(name, file, said, opened_store(settings), tools, replace=force)
    model = installed.manifest.model
    say(
        f"{name} is installed in {installed.folder}: {model.dimension} dimensions of {model.preprocessing.size} pixels."
    )
    say(use_of(name))


def _merged(
    said: dict[str, Any], preprocessing: dict[str, Any], features: dict[str, Any], licence: str | None
) -> dict[str, Any]:
    given = {"preprocessing": preprocessing, "output": features, "licence": {"name": licence}}
    told = {part: {key: value for key, value in values.items() if value is not None} for part, values in given.items()}
    return {**said, **{part: {**said.get(part, {}), **values} for part, values in told.items() if values}}


def _read(metadata: Path | None) -> dict[str, Any]:
    """A whole `model.json` says more than is wanted: its `model` is taken."""
    if metadata is None:
        return {}
    try:
        said = json.loads(metadata.read_bytes())
    except ValueError as error:
        raise typer.BadParameter(f"{metadata} is not JSON: {error}.", param_hint="--metadata") from error
    model = said.get("model", said) if isinstance(said, dict) else None
    if not isinstance(model, dict) or any(
        not isinstance(model.get(part, {}), dict) for part in ("preprocessing", "output")
    ):
        raise typer.BadParameter(f"{metadata} does not describe a model.", param_hint="--metadata")
    return model


def _scaling(mean: str | None, std: str | None, range_: str | None) -> dict[str, Any]:
    if range_ is not None:
        if mean is not None or std is not None:
            raise typer.BadParameter("Give --range, or --mean and --std.")
        low, high = _numbers(range_, ENDS, "--range")
        if low == high:
            raise typer.BadParameter(f"{range_} is no range: its ends are equal.", param_hint="--range")
        scale = 1 / (high - low)
        return {"mean": (-low * scale,) * CHANNELS, "std": (scale,) * CHANNELS}
    if (mean is None) != (std is None):
        raise typer.BadParameter("Give both of --mean and --std.")
    if mean is None or std is None:
        return {}
    return {"mean": _numbers(mean, CHANNELS, "--mean"), "std": _numbers(std, CHANNELS, "--std")}


def _numbers(text: str, count: int, option: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not {count} numbers with commas.", param_hint=option) from error
    if len(found) != count or (option == "--std" and not all(found)):
        raise typer.BadParameter(
            f"{text!r} is not {count} numbers with commas, none of them 0 for --std.", param_hint=option
        )
    return found
