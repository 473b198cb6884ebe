"""`search`: what looks like this picture."""

from typing import Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.conditions import condition_of
from search_by_image.cli.opening import opened_place
from search_by_image.cli.output import Format, print_json, print_table, say
from search_by_image.cli.places.base import Matches, Query

EXAMPLES = """\
Examples:

search-by-image search cat.jpg

search-by-image search cat.jpg --filter '{"kind": {"$in": ["cat", "kitten"]}}'

search-by-image search https://example.com/dog.jpg --top-k 5 --min-score 0.6 --format json

search-by-image search --text "a red car in the snow" --pipeline Words
"""
Picture = Annotated[
    str | None, typer.Argument(metavar="[IMAGE|URL]", help="A picture file, or the http(s) URL of one.")
]
Words = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Search for this in words, alone or with the picture; the pipeline's model must have a text side.",
    ),
]
Collection = Annotated[str, typer.Option(metavar="NAME", help="Where to look; without it the default collection.")]
TopK = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=10_000, help="How many at most (search_config/topk).")
]
MinScore = Annotated[
    float | None,
    typer.Option(metavar="X", min=0, max=1, help="Drop matches that score less (search_config/match_score)."),
]


def search(
    *,
    picture: Picture = None,
    text: Words = None,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    top_k: TopK = None,
    min_score: MinScore = None,
    filter_: options.Filter = None,
    output: options.OutputFormat = Format.TABLE,
    server: options.Server = None,
    key: options.Key = None,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Find the pictures that look like this one, or that the text describes, nearest first."""
    if picture is None and text is None:
        raise typer.BadParameter("Give a picture, or --text.", param_hint="IMAGE|URL")
    query = Query(pipeline, collection, top_k, min_score, condition_of(text=filter_), text)
    with opened_place(server, key, config, config_encoding, debug) as place:
        matches = place.search(picture, query)
    _print_matches(picture, text, matches, output)


def _print_matches(picture: str | None, text: str | None, matches: Matches, output: Format) -> None:
    hits = matches.found
    if output is Format.JSON:
        shown = [
            {
                "ids": hit.ids,
                "score": hit.score,
                "distance": hit.distance,
                "collection": hit.collection,
                "document": dict(hit.document),
            }
            for hit in hits
        ]
        print_json({"query": picture, "text": text, "pipeline": matches.pipeline, "matches": shown})
    elif hits:
        rows = [
            [rank, hit.score, hit.distance, hit.collection, hit.ids, hit.document]
            for rank, hit in enumerate(hits, start=1)
        ]
        print_table(["", "score", "distance", "collection", "ids", "document"], rows)
    else:
        say("Nothing looks like it.")
