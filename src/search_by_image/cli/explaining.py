"""`explain`: what each node of a pipeline does with a picture."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.opening import bytes_of, pipeline_of, read_settings
from search_by_image.cli.output import Format, print_json, print_table

if TYPE_CHECKING:
    from search_by_image.explanation import Explanation, Step

EXAMPLES = """\
Examples:

search-by-image explain cat.jpg

search-by-image explain cat.jpg --pipeline ColourSearch --format json
"""
Picture = Annotated[str, typer.Argument(metavar="IMAGE|URL", help="A picture file, or the http(s) URL of one.")]
Collection = Annotated[str, typer.Option(metavar="NAME", help="The collection that the first node is given.")]
COLUMNS = ("node", "name", "processor", "time", "received", "gave", "router")


def explain(
    *,
    picture: Picture,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Run one picture through a pipeline and show what each node received and gave.

    Nothing is imported or searched: the stores stay closed.
    """
    settings = read_settings(config, config_encoding, debug)

    from search_by_image.assembly import build_pipelines
    from search_by_image.cli.logs import log_for_command
    from search_by_image.errors import UnknownNameError
    from search_by_image.explanation import explain

    log_for_command(settings)
    image, name, pipelines = bytes_of(picture, settings), pipeline_of(settings, pipeline), build_pipelines(settings)
    if name not in pipelines:
        raise UnknownNameError("pipeline", name, pipelines)
    explained = explain(pipelines[name], image, collection)
    if output is Format.JSON:
        print_json(_document(picture, explained))
    else:
        print_table(COLUMNS, map(_row, explained.steps))
    if explained.error:
        raise explained.error


def _document(picture: str, explained: "Explanation") -> dict[str, object]:
    return {
        "image": picture,
        "pipeline": explained.pipeline,
        "error": str(explained.error) if explained.error else None,
        "steps": [asdict(step) for step in explained.steps],
    }


def _row(step: "Step") -> tuple[str, ...]:
    gave = _lines(step.gave) if step.status == "S" else f"failed: {step.status_msg}"
    time = f"{step.milliseconds:.1f} ms"
    return step.node_id, step.node_name, step.processor, time, _lines(step.received), gave, step.router


def _lines(parts: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {text}" if key else text for key, text in parts.items())
