"""What FastAPI cannot see for itself: bodies that are read by hand, examples, and the answers to failures."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from search_by_image.api.v1 import schemas
from search_by_image.api.v1.examples import EXAMPLES, PATCH
from search_by_image.api.v1.headers import describe_headers
from search_by_image.api.v1.job_schemas import ImportList
from search_by_image.api.v1.problems import describe_problems
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
    schema = {"type": "object", "examples": [PATCH]}
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
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "cat.json beside cat.jpg: its document",
                    "examples": ["(the bytes of a zip file)"],
                }
            },
            "application/json": {"schema": _reference(ImportList)},
        }
    )


def complete_description(app: FastAPI) -> None:
    """Add bodies, examples and problems to the description that the app gives of itself."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = generate()
            _, definitions = models_json_schema([(model, "validation") for model in BODIES], ref_template=REFERENCE)
            shapes = description.setdefault("components", {}).setdefault("schemas", {})
            shapes.update(definitions["$defs"])
            for name in EXAMPLES.keys() & shapes.keys():
                shapes[name]["examples"] = EXAMPLES[name]
            describe_problems(description)
            describe_headers(description)
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
        | _example(model, name)
        for name, field in model.model_fields.items()
        if name not in PICTURE_FIELDS
    }
    return {"type": "object", "properties": {"file": file, **texts}, "required": ["file"]}


def _example(model: type[BaseModel], name: str) -> dict[str, Any]:
    found = next((example[name] for example in EXAMPLES[model.__name__] if name in example), None)
    if found is None:
        return {}
    return {"examples": [found if isinstance(found, str) else json.dumps(found)]}
