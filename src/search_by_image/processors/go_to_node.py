"""The contract's router that jumps to a node."""

from typing import Any

from search_by_image.errors import PipelineError
from search_by_image.plugins import Context, PipelineRouter


class GoToNode(PipelineRouter):
    """Jump to `goto_node_id` or `goto_node_name`, from the context first (and removed from it), else the arguments."""

    @classmethod
    def router_name(cls) -> str:
        return "GoToNode"

    @classmethod
    def get_next(
        cls,
        _output: Any,
        context: Context,
        pipeline_obj: Any,
        *,
        goto_node_id: str | int | None = None,
        goto_node_name: str | None = None,
    ) -> str:
        """Of an id and a name the id counts. Raises `PipelineError` when neither is given or the node is unknown."""
        asked = _text(context.pop("goto_node_id", None)), _text(context.pop("goto_node_name", None))
        id_, name = asked if any(asked) else (_text(goto_node_id), _text(goto_node_name))
        if not id_ and not name:
            raise _error(context, pipeline_obj, "needs goto_node_id or goto_node_name in the context or in router_para")
        nodes = pipeline_obj.pipeline
        matching: list[str] = [key for key, node in nodes.items() if (key == id_ if id_ else node["name"] == name)]
        if not matching:
            known = ", ".join(f"{key} ({node['name']})" for key, node in nodes.items())
            raise _error(context, pipeline_obj, f"knows no node {id_ or name!r}; there are {known}")
        return matching[0]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _error(context: Context, run: Any, why: str) -> PipelineError:
    node = str(context.get("node_id", ""))
    return PipelineError(f"Pipeline {run.name!r}: GoToNode after node {node} {why}.", pipeline=run.name, node=node)
