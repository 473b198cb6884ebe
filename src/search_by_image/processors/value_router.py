"""A router that decides by a value."""

import json
from collections.abc import Mapping
from typing import Any

from search_by_image.errors import PipelineError
from search_by_image.plugins import Context, PipelineRouter

NEXT = ""


class ValueRouter(PipelineRouter):
    """Go to the node that `cases` name for a value of the context or of the output; else to `default`.

    `key` is dotted: "detection.class". The keys of `cases` are the value as text, numbers, true, false and null as in
    JSON. A target is a node's id or name; null ends the pipeline; "" is the next number, as without a router.
    """

    @classmethod
    def router_name(cls) -> str:
        return "ValueRouter"

    @classmethod
    def get_next(
        cls,
        output: Any,
        context: Context,
        pipeline_obj: Any,
        *,
        key: str,
        cases: Mapping[str, str | None],
        source: str = "context",
        default: str | None = NEXT,
    ) -> str | None:
        """Raises `PipelineError` for an unknown source or target, and for a value that is no text, number or boolean.

        Where there is no such key, `default` counts.
        """
        if source not in {"context", "output"}:
            raise _error(context, pipeline_obj, f"has the source {source!r}; give 'context' or 'output'")
        found, value = _look_up(output if source == "output" else context, key)
        target = cases.get(_as_text(value, key, context, pipeline_obj), default) if found else default
        return _node(target, context, pipeline_obj)


def _look_up(data: Any, key: str) -> tuple[bool, Any]:
    for part in key.split("."):
        if not isinstance(data, Mapping) or part not in data:
            return False, None
        data = data[part]
    return True, data


def _as_text(value: Any, key: str, context: Context, run: Any) -> str:
    plain = value.item() if getattr(value, "shape", None) == () else value
    if isinstance(plain, str):
        return plain
    if plain is None or isinstance(plain, bool | int | float):
        return json.dumps(plain)
    raise _error(context, run, f"decides by a text, number or boolean, but {key!r} is a {type(value).__name__}")


def _node(target: str | None, context: Context, run: Any) -> str | None:
    if target is None:
        return None
    if target == NEXT:
        following = str(int(context["node_id"]) + 1)
        return following if following in run.pipeline else None
    found: str | None = run.find_node(str(target))
    if found is None:
        known = ", ".join(f"{key} ({node['name']})" for key, node in run.pipeline.items())
        raise _error(context, run, f"knows no node {target!r}; there are {known}")
    return found


def _error(context: Context, run: Any, why: str) -> PipelineError:
    node = str(context.get("node_id", ""))
    return PipelineError(f"Pipeline {run.name!r}: ValueRouter after node {node} {why}.", pipeline=run.name, node=node)
