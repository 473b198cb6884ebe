"""Reading what a call brings: a JSON object, or a form with the same names and the pictures as files."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from starlette.datastructures import FormData

from search_by_image.errors import UnsupportedMediaTypeError

Model = TypeVar("Model", bound=BaseModel)
FILE = "file"
MAX_FIELDS = 32
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Body(Generic[Model]):
    """`files`: the pictures' bytes, in their order."""

    data: Model
    files: tuple[bytes, ...] = ()


def body_of(model: type[Model], *, files: int, part_bytes: int) -> Callable[[Request], Awaitable[Body[Model]]]:
    """A dependency. `files`: how many a form may bring; `part_bytes`: of one of its other fields.

    Raises `RequestValidationError`, `UnsupportedMediaTypeError`.
    """

    async def read(request: Request) -> Body[Model]:
        kind = kind_of(request)
        if kind == JSON:
            return Body(validated(model, parsed(await request.body())))
        if kind == FORM and files:
            async with request.form(max_files=files, max_fields=MAX_FIELDS, max_part_size=part_bytes) as form:
                return await _from_form(model, form)
        raise UnsupportedMediaTypeError(kind, (JSON, FORM) if files else (JSON,))

    return read


async def merge_patch_of(request: Request) -> dict[str, Any]:
    """A dependency: a JSON object. Raises `RequestValidationError`, `UnsupportedMediaTypeError`."""
    kind = kind_of(request)
    if kind not in (MERGE_PATCH, JSON):
        raise UnsupportedMediaTypeError(kind, (MERGE_PATCH, JSON))
    patch = parsed(await request.body())
    if not isinstance(patch, dict):
        raise _refused("body", "A JSON Merge Patch of a document is a JSON object.")
    return patch


def kind_of(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _from_form(model: type[Model], form: FormData) -> Body[Model]:
    fields: dict[str, Any] = {}
    files = []
    for name, value in form.multi_items():
        if not isinstance(value, str) and name == FILE:
            files.append(await value.read())
        elif isinstance(value, str) and name != FILE and name not in fields:
            fields[name] = _value(model, name, value)
        else:
            raise _refused(name, "In a form `file` is a file, and everything else a text that is given once.")
    return Body(validated(model, fields), tuple(files))


def _value(model: type[BaseModel], name: str, text: str) -> Any:
    """A field for text takes the text as it is, others take JSON; an empty one is not given."""
    if name not in model.model_fields:
        return text
    if _takes_text(model, name):
        return text or None
    return parsed(text, name) if text else model.model_fields[name].get_default(call_default_factory=True)


def _takes_text(model: type[BaseModel], name: str) -> bool:
    return model.model_fields[name].annotation in (str, str | None)


def parsed(text: str | bytes, name: str = "body") -> Any:
    """Of JSON. Raises `RequestValidationError`; `name`: where the text was."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _refused(name, f"This is not JSON: {reason}.") from error


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def validated(model: type[Model], raw: Any) -> Model:
    """Raises `RequestValidationError`."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise RequestValidationError(_placed(error.errors(include_url=False, include_context=False))) from error


def _placed(errors: list[Any]) -> list[dict[str, Any]]:
    return [{**error, "loc": ("body", *error["loc"])} for error in errors]


def _refused(name: str, message: str) -> RequestValidationError:
    kind = PydanticCustomError("unreadable", "{message}", {"message": message})
    line = InitErrorDetails(type=kind, loc=() if name == "body" else (name,), input=None)
    error = ValidationError.from_exception_data("body", [line])
    return RequestValidationError(_placed(error.errors(include_url=False, include_context=False)))
