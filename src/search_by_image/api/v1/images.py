"""`/v1/collections/{collection}/images`: one picture by the caller's id, pages of them, removal by a filter."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from search_by_image.api.responses import SafeJSONResponse
from search_by_image.api.v1 import schemas
from search_by_image.api.v1.bodies import Body, body_of, merge_patch_of
from search_by_image.api.v1.conditions import etag_of, expectation, is_unchanged
from search_by_image.api.v1.openapi import json_or_form, merge_patch_body, only_json
from search_by_image.api.v1.parameters import (
    CollectionName,
    Cursor,
    FilterText,
    IfMatch,
    IfNoneMatch,
    Key,
    OrderOfChange,
)
from search_by_image.api.v1.service import Reader, Service, Writer
from search_by_image.errors import InvalidInputError
from search_by_image.ids import LONGEST_ID, time_of
from search_by_image.records.base import Match, Stored


def image_routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1/collections/{collection}", tags=["images"])
    _add_changes(router, service)
    _add_reads(router, service)
    _add_pages(router, service)
    return router


def image_json(stored: Stored) -> dict[str, Any]:
    return {
        "id": id_of(stored),
        "collection": stored.collection,
        "pipeline": stored.pipeline,
        "document": stored.document,
        "sha256": stored.sha256.hex(),
        "created": stored.created.isoformat(),
        "updated": max(stored.created, time_of(stored.id)).isoformat(),
        "version": str(stored.id),
    }


def id_of(stored: Stored) -> str:
    return str(stored.id) if stored.key is None else stored.key


def _add_changes(router: APIRouter, service: Service) -> None:
    library, keyed = service.library, service.library.keyed
    put_body = body_of(schemas.PutImage, files=1, part_bytes=service.document_bytes)

    @router.put(
        "/images/{id:path}",
        response_model=schemas.Image,
        responses={201: {"model": schemas.Image, "description": "There was none before"}},
        openapi_extra=json_or_form(schemas.PutImage, files=1),
    )
    def put_image(
        *,
        caller: Writer,
        collection: CollectionName,
        key: Key,
        body: Annotated[Body[schemas.PutImage], Depends(put_body)],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Import a picture under your own id, or replace the one that has it, document and all."""
        caller.check(collection)
        expected = expectation(if_match, if_none_match)
        pipeline = library.pipeline_for([collection], body.data.pipeline)
        image = service.picture(body.data.image, body.files)
        put = keyed.put(key, library.prepare(image, body.data.document, pipeline, collection, pinned=True), expected)
        return _image_response(put.stored, 201 if put.created else 200)

    @router.patch("/images/{id:path}", response_model=schemas.Image, openapi_extra=merge_patch_body())
    def patch_image(
        caller: Writer,
        collection: CollectionName,
        key: Key,
        patch: Annotated[dict[str, Any], Depends(merge_patch_of)],
        if_match: IfMatch = None,
    ) -> Response:
        """Change the document by a JSON Merge Patch (RFC 7396), without the picture."""
        caller.check(collection)
        return _image_response(keyed.change(collection, key, patch, expectation(if_match)))

    @router.delete("/images/{id:path}", status_code=204, response_class=Response)
    def delete_image(caller: Writer, collection: CollectionName, key: Key, if_match: IfMatch = None) -> Response:
        """Remove the picture."""
        caller.check(collection)
        keyed.remove(collection, key, expectation(if_match))
        return Response(status_code=204)


def _add_reads(router: APIRouter, service: Service) -> None:
    keyed = service.library.keyed

    def read(collection: CollectionName, key: str, if_none_match: str | None) -> Response:
        stored = keyed.find(collection, key)
        if is_unchanged(stored.id, if_none_match):
            return Response(status_code=304, headers={"ETag": etag_of(stored.id)})
        return _image_response(stored)

    @router.get(
        "/images/{id:path}", response_model=schemas.Image, responses={304: {"description": "It has this ETag still"}}
    )
    def get_image(caller: Reader, collection: CollectionName, key: Key, if_none_match: IfNoneMatch = None) -> Response:
        """The picture's document, and what is known of it. The picture itself is not kept."""
        caller.check(collection)
        return read(collection, key, if_none_match)

    @router.head(
        "/images/{id:path}", response_class=Response, responses={304: {"description": "It has this ETag still"}}
    )
    def head_image(caller: Reader, collection: CollectionName, key: Key, if_none_match: IfNoneMatch = None) -> Response:
        """Whether there is such a picture, and its ETag."""
        caller.check(collection)
        return read(collection, key, if_none_match)


def _add_pages(router: APIRouter, service: Service) -> None:
    library = service.library

    @router.get("/images", response_model=schemas.Page)
    def list_images(
        *,
        caller: Reader,
        collection: CollectionName,
        condition: FilterText = None,
        cursor: Cursor = None,
        order: OrderOfChange = "oldest",
        limit: Annotated[int, Query(ge=1, description="`limits/page_size_max` at most")] = 100,
        count: Annotated[bool, Query(description="Count all that match, too")] = False,
    ) -> Response:
        """Pages of pictures in the order of their last change, which is stable."""
        caller.check(collection)
        if limit > service.page_size_max:
            raise InvalidInputError(f"limit {limit} is over {service.page_size_max} (limits/page_size_max).")
        match = Match(where=service.condition(_json(condition)), collection=collection)
        found = library.page(match, after=_after(cursor), limit=limit + 1, newest_first=order == "newest")
        page = found[:limit]
        return SafeJSONResponse(
            {
                "images": [image_json(stored) for stored in page],
                "next_cursor": str(page[-1].id) if len(found) > limit else None,
                "count": library.count(match) if count else None,
            }
        )

    @router.post("/images:delete", response_model=schemas.Deleted, openapi_extra=only_json(schemas.Delete))
    def delete_images(
        caller: Writer,
        collection: CollectionName,
        body: Annotated[Body[schemas.Delete], Depends(body_of(schemas.Delete, files=0, part_bytes=0))],
    ) -> Response:
        """Remove all pictures that match a filter."""
        caller.check(collection)
        wanted = body.data
        if not wanted.filter and not wanted.all:
            raise InvalidInputError('Nothing was removed: give a filter, or "all": true for every picture.')
        match = Match(where=service.condition(wanted.filter), collection=collection)
        if wanted.dry_run:
            return _deleted(library.count(match), dry_run=True)
        removed = library.remove(match)
        return _deleted(len(removed), [image_json(stored) for stored in removed] if wanted.return_images else None)


def _deleted(count: int, images: list[dict[str, Any]] | None = None, *, dry_run: bool = False) -> Response:
    return SafeJSONResponse({"count": count, "dry_run": dry_run, "images": images})


def _image_response(stored: Stored, status: int = 200) -> Response:
    return SafeJSONResponse(image_json(stored), status, {"ETag": etag_of(stored.id)})


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"filter is not JSON: {error}.") from error


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= LONGEST_ID):
        raise InvalidInputError(f"{cursor[:64]!r} is no cursor. Give the next_cursor of the page before.")
    return int(cursor)
