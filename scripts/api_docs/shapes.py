"""Schemas as tables: what a parameter, a body and an answer hold."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.api_docs.operations import JSON, Json, Operation, name_in
from scripts.api_docs.words import Words

WIDTH = 118
KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "object": "object"}
SCALARS = frozenset({"string", "integer", "number", "boolean"})
LIMITS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
NOT_REFERRED_TO = ("ImportItem",)
"""Of a stream's lines, which a media type cannot refer to."""


def parameter_table(operation: Operation, words: Words) -> str:
    rows = [
        (f"`{one['name']}`", words(one["in"]), _sent(one["schema"], one.get("required"), operation, words), _told(one))
        for one in operation.parameters
    ]
    return table([*map(words, ("parameter", "in", "type", "meaning"))], rows, words)


def field_table(schema: Json, operation: Operation, words: Words) -> str:
    """Of what a caller sends."""
    required = schema.get("required", ())
    rows = [
        (f"`{name}`", _sent(field, name in required, operation, words), _told(field))
        for name, field in schema["properties"].items()
    ]
    return table([*map(words, ("field", "type", "meaning"))], rows, words)


def table(heads: list[str], rows: list[tuple[str, ...]], words: Words) -> str:
    """The last column is in English; it is left out where it is empty."""
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    else:
        rows = [(*row[:-1], words(row[-1]).replace("|", "\\|")) for row in rows]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  |", "| |")


def shapes(operations: list[Operation], words: Words) -> Iterator[str]:
    """Everything that a call refers to beside its own body, by name."""
    schemas = operations[0].schemas
    for name in sorted({*_referred_to(operations), *NOT_REFERRED_TO}):
        schema = schemas[name]
        if "enum" not in schema:
            yield "\n\n".join(_shape(name, schema, operations[0], words))


def example_text(value: Any) -> str:
    """JSON in a line where it fits, else a line for each field."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= WIDTH or not isinstance(value, dict):
        return line
    fields = [f"  {json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in value.items()]
    return "{\n" + ",\n".join(fields) + "\n}"


def type_of(schema: Json, operation: Operation, words: Words) -> str:
    if "anyOf" in schema:
        return _either(schema["anyOf"], operation, words)
    name, resolved = name_in(schema), operation.resolved(schema)
    if "enum" in resolved:
        return ", ".join(f"`{value}`" for value in resolved["enum"])
    if name:
        return f"[{name}](#{name.lower()})"
    if "prefixItems" in resolved:
        return f"{len(resolved['prefixItems'])} {words('numbers')}"
    if resolved.get("type") == "array":
        return f"{words('list of')} {type_of(resolved.get('items', {}), operation, words)}"
    return words(_kind(resolved)) + _limits(resolved)


def _either(schemas: list[Json], operation: Operation, words: Words) -> str:
    if {one.get("type") for one in schemas} >= SCALARS:
        schemas = [{}, *(one for one in schemas if one.get("type") not in {*SCALARS, "null"})]
    kinds = [type_of(one, operation, words) for one in schemas if one.get("type") != "null"]
    return f" {words('or')} ".join(kinds)


def _kind(schema: Json) -> str:
    if schema.get("format") == "binary" or "contentMediaType" in schema:
        return "file"
    if schema.get("format") == "date-time":
        return "time"
    return KINDS.get(schema.get("type", ""), "any value")


def _limits(schema: Json) -> str:
    return "".join(f" {sign} {schema[name]:g}" for name, sign in LIMITS if schema.get(name, 2**53) != 2**53)


def _sent(schema: Json, required: object, operation: Operation, words: Words) -> str:
    kind, default = type_of(schema, operation, words), schema.get("default")
    if required:
        return f"**{kind}**"
    return kind if default in (None, "", {}) else f"{kind}; {words('else')} `{_as_json(default)}`"


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _told(described: Json) -> str:
    """What is said of it, or of what it is when it is given."""
    either = next((one for one in described.get("anyOf", ()) if one.get("type") != "null"), {})
    return str(described.get("description", either.get("description", "")))


def _shape(name: str, schema: Json, operation: Operation, words: Words) -> Iterator[str]:
    yield f"#### {name}"
    if "description" in schema:
        yield words(schema["description"])
    rows = [
        (f"`{field}`", type_of(told, operation, words), _told(told)) for field, told in schema["properties"].items()
    ]
    yield table([*map(words, ("field", "type", "meaning"))], rows, words)
    if "examples" in schema:
        yield f"```json\n{example_text(schema['examples'][0])}\n```"


def _referred_to(operations: list[Operation]) -> set[str]:
    found: set[str] = set()
    for operation in operations:
        for answer in operation.answers.values():
            _collect(answer, operation.schemas, found)
        for content in operation.bodies.values():
            _collect(operation.resolved(content["schema"]), operation.schemas, found)
    return found


def _collect(told: Any, schemas: Mapping[str, Json], found: set[str]) -> None:
    if isinstance(told, list):
        for one in told:
            _collect(one, schemas, found)
    elif isinstance(told, dict):
        name = name_in(told) if isinstance(told.get("$ref"), str) else ""
        if name and name not in found:
            found.add(name)
            _collect(schemas[name], schemas, found)
        for one in told.values():
            _collect(one, schemas, found)


def json_shape(content: Mapping[str, Json]) -> str:
    """The name of the shape that an answer has, '' for none."""
    return name_in(content.get(JSON, {}).get("schema", {}))
