"""`/v1/collections/{collection}/search`, `/v1/search`, `/v1/compare`."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from search_by_image.api.callers import Caller
from search_by_image.api.responses import SafeJSONResponse
from search_by_image.api.v1 import schemas
from search_by_image.api.v1.bodies import Body, body_of
from search_by_image.api.v1.images import id_of
from search_by_image.api.v1.openapi import json_or_form
from search_by_image.api.v1.parameters import CollectionName
from search_by_image.api.v1.service import NOTHING, Reader, Service
from search_by_image.documents import check_field, pick
from search_by_image.errors import InvalidInputError
from search_by_image.pictures import Hit
from search_by_image.regions import Box
from search_by_image.similar import Example, PictureExample, Wanted
from search_by_image.timing import Stopwatch

MOST_FILES = 16


def search_routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["search"])
    in_one = body_of(schemas.Search, files=MOST_FILES, part_bytes=service.document_bytes)
    in_several = body_of(schemas.SearchEverywhere, files=MOST_FILES, part_bytes=service.document_bytes)
    of_two = body_of(schemas.Compare, files=2, part_bytes=service.document_bytes)

    @router.post(
        "/collections/{collection}/search",
        response_model=schemas.Matches,
        openapi_extra=json_or_form(schemas.Search, files=MOST_FILES),
    )
    def search_collection(
        caller: Reader, collection: CollectionName, body: Annotated[Body[schemas.Search], Depends(in_one)]
    ) -> Response:
        """The pictures of a collection that are most like the given one, or the given ones together."""
        return _search(service, caller, body, [collection])

    @router.post(
        "/search",
        response_model=schemas.Matches,
        openapi_extra=json_or_form(schemas.SearchEverywhere, files=MOST_FILES),
    )
    def search_collections(
        caller: Reader, body: Annotated[Body[schemas.SearchEverywhere], Depends(in_several)]
    ) -> Response:
        """The same over several collections, all of them unless some are named."""
        everywhere = caller.allowed(service.library.collections())
        return _search(service, caller, body, body.data.collections or everywhere)

    @router.post("/compare", response_model=schemas.Comparison, openapi_extra=json_or_form(schemas.Compare, files=2))
    def compare(caller: Reader, body: Annotated[Body[schemas.Compare], Depends(of_two)]) -> Response:
        """How like two pictures are."""
        return _compare(service, caller, body)

    return router


def _search(service: Service, caller: Caller, body: Body[Any], collections: Sequence[str]) -> Response:
    wanted: schemas.Search = body.data
    options = service.library.options
    for name in collections:
        caller.check(name)
    for path in wanted.fields or ():
        check_field(path)
    with Stopwatch() as watch:
        pipeline = service.library.pipeline_for(collections, wanted.pipeline)
        found = service.library.similar.search(
            _examples(service, caller, body, collections),
            pipeline,
            collections,
            Wanted(
                limit=options.top_k if wanted.limit is None else wanted.limit,
                offset=wanted.offset,
                min_score=options.match_score if wanted.min_score is None else wanted.min_score,
                where=service.condition(wanted.filter),
                group_by=wanted.group_by,
            ),
        )
    timing = {stage: round(1000 * seconds, 2) for stage, seconds in watch.seconds.items()}
    answer = {
        "matches": [_match(hit, wanted.fields) for hit in found.hits],
        "best_score": found.best_score,
        "timing": timing,
    }
    return SafeJSONResponse(answer, headers={"Server-Timing": watch.server_timing()})


def _examples(service: Service, caller: Caller, body: Body[Any], collections: Sequence[str]) -> list[Example]:
    wanted: schemas.Search = body.data
    sources = [*([wanted.image] if wanted.image else []), *(wanted.images or [])]
    if wanted.text is not None:
        sources.append(schemas.ExampleSource(text=wanted.text))
    if len(sources) + len(body.files) == 0:
        raise InvalidInputError(NOTHING)
    no_pixels = any(source.id is not None or source.text is not None for source in sources)
    if wanted.box is not None and (len(sources) + len(body.files) != 1 or no_pixels):
        raise InvalidInputError("box is a part of the only picture, given as a file, base64 or url. Give each its own.")
    box = None if wanted.box is None else Box(*wanted.box)
    if box is not None and sources and sources[0].box is None:
        sources = [sources[0].model_copy(update={"box": wanted.box})]
    home = collections[0] if collections else service.library.options.default_collection
    return [
        *(PictureExample(file, box) for file in body.files),
        *(service.example(caller, source, home) for source in sources),
    ]


def _match(hit: Hit, fields: Sequence[str] | None) -> dict[str, Any]:
    stored = hit.stored
    return {
        "id": id_of(stored),
        "collection": stored.collection,
        "pipeline": stored.pipeline,
        "score": hit.score,
        "distance": hit.distance,
        "document": stored.document if fields is None else pick(stored.document, fields),
        "version": str(stored.id),
    }


def _compare(service: Service, caller: Caller, body: Body[schemas.Compare]) -> Response:
    library = service.library
    examples: list[Example] = [PictureExample(file) for file in body.files]
    collection = library.options.default_collection
    examples += [service.example(caller, source, collection) for source in body.data.images or ()]
    if len(examples) != 2:  # noqa: PLR2004
        raise InvalidInputError(f"Two pictures are compared; {len(examples)} were given.")
    pipeline = library.pipeline_for((), body.data.pipeline)
    found = library.similar.compare(examples[0], examples[1], pipeline)
    return SafeJSONResponse(
        {"score": found.score, "distance": found.distance, "metric": found.metric.value, "pipeline": pipeline}
    )
