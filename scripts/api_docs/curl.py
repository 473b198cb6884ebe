"""Each operation as commands for curl: one for each kind of body, and for each example of it."""

from collections.abc import Callable, Iterator
from shlex import quote
from typing import Any

from scripts.api_docs import samples
from scripts.api_docs.operations import FORM, JSON, Operation
from scripts.api_docs.shapes import example_text

WIDTH = 110
STREAM = "text/event-stream"
ZIP = "application/zip"
MERGE_PATCH = "application/merge-patch+json"


def commands(operation: Operation) -> str:
    return "\n".join(_commands(operation))


def _commands(operation: Operation) -> Iterator[str]:
    if not operation.bodies:
        yield _without_body(operation)
    for kind in operation.bodies:
        if kind == FORM:
            yield _with_form(operation)
        elif kind != JSON or MERGE_PATCH not in operation.bodies:
            write = _WRITERS.get(kind, _with_json)
            for example in samples.examples_of(operation, kind):
                yield write(operation, kind, example)


def _without_body(operation: Operation) -> str:
    given = samples.query(operation)
    if operation.method != "GET":
        head = "curl -fsS -I" if operation.method == "HEAD" else f"curl -fsS -X {operation.method}"
        return _joined(head, quote(samples.url_with_query(operation)))
    head = "curl -fsSN" if STREAM in operation.answers["200"].get("content", {}) else "curl -fsS"
    if not given:
        return _joined(head, samples.url(operation))
    said = [f"--data-urlencode {quote(f'{name}={value}')}" for name, value in given.items()]
    return _joined(f"{head} -G", *said, samples.url(operation))


def _with_form(operation: Operation) -> str:
    files = [f"-F file=@{name}" for name in samples.files_of(operation)]
    fields = [f"-F {quote(f'{name}={value}')}" for name, value in samples.fields_of(operation).items()]
    return _joined(_head(operation), *files, *fields, quote(samples.url_with_query(operation)))


def _with_json(operation: Operation, kind: str, example: Any) -> str:
    return _joined(
        _head(operation),
        f"-H 'Content-Type: {kind}'",
        f"-d {quote(example_text(example))}",
        quote(samples.url_with_query(operation)),
    )


def _with_text(operation: Operation, kind: str, example: str) -> str:
    where = quote(samples.url_with_query(operation))
    return f"curl -fsS -H 'Content-Type: {kind}' --data-binary @- {where} <<'END'\n{example}END"


def _with_zip(operation: Operation, kind: str, _example: str) -> str:
    where = quote(samples.url_with_query(operation))
    return _joined("curl -fsS -X POST", f"-H 'Content-Type: {kind}'", "-T pictures.zip", where)


def _head(operation: Operation) -> str:
    return "curl -fsS" if operation.method == "POST" else f"curl -fsS -X {operation.method}"


def _joined(*parts: str) -> str:
    """In one line where it fits, else the address in one of its own."""
    line = " ".join(parts)
    if len(line) <= WIDTH:
        return line
    lines = [parts[0]]
    for part in parts[1:-1]:
        if len(lines[-1]) + len(part) + 1 <= WIDTH:
            lines[-1] += f" {part}"
        else:
            lines.append(f"  {part}")
    return " \\\n".join([*lines, f"  {parts[-1]}"])


_WRITERS: dict[str, Callable[[Operation, str, Any], str]] = {
    "application/x-ndjson": _with_text,
    "text/csv": _with_text,
    ZIP: _with_zip,
}
