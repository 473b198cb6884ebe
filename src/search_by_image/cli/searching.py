"""`search`: what looks like this picture."""

from typing import TYPE_CHECKING, Annotated

import typer

from search_by_image.cli import options
from search_by_image.cli.conditions import condition_of
from search_by_image.cli.opening import bytes_of, opened_engine, pipeline_of, read_settings
from search_by_image.cli.output import Format, print_json, print_table, say

if TYPE_CHECKING:
    from search_by_image.pictures import Hit

EXAMPLES = """\
Examples:

search-by-image search cat.jpg

search-by-image search cat.jpg --filter '{"kind": {"$in": ["cat", "kitten"]}}'

search-by-image search https://example.com/dog.jpg --top-k 5 --min-score 0.6 --format json
"""
Picture = Annotated[str, typer.Argument(metavar="IMAGE|URL", help="A picture file, or the http(s) URL of one.")]
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
    picture: Picture,
    pipeline: options.PipelineName = "",
    collection: Collection = "",
    top_k: TopK = None,
    min_score: MinScore = None,
    filter_: options.Filter = None,
    output: options.OutputFormat = Format.TABLE,
    config: options.ConfigFile = None,
    config_encoding: options.ConfigEncoding = "utf-8",
    debug: options.Debug = False,
) -> None:
    """Find the pictures that look like this one, nearest first."""
    settings = read_settings(config, config_encoding, debug)
    name = pipeline_of(settings, pipeline)
    where = condition_of(settings, text=filter_)
    image = bytes_of(picture, settings)
    with opened_engine(settings) as engine:
        hits = engine.library.search(image, name, collection, top_k=top_k, min_score=min_score, where=where)
    _print_hits(picture, name, hits, output)


def _print_hits(picture: str, pipeline: str, hits: list["Hit"], output: Format) -> None:
    if output is Format.JSON:
        matches = [
            {
                "ids": hit.id,
                "score": hit.score,
                "distance": hit.distance,
                "collection": hit.collection,
                "document": dict(hit.document),
            }
            for hit in hits
        ]
        print_json({"query": picture, "pipeline": pipeline, "matches": matches})
    elif hits:
        rows = [
            [rank, hit.score, hit.distance, hit.collection, hit.id, hit.document]
            for rank, hit in enumerate(hits, start=1)
        ]
        print_table(["", "score", "distance", "collection", "ids", "document"], rows)
    else:
        say("Nothing looks like it.")
