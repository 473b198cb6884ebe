"""`learn-mean`: the mean of a library's vectors, for processors that take it off."""

from pathlib import Path
from typing import Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.opening import check_there, opened_stores, pipeline_of, read_settings
from search_by_image.cli.output import Format, print_json, print_table
from search_by_image.cli.progress import counted

EXAMPLES = """\
Example:

search-by-image learn-mean data/mean.npy --pipeline DemoSearch
"""
STOPPED = "Stopped. Nothing was written."
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="A .npy file that does not exist yet.")]
Collection = Annotated[str, typer.Option(metavar="NAME", help="Of this collection only; without it of all.")]


def learn_mean(
    *,
    file: NewFile,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Write the mean of the library's vectors, which a pipeline with JoinedModels can take off.

    No picture is needed, and nothing in the library changes. A pipeline with the mean is another one: import with it
    anew.
    """
    _check_new(file)
    settings = read_settings(config, config_encoding, debug)
    check_there(settings)

    import numpy as np

    from search_by_image.library_mean import mean_vector

    name = pipeline_of(settings, pipeline)
    with opened_stores(settings) as (records, _), counted("Reading vectors", STOPPED) as show:
        mean, count = mean_vector(records, name, collection, show)
    with file.open("xb") as opened:
        np.save(opened, mean)
    facts = {"file": str(file), "pipeline": name, "vectors": count, "dimension": len(mean)}
    if output is Format.JSON:
        print_json(facts)
    else:
        print_table(list(facts), [list(facts.values())])


def _check_new(file: Path) -> None:
    """A library may have been made with the mean that is there."""
    if file.suffix != ".npy" or file.exists() or not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"{str(file)!r}: give a new file whose name ends in .npy, in a folder that exists.")
