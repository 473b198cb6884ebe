"""`demo`: the service with pictures to try it on, in a library of its own."""

from pathlib import Path
from typing import Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.opening import read_settings
from search_by_image.cli.output import Format

EXAMPLES = """\
Examples:

search-by-image demo

search-by-image demo --photos ~/Pictures --port 8080
"""
OwnPhotos = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="Pictures of your own instead of ours; a folder's name is the kind of the pictures in it.",
    ),
]
Serve = Annotated[bool, typer.Option("--serve/--no-serve", help="Start the service, or only prepare the library.")]


def demo(
    *,
    photos: OwnPhotos = None,
    host: options.Host = None,
    port: options.Port = None,
    serve: Serve = True,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Try it with 971 photos of cats, dogs, stop signs and birds.

    They are fetched once, with pip, into the user's cache folder. The demo's library is there too: your own is not
    touched.
    """
    settings = read_settings(config, config_encoding, debug, {"flask/host": host, "flask/port": port})

    from search_by_image.cli.demo_service import only_prepare, run_demo

    if serve:
        run_demo(settings, photos)
    else:
        only_prepare(settings, photos, output)
