"""The service's own description, one operation after another, in the order in which the page tells of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
TAGS = ("collections", "images", "search", "jobs", "service", "contract")
METHODS = ("put", "get", "head", "post", "patch", "delete")
REFERENCE = "#/components/schemas/"
FORM = "multipart/form-data"
JSON = "application/json"
NAMES = {"Url": "URL", "Base64": "Base64"}
TOLD_ONCE = frozenset({"x-request-id"})


@dataclass(frozen=True, slots=True)
class Operation:
    """`scope` '': anyone may call; `bodies`: what the description says of each media type; `answers`: by status."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    scope: str
    parameters: tuple[Json, ...]
    bodies: Mapping[str, Json]
    answers: Mapping[str, Json]
    schemas: Mapping[str, Json]

    def resolved(self, schema: Json) -> Json:
        """The schema that a reference names."""
        return self.schemas[name_in(schema)] if "$ref" in schema else schema

    @property
    def successes(self) -> dict[str, Json]:
        return {status: answer for status, answer in self.answers.items() if status < "400"}

    @property
    def problems(self) -> dict[str, Json]:
        return {status: answer for status, answer in self.answers.items() if status >= "400"}


def operations(description: Json) -> list[Operation]:
    found = list(_all(description))
    return sorted(found, key=lambda operation: TAGS.index(operation.tag))


def name_in(schema: Json) -> str:
    """The name of the schema that is referred to, '' for none."""
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def _heading(summary: str) -> str:
    first, *rest = summary.split()
    return " ".join([first, *(NAMES.get(word, word.lower()) for word in rest)])


def _all(description: Json) -> Iterator[Operation]:
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(path, method, item[method], description["components"]["schemas"])


def _operation(path: str, method: str, told: Json, schemas: Mapping[str, Json]) -> Operation:
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        tag=told["tags"][0],
        summary=_heading(told["summary"]),
        description=told["description"],
        scope=next((scope for said in told.get("security", ()) for scopes in said.values() for scope in scopes), ""),
        parameters=tuple(one for one in told["parameters"] if one["name"].lower() not in TOLD_ONCE),
        bodies=told.get("requestBody", {}).get("content", {}),
        answers=told["responses"],
        schemas=schemas,
    )
