"""What each node of a pipeline received and gave, for one picture."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image

from search_by_image.errors import SearchByImageError
from search_by_image.pipeline import Execute, Node, Pipeline

LONGEST = 60


@dataclass(frozen=True, slots=True)
class Step:
    """`received` and `gave`: key -> what it holds, in words; a value that is no dictionary has the key ''."""

    node_id: str
    node_name: str
    processor: str
    router: str
    status: str
    status_msg: str
    milliseconds: float
    received: Mapping[str, str]
    gave: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`error`: what ended the run early."""

    pipeline: str
    steps: list[Step]
    error: SearchByImageError | None = None


@dataclass(slots=True)
class _Seen:
    received: Mapping[str, str]
    gave: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A node's `execute` that notes what passes through."""

    node: Node
    seen: list[_Seen]

    def __call__(self, input_data: Any, context: MutableMapping[str, Any], run: Any) -> Any:
        noted = _Seen(described(input_data))
        self.seen.append(noted)
        output = self.node.execute(input_data, context, run)
        noted.gave = {"": "comes later: the node is asynchronous"} if self.node.asynchronous else described(output)
        return output


def explain(pipeline: Pipeline, image: bytes, collection: str = "") -> Explanation:
    """Runs the picture through the pipeline; a run that fails is explained up to there."""
    seen: list[_Seen] = []
    watched = replace(pipeline, nodes=tuple(_watched(node, seen) for node in pipeline.nodes))
    context: dict[str, Any] = {}
    error = None
    try:
        watched.run({"image": image, "collection": collection}, context)
    except SearchByImageError as failure:
        error = failure
    return Explanation(pipeline.name, [_step(*pair) for pair in zip(context["trace_list"], seen, strict=False)], error)


def described(data: Any) -> dict[str, str]:
    """What each key of a node's input or output holds: types, shapes, sizes, short values."""
    if not isinstance(data, Mapping):
        return {"": _described(data)}
    return {str(key): _described(value) for key, value in data.items()}


def _watched(node: Node, seen: list[_Seen]) -> Node:
    execute: Execute = _Watched(node, seen)
    return replace(node, execute=execute)


def _step(trace: Mapping[str, Any], seen: _Seen) -> Step:
    return Step(
        node_id=trace["node_id"],
        node_name=trace["node_name"],
        processor=trace["processor_name"],
        router=trace["router_name"],
        status=trace["status"],
        status_msg=trace["status_msg"],
        milliseconds=(trace["end_time"] - trace["start_time"]).total_seconds() * 1000,
        received=seen.received,
        gave=seen.gave,
    )


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {' x '.join(map(str, value.shape)) or 'scalar'}"
    if isinstance(value, Image.Image):
        return f"image {value.mode} {value.width} x {value.height}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, list | tuple | set | dict):
        return f"{type(value).__name__} of {len(value)}"
    if value is None or isinstance(value, str | bool | int | float | np.generic):
        text = repr(value)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return type(value).__name__
