"""`/v1/collections`: what there is, made and dropped."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from search_by_image.api.responses import SafeJSONResponse
from search_by_image.api.v1 import schemas
from search_by_image.api.v1.parameters import CollectionName, Confirmation
from search_by_image.api.v1.service import Admin, Reader, Service
from search_by_image.errors import InvalidInputError
from search_by_image.fields import FieldSummary
from search_by_image.library import Library
from search_by_image.pairs import Pair
from search_by_image.records.base import Match
from search_by_image.variant import model_of

SAMPLE = 1000


def collection_routes(service: Service) -> APIRouter:
    library = service.library
    router = APIRouter(prefix="/v1/collections", tags=["collections"])

    @router.get("", response_model=schemas.Collections)
    def list_collections(caller: Reader) -> Response:
        """All collections, with how many pictures each has, and which pipelines made their vectors."""
        return SafeJSONResponse(
            {
                "collections": [collection_json(library, name) for name in caller.allowed(library.collections())],
                "default_collection": library.options.default_collection,
            }
        )

    @router.get("/{collection}", response_model=schemas.Collection)
    def get_collection(caller: Reader, collection: CollectionName) -> Response:
        """One collection."""
        caller.check(collection)
        library.check_collection(collection)
        return SafeJSONResponse(collection_json(library, collection))

    @router.get("/{collection}/fields", response_model=schemas.Fields)
    def list_fields(
        caller: Reader,
        collection: CollectionName,
        sample: Annotated[
            int, Query(ge=1, description="How many documents to look at, `limits/page_size_max` at most")
        ] = SAMPLE,
    ) -> Response:
        """The fields of the collection's documents with their frequent values, learned from those that changed last."""
        caller.check(collection)
        found, looked_at = library.fields(collection, sample=min(sample, service.page_size_max))
        return SafeJSONResponse({"fields": [field_json(one) for one in found], "sample": looked_at})

    @router.put(
        "/{collection}",
        response_model=schemas.Collection,
        responses={201: {"model": schemas.Collection, "description": "There was none before"}},
    )
    def create_collection(caller: Admin, collection: CollectionName) -> Response:
        """Create an empty collection; one that is there stays as it is. An import creates its own, too."""
        caller.check(collection)
        created = library.create_collection(collection)
        return SafeJSONResponse(collection_json(library, collection), 201 if created else 200)

    @router.delete("/{collection}", status_code=204, response_class=Response)
    def drop_collection(caller: Admin, collection: CollectionName, confirm: Confirmation) -> Response:
        """Remove the collection and all its pictures."""
        caller.check(collection)
        if confirm != collection:
            raise InvalidInputError(f"Nothing was removed: confirm must be {collection!r}, the collection's name.")
        library.drop_collection(collection)
        return Response(status_code=204)

    return router


def collection_json(library: Library, name: str) -> dict[str, Any]:
    spaces = [space for space in library.spaces() if space.collection == name]
    return {
        "name": name,
        "count": library.count(Match(collection=name)),
        "spaces": [
            {
                "pipeline": space.pipeline,
                "dimension": space.dimension,
                "metric": space.metric,
                "fingerprint": space.fingerprint,
                "model": model_of(space),
                "switch": _switch(library.pair(name, space.pipeline)),
            }
            for space in sorted(spaces, key=lambda space: space.pipeline)
        ],
    }


def field_json(summary: FieldSummary) -> dict[str, Any]:
    return {**asdict(summary), "values": [{"value": value, "count": count} for value, count in summary.values]}


def _switch(pair: Pair | None) -> str | None:
    if pair is None or pair.second is None:
        return None
    return "promoted" if pair.serving is pair.second else "prepared"
