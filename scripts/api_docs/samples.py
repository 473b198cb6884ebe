"""What the examples send: the values that the description itself gives as examples."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from scripts.api_docs.operations import FORM, Json, Operation

ADDRESS = "http://127.0.0.1:8002"
OF_ANOTHER_CALL = frozenset({"cursor", "webhook"})
"""Parameters whose examples come from an answer, or from a server that listens."""
STORED, QUERY = "cat.jpg", "query.jpg"


def url(operation: Operation) -> str:
    path = operation.path
    for parameter in _parameters(operation, "path"):
        path = path.replace(f"{{{parameter['name']}}}", quote(str(example_of(parameter["schema"])), safe=""))
    return ADDRESS + path


def query(operation: Operation) -> dict[str, str]:
    """What must be said, and what has an example."""
    return {
        parameter["name"]: str(example_of(parameter["schema"]))
        for parameter in _parameters(operation, "query")
        if parameter["name"] not in OF_ANOTHER_CALL and _has_example(parameter)
    }


def url_with_query(operation: Operation) -> str:
    said = query(operation)
    return f"{url(operation)}?{urlencode(said)}" if said else url(operation)


def examples_of(operation: Operation, kind: str) -> list[Any]:
    """The bodies of that media type."""
    content = operation.bodies[kind]
    schema = operation.resolved(content["schema"])
    return [content["example"]] if "example" in content else list(schema["examples"])


def files_of(operation: Operation) -> list[str]:
    """The pictures of a form."""
    file = operation.resolved(operation.bodies[FORM]["schema"])["properties"]["file"]
    if file.get("maxItems") == 2:
        return [STORED, QUERY]
    return [STORED if operation.scope == "write" else QUERY]


def fields_of(operation: Operation) -> dict[str, str]:
    """The other fields of a form."""
    schema = operation.resolved(operation.bodies[FORM]["schema"])
    if "examples" in schema:
        return {name: _text(value) for name, value in schema["examples"][0].items()}
    return {name: field["examples"][0] for name, field in schema["properties"].items() if "examples" in field}


def example_of(schema: Json) -> Any:
    return schema["examples"][0] if "examples" in schema else next(iter(schema.get("enum", [])))


def _has_example(parameter: Json) -> bool:
    return "examples" in parameter["schema"]


def _parameters(operation: Operation, place: str) -> list[Json]:
    return [parameter for parameter in operation.parameters if parameter["in"] == place]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
