"""The reference: every operation with all that it takes and answers, and its examples; then the shapes."""

from collections.abc import Iterator

from scripts.api_docs import curl, python
from scripts.api_docs.operations import FORM, JSON, TAGS, Json, Operation
from scripts.api_docs.shapes import field_table, json_shape, parameter_table, shapes, table
from scripts.api_docs.words import Words

SUCCESS = "Successful Response"
GROUPS = {
    "collections": "Collections of pictures",
    "images": "Pictures by their ids",
    "search": "Searches and comparisons",
    "jobs": "Import jobs",
    "service": "The service",
    "contract": "The calls of 2020",
}
BEGIN = (
    "Made by `make docs` from the description that the service gives of itself, `/openapi.json`; "
    "`tests/test_api_docs.py` runs every example against a service whose collection `pets` holds the pictures `cat-1` "
    "and `cat-2`. A type in bold must be given. Every call takes the header `X-Request-Id` and answers with it, and "
    "with `RateLimit` and `RateLimit-Policy` where calls are limited."
)
ALWAYS = frozenset({"X-Request-Id", "RateLimit", "RateLimit-Policy"})
PREAMBLE = "The examples in Python begin with:"
STATUSES = "Statuses of problems"
SHAPES = "Shapes"
ANY_CALL = frozenset({"403", "408", "413", "429", "500", "503"})


def reference(operations: list[Operation], words: Words) -> str:
    return "\n\n".join(_parts(operations, words)) + "\n"


def _parts(operations: list[Operation], words: Words) -> Iterator[str]:
    yield f"## {words('Reference')}"
    yield words(BEGIN)
    yield _contents(operations, words)
    yield words(PREAMBLE)
    yield f"```python\n{python.START}```"
    for tag in TAGS:
        yield f"### {words(GROUPS[tag])}"
        for operation in operations:
            if operation.tag == tag:
                yield from _operation(operation, words)
    yield f"### {words(STATUSES)}"
    yield _statuses(operations, words)
    yield f"### {words(SHAPES)}"
    yield from shapes(operations, words)


def _contents(operations: list[Operation], words: Words) -> str:
    return "\n".join(
        f"- {words(GROUPS[tag])}: "
        + ", ".join(_link(words(operation.summary)) for operation in operations if operation.tag == tag)
        for tag in TAGS
    )


def _link(heading: str, text: str = "") -> str:
    anchor = "".join(one for one in heading.lower().replace(" ", "-") if one.isalnum() or one in "-_")
    return f"[{text or heading}](#{anchor})"


def _operation(operation: Operation, words: Words) -> Iterator[str]:
    yield f"#### {words(operation.summary)}"
    scope = f"{words('scope')} `{operation.scope}`" if operation.scope else words("open to anyone")
    yield f"`{operation.method} {operation.path}` · {scope} · `{operation.id}`"
    yield words(operation.description)
    if operation.parameters:
        yield parameter_table(operation, words)
    if operation.bodies:
        yield _bodies(operation, words)
        schema = operation.resolved(_main_body(operation))
        if "properties" in schema:
            yield field_table(schema, operation, words)
    yield _answers(operation, words)
    yield f"```sh\n{curl.commands(operation)}\n```"
    yield f"```python\n{python.code(operation)}\n```"


def _main_body(operation: Operation) -> Json:
    """The fields of a form are those of the JSON, and `file`."""
    content: Json = operation.bodies.get(JSON, operation.bodies.get(FORM, {}))
    schema: Json = content["schema"]
    return schema


def _bodies(operation: Operation, words: Words) -> str:
    kinds = [
        f"`{kind}`" + (f" ({words(told)})" if (told := content["schema"].get("description")) else "")
        for kind, content in operation.bodies.items()
    ]
    either = f" {words('or')} "
    return f"{words('Body:')} {either.join(kinds)}"


def _answers(operation: Operation, words: Words) -> str:
    fine = [_answer(status, told, words) for status, told in operation.successes.items()]
    lines = [f"{words('Answers:')} {' · '.join(fine)}"]
    return "  \n".join([*lines, f"{words('Problems:')} {', '.join(_problems(operation, words))}"])


def _answer(status: str, told: Json, words: Words) -> str:
    name = json_shape(told.get("content", {}))
    shape = f" [{name}](#{name.lower()})" if name else ""
    meaning = "" if told["description"] == SUCCESS else f" {words(told['description'])}"
    headers = [f"`{header}`" for header in told.get("headers", {}) if header not in ALWAYS]
    with_headers = f" ({', '.join(headers)})" if headers else ""
    return f"**{status}**{shape}{meaning}{with_headers}"


def _problems(operation: Operation, words: Words) -> Iterator[str]:
    """Those that any call may be answered with stand in the table alone."""
    common = ANY_CALL if operation.problems.keys() >= ANY_CALL else frozenset()
    for status, code in _codes(operation):
        if status not in common:
            yield f"{status} `{code}`" if code else status
    if common:
        yield _link(words(STATUSES), words("those of any call"))


def _codes(operation: Operation) -> Iterator[tuple[str, str]]:
    for status, told in operation.problems.items():
        example = told.get("content", {}).get("application/problem+json", {}).get("example", {})
        yield status, example.get("code", "")


def _statuses(operations: list[Operation], words: Words) -> str:
    told = {
        status: (code, operation.problems[status]["description"])
        for operation in operations
        for status, code in _codes(operation)
        if code
    }
    rows = [
        (status, f"`{code}`", "•" if status in ANY_CALL else "", meaning)
        for status, (code, meaning) in sorted(told.items())
    ]
    return table([*map(words, ("status", "`code`", "any call", "meaning"))], rows, words)
