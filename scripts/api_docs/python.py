"""Each operation as Python: with our client where it has the call, else with httpx."""

from collections.abc import Callable, Iterator
from typing import Any

from scripts.api_docs import samples
from scripts.api_docs.operations import FORM, JSON, Operation

WIDTH = 100
START = f"""\
from pathlib import Path

import httpx
from search_by_image.client import Client, Example, Stored

client = Client("{samples.ADDRESS}")
"""
Json = dict[str, Any]


def code(operation: Operation) -> str:
    write = _BY_CLIENT.get(operation.id)
    return "\n".join(write(operation) if write else [_by_httpx(operation)])


def _called(name: str, *given: str, **named: Any) -> str:
    """A call as the house style writes it; `given` is code, `named` are values."""
    parts = [*given, *(f"{key}={_shown(value)}" for key, value in named.items())]
    line = f"{name}({', '.join(parts)})"
    return line if len(line) <= WIDTH else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _shown(value: Any) -> str:
    """As ruff writes it: double quotes, unless there are some within."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_shown(key)}: {_shown(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, str) and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return repr(value)


def _broken(value: Json) -> str:
    """A line for each field where one is too long."""
    line = _shown(value)
    if len(line) <= WIDTH:
        return line
    return "{\n" + "".join(f"        {_shown(key)}: {_shown(one)},\n" for key, one in value.items()) + "    }"


def _path(operation: Operation) -> list[str]:
    """The steps of the path that vary."""
    places = [one for one in operation.parameters if one["in"] == "path"]
    return [_shown(samples.example_of(one["schema"])) for one in places]


def _simple(name: str) -> Callable[[Operation], list[str]]:
    """The path's steps are the arguments, the query's parameters the keywords."""
    return lambda operation: [_called(f"client.{name}", *_path(operation), **samples.query(operation))]


def _put(operation: Operation) -> Iterator[str]:
    for said in samples.examples_of(operation, JSON):
        document, more = _shown(said["document"]), {"pipeline": said["pipeline"]}
        yield _called("client.put_image", *_path(operation), _picture(said["image"]), document, **more)


def _patch(operation: Operation) -> Iterator[str]:
    for said in samples.examples_of(operation, JSON):
        yield _called("client.patch_image", *_path(operation), _shown(said))


def _page(operation: Operation) -> list[str]:
    return [_called("client.page", *_path(operation), f"filter={samples.query(operation)['filter']}")]


def _delete(operation: Operation) -> Iterator[str]:
    for said in samples.examples_of(operation, JSON):
        more = {name: value for name, value in said.items() if name != "filter"}
        yield _called("client.delete_images", *_path(operation), _shown(said["filter"]), **more)


def _search(operation: Operation) -> Iterator[str]:
    for said in samples.examples_of(operation, JSON):
        where = _path(operation) or [_shown(said["collections"])]
        more = {name: value for name, value in said.items() if name not in ("image", "images", "collections")}
        yield f"found = {_called('client.search', _pictures(said), *where, **more)}"
    yield "print([(match.id, match.score) for match in found.matches])"


def _compare(operation: Operation) -> Iterator[str]:
    for said in samples.examples_of(operation, JSON):
        one, other = map(_picture, said["images"])
        yield _called("client.compare", one, other, pipeline=said["pipeline"])


def _pictures(said: Json) -> str:
    if "image" in said:
        return _picture(said["image"])
    return f"[{', '.join(map(_picture, said['images']))}]"


def _picture(source: Json) -> str:
    if "url" in source:
        return _shown(source["url"])
    stored = _called("Stored", *(_shown(source[name]) for name in ("id", "collection") if name in source))
    return _called("Example", stored, weight=source["weight"]) if "weight" in source else stored


def _import(operation: Operation) -> Iterator[str]:
    """A list is sent as items, whose URLs the client keeps as the service does."""
    said = samples.query(operation)
    yield _called("client.start_import", *_path(operation), '"pictures.zip"', **said)
    for listed in samples.examples_of(operation, JSON):
        yield f"job = {_called('client.start_import', *_path(operation), _shown(listed['urls']), **said)}"


def _by_httpx(operation: Operation) -> str:
    sent = [_shown(samples.url_with_query(operation))]
    if FORM in operation.bodies:
        (picture,) = samples.files_of(operation)
        sent += [f"data={_shown(samples.fields_of(operation))}", f'files={{"file": Path("{picture}").read_bytes()}}']
    elif JSON in operation.bodies:
        sent += [f"json={_broken(samples.examples_of(operation, JSON)[0])}"]
    return f"answer = {_called(f'httpx.{operation.method.lower()}', *sent)}\nprint(answer.raise_for_status().text)"


_BY_CLIENT: dict[str, Callable[[Operation], Any]] = {
    "list_collections": _simple("collections"),
    "create_collection": _simple("create_collection"),
    "get_collection": _simple("collection"),
    "list_fields": _simple("fields"),
    "drop_collection": _simple("drop_collection"),
    "put_image": _put,
    "get_image": _simple("get_image"),
    "head_image": _simple("version_of"),
    "patch_image": _patch,
    "delete_image": _simple("delete_image"),
    "list_images": _page,
    "delete_images": _delete,
    "search_collection": _search,
    "search_collections": _search,
    "compare": _compare,
    "import_images": _import,
    "list_jobs": _simple("job_page"),
    "get_job": _simple("job"),
    "list_errors": _simple("job_error_page"),
    "job_events": _simple("wait_for_job"),
    "cancel_job": _simple("cancel_job"),
    "info": _simple("info"),
    "readyz": _simple("is_ready"),
}
