"""Options that several commands share."""

import codecs
from pathlib import Path
from typing import Annotated

import typer

from search_by_image.cli.failures import remember_debug
from search_by_image.cli.output import Format


def check_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise typer.BadParameter(f"{name!r} is not an encoding. Give one such as utf-8 or gbk.") from error


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="The settings file; without it ./conf/server.xml if it exists."
    ),
]
ConfigEncoding = Annotated[
    str, typer.Option(metavar="NAME", callback=check_encoding, help="The encoding of the settings file.")
]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="SEARCH_BY_IMAGE_SERVER",
        help="Work on the library of the service at this address, such as https://pictures.example.com.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="SEARCH_BY_IMAGE_KEY",
        help="An API key of that service. The variable is better: on the command line others may see it.",
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", callback=remember_debug, help="Log everything and show the traceback of an error.")
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="How the data on stdout is written.")]
PipelineName = Annotated[
    str, typer.Option("--pipeline", "-p", metavar="NAME", help="The pipeline; without it the first one configured.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FIELD = typer.Option(
    "--field",
    metavar="NAME=VALUE",
    help="Documents with this value in the field: id=5 is the text or the number, id:=5 exactly this JSON value. "
    "Give it again for more values of the same field.",
)
Fields = Annotated[list[str] | None, FIELD]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="JSON",
        help="Documents that match, in the operators of MongoDB: $eq $ne $in $nin $gt $gte $lt $lte $exists $and $or "
        """$not. For example '{"price": {"$lt": 20}}'.""",
    ),
]
Host = Annotated[str | None, typer.Option(metavar="ADDRESS", help="The address to listen on (flask/host).")]
Port = Annotated[int | None, typer.Option(metavar="N", help="The port to listen on, 0: any free one (flask/port).")]
