"""The calls of `/v1` one by one, for both clients."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from search_by_image.api.v1 import schemas
from search_by_image.client.call import (
    MERGE_PATCH,
    Call,
    Content,
    form_content,
    json_content,
    nothing,
    optional,
    reading,
    text_of,
)
from search_by_image.client.pictures import Given, Picture, example_json, examples_of, picture_json, uploads_of

Filter = Mapping[str, Any]
MISSING = frozenset({404})
NOT_READY = frozenset({503})


def put_image(
    collection: str,
    id: str,
    picture: Picture,
    document: Mapping[str, Any] | None = None,
    *,
    pipeline: str | None = None,
    if_version: str | None = None,
    create_only: bool = False,
) -> Call[schemas.Image]:
    """Import a picture under your own id, or replace the one that has it, document and all.

    `if_version`: only in place of this version of it; `create_only`: only where there is none; else
    `PreconditionFailedError`.
    """
    said = _given(document=document, pipeline=pipeline)
    files = uploads_of(examples_of(picture))
    content = json_content({**said, "image": picture_json(picture)}) if files is None else form_content(said, files)
    headers = {"If-None-Match": "*"} if create_only else _if_match(if_version)
    path = _image(collection, id)
    return Call("PUT", path, reading(schemas.Image), content, headers=headers, repeatable=not headers)


def get_image(collection: str, id: str) -> Call[schemas.Image]:
    """The picture's document, and what is known of it. The picture itself is not kept."""
    return Call("GET", _image(collection, id), reading(schemas.Image))


def find_image(collection: str, id: str) -> Call[schemas.Image | None]:
    """As `get_image`; None when there is none."""
    return Call("GET", _image(collection, id), optional(schemas.Image), also=MISSING)


def version_of(collection: str, id: str) -> Call[str | None]:
    """The picture's version, which every change changes; None: there is no such picture."""
    return Call("HEAD", _image(collection, id), _version, also=MISSING)


def patch_image(
    collection: str,
    id: str,
    patch: Mapping[str, Any],
    *,
    if_version: str | None = None,
) -> Call[schemas.Image]:
    """Change the document by a JSON Merge Patch (RFC 7396), without the picture: None removes a field."""
    content = json_content(patch, MERGE_PATCH)
    headers = _if_match(if_version)
    return Call("PATCH", _image(collection, id), reading(schemas.Image), content, headers=headers, repeatable=False)


def delete_image(collection: str, id: str, *, if_version: str | None = None) -> Call[None]:
    """Remove the picture; `NotFoundError` when there is none."""
    headers = _if_match(if_version)
    path = _image(collection, id)
    return Call("DELETE", path, nothing, headers=headers, repeatable=not headers, done_if_lost=MISSING)


def page(
    collection: str,
    *,
    filter: Filter | None = None,
    cursor: str | None = None,
    limit: int = 100,
    count: bool = False,
    order: schemas.Order | None = None,
) -> Call[schemas.Page]:
    """One page of pictures, in the `order` of their last change; `count`: also how many match in all."""
    given = _given(filter=filter, cursor=cursor, limit=limit, order=order)
    params = {name: text_of(value) for name, value in given.items()}
    if count:
        params["count"] = "true"
    return Call("GET", f"{_collection(collection)}/images", reading(schemas.Page), params=params)


def delete_images(
    collection: str,
    filter: Filter,
    *,
    all: bool = False,
    dry_run: bool = False,
    return_images: bool = False,
) -> Call[schemas.Deleted]:
    """Remove all pictures that match; `dry_run`: only count them; `all`: needed for an empty filter.

    `return_images`: the answer holds what was removed, too.
    """
    content = json_content({"filter": filter, "all": all, "dry_run": dry_run, "return_images": return_images})
    path = f"{_collection(collection)}/images:delete"
    return Call("POST", path, reading(schemas.Deleted), content, repeatable=dry_run)


def search(
    picture: Given | Sequence[Given],
    collection: str | Sequence[str] | None = None,
    *,
    pipeline: str | None = None,
    limit: int | None = None,
    offset: int = 0,
    min_score: float | None = None,
    filter: Filter | None = None,
    fields: Sequence[str] | None = None,
    group_by: str | None = None,
) -> Call[schemas.Matches]:
    """The pictures most like the given one, or the given ones together, nearest first.

    `collection`: one, several, or None: all. `fields`: only these of the documents, as dotted paths; `group_by`: only
    the best one of each value at this dotted path. None elsewhere: as the service is configured.
    """
    examples = examples_of(picture)
    said = _given(
        pipeline=pipeline,
        limit=limit,
        offset=offset or None,
        min_score=min_score,
        filter=filter,
        fields=None if fields is None else list(fields),
        group_by=group_by,
    )
    path = f"{_collection(collection)}/search" if isinstance(collection, str) else "/v1/search"
    if collection is not None and not isinstance(collection, str):
        said["collections"] = list(collection)
    return Call("POST", path, reading(schemas.Matches), _examples_content(said, examples))


def compare(one: Given, other: Given, *, pipeline: str | None = None) -> Call[schemas.Comparison]:
    """How like two pictures are."""
    content = _examples_content(_given(pipeline=pipeline), examples_of([one, other]))
    return Call("POST", "/v1/compare", reading(schemas.Comparison), content)


def collections() -> Call[schemas.Collections]:
    """All collections, with how many pictures each has, and which pipelines made their vectors."""
    return Call("GET", "/v1/collections", reading(schemas.Collections))


def collection(name: str) -> Call[schemas.Collection]:
    """One collection."""
    return Call("GET", _collection(name), reading(schemas.Collection))


def fields(collection: str, *, sample: int | None = None) -> Call[schemas.Fields]:
    """The fields of its documents, learned from the `sample` of them that changed last (1000)."""
    params = {name: text_of(value) for name, value in _given(sample=sample).items()}
    return Call("GET", f"{_collection(collection)}/fields", reading(schemas.Fields), params=params)


def create_collection(name: str) -> Call[schemas.Collection]:
    """Create an empty collection; one that is there stays as it is."""
    return Call("PUT", _collection(name), reading(schemas.Collection))


def drop_collection(name: str, *, confirm: str) -> Call[None]:
    """Remove the collection and all its pictures. `confirm`: its name once more."""
    return Call("DELETE", _collection(name), nothing, params={"confirm": confirm}, done_if_lost=MISSING)


def info() -> Call[schemas.Info]:
    """What the service offers: version, pipelines, collections, limits."""
    return Call("GET", "/v1/info", reading(schemas.Info))


def is_ready() -> Call[bool]:
    """Whether the service's stores answer; it says so without retries."""
    return Call("GET", "/readyz", lambda answer: answer.is_success, repeatable=False, also=NOT_READY)


def _examples_content(said: dict[str, Any], examples: Sequence[Any]) -> Content:
    files = uploads_of(examples)
    if files is not None:
        return form_content(said, files)
    return json_content(said | {"images": [example_json(example) for example in examples]})


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _if_match(version: str | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": "*" if version == "*" else f'"{version}"'}


def _version(answer: httpx.Response) -> str | None:
    return answer.headers.get("etag", "").strip('"') if answer.is_success else None


def _collection(name: str) -> str:
    return f"/v1/collections/{_step(name)}"


def _image(collection_name: str, key: str) -> str:
    return f"{_collection(collection_name)}/images/{_step(key)}"


def _step(text: str) -> str:
    """One step of a path. Dots alone would be taken for 'here' and 'above'."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if not text.strip(".") else quoted
