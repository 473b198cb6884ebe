"""What FastAPI cannot see for itself: bodies that are read by hand, and the answers to failures."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from search_by_image.api.v1 import schemas
from search_by_image.api.v1.job_schemas import ImportList
from search_by_image.jobs.items import ImportItem

BODIES: tuple[type[BaseModel], ...] = (
    schemas.PutImage,
    schemas.Search,
    schemas.SearchEverywhere,
    schemas.Compare,
    schemas.Delete,
    ImportItem,
    ImportList,
    schemas.Problem,
)
REFERENCE = "#/components/schemas/{model}"
PICTURE_FIELDS = ("image", "images")


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
    return {"description": description, "content": content}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("A key is needed"),
    403: _problem("The key does not allow this"),
    404: _problem("There is no such collection, pipeline or picture"),
    409: _problem("Others change the same picture all the time"),
    412: _problem("What was expected to be there is not"),
    413: _problem("More bytes or pixels than allowed"),
    415: _problem("A body of another kind is needed"),
    422: _problem("What was given cannot be used; the same call fails again"),
    429: _problem("Too many calls; Retry-After says when to come back"),
    500: _problem("The service failed"),
    503: _problem("A store does not answer, or too much work is waiting; Retry-After says when to come back"),
}


def only_json(model: type[BaseModel]) -> dict[str, Any]:
    return _body({"application/json": {"schema": _reference(model)}})


def json_or_form(model: type[BaseModel], *, files: int) -> dict[str, Any]:
    return _body(
        {
            "application/json": {"schema": _reference(model)},
            "multipart/form-data": {"schema": _form(model, files)},
        }
    )


def merge_patch_body() -> dict[str, Any]:
    schema = {"type": "object", "examples": [{"price": 12, "old": None}]}
    return _body({"application/merge-patch+json": {"schema": schema}, "application/json": {"schema": schema}})


def upload_body() -> dict[str, Any]:
    """An import's: streams whose items have a schema of their own, and a list in JSON."""
    ndjson = '{"id": "cat-1", "url": "https://example.com/cat.jpg", "document": {"kind": "cat"}}\n'
    csv = "id,url,kind,price:number\ncat-1,https://example.com/cat.jpg,cat,12\n"
    return _body(
        {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "An ImportItem a line"},
                "example": ndjson,
            },
            "text/csv": {"schema": {"type": "string", "description": "UTF-8, with a header"}, "example": csv},
            "application/zip": {
                "schema": {"type": "string", "format": "binary", "description": "cat.json beside cat.jpg: its document"}
            },
            "application/json": {"schema": _reference(ImportList)},
        }
    )


def describe_bodies(app: FastAPI) -> None:
    """Add the bodies' schemas to the description that the app gives of itself."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = generate()
            _, definitions = models_json_schema([(model, "validation") for model in BODIES], ref_template=REFERENCE)
            description.setdefault("components", {}).setdefault("schemas", {}).update(definitions["$defs"])
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]


def _body(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": dict(content)}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _form(model: type[BaseModel], files: int) -> dict[str, Any]:
    """Every field of a form is text; those that are no text in `model` hold JSON."""
    picture = {"type": "string", "format": "binary", "description": "The picture"}
    file = picture if files == 1 else {"type": "array", "items": picture, "minItems": 1, "maxItems": files}
    texts = {
        name: {"type": "string", "description": f"{field.description or name}; as text, or JSON"}
        for name, field in model.model_fields.items()
        if name not in PICTURE_FIELDS
    }
    return {"type": "object", "properties": {"file": file, **texts}, "required": ["file"]}
