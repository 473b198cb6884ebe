"""Pipelines: nodes parsed and resolved once, shared by all runs; a run is one small object."""

import json
import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from search_by_image.errors import PipelineError, SearchByImageError, VectorMismatchError
from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Processor, RouterClass
from search_by_image.vectors.base import Metric, Vector

logger = logging.getLogger(__name__)

Execute = Callable[[Any, Context, Any], Any]
VECTOR_KEYS = ("vertor", "vector")


@dataclass(frozen=True, slots=True)
class Route:
    """A router with the arguments that a node gives it."""

    router: RouterClass
    para: Mapping[str, Any]

    def next_node(self, output: Any, context: Context, run: "Run") -> str | None:
        return self.router.get_next(output, context, run, **deepcopy(self.para))


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    name: str
    processor_name: str
    execute: Execute
    context: Mapping[str, Any]
    route: Route | None
    exception_route: Route | None
    typed: Processor | None = None
    para: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of all that decides which vector comes out; a name does not, nor what follows a failure."""
        made_by = self.typed.fingerprint if self.typed else (self.processor_name, self.para)
        route = (self.route.router.router_name(), self.route.para) if self.route else None
        return json.dumps([made_by, self.context, route], sort_keys=True, default=repr)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a pipeline made of a picture: a vector, shape (dimension,), and its collection ('' when none was named)."""

    vector: Vector
    collection: str


@dataclass(frozen=True)
class Pipeline:
    """Read-only and shared by all runs. `metric` None: the configuration's."""

    name: str
    nodes: tuple[Node, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def metric(self) -> Metric | None:
        return next((node.typed.metric for node in reversed(self.nodes) if node.typed and node.typed.metric), None)

    @cached_property
    def dimension(self) -> int | None:
        """None: it shows in the first vector."""
        return next(
            (node.typed.dimension for node in reversed(self.nodes) if node.typed and node.typed.dimension), None
        )

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(*(node.fingerprint for node in self.nodes))

    def extract(self, image: bytes, collection: str = "") -> Extracted:
        """Run the picture's bytes through all nodes.

        Raises `ImageError` for bytes that are no picture, `PipelineError` when a node fails or no vector comes out,
        `VectorMismatchError` for a vector that is empty or not finite.
        """
        output = self.run({"image": image, "collection": collection}, {})
        return _extracted(self.name, output)

    def run(self, input_data: Any, context: Context) -> Any:
        return Run(self, context).execute(input_data)


class Run:
    """One picture on its way through the nodes."""

    def __init__(self, pipeline: Pipeline, context: Context) -> None:
        self.pipeline = pipeline
        self.context = context
        context.update(trace_list=[], node_status="I", total=0, done=0)

    def execute(self, data: Any) -> Any:
        node: Node | None = self.pipeline.nodes[0]
        while node is not None:
            data, node = self._step(node, data)
        return data

    def _step(self, node: Node, data: Any) -> tuple[Any, Node | None]:
        trace = self._begin(node)
        try:
            output = node.execute(data, self.context, self)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            return data, self._after_failure(node, trace, error)
        self._end(trace, "S", "")
        return output, self._after(node, node.route, output, trace)

    def _begin(self, node: Node) -> dict[str, Any]:
        started = datetime.now().astimezone()
        self.context.update(deepcopy(node.context), node_id=node.id, node_status="R", start_time=started)
        return {
            "node_id": node.id,
            "node_name": node.name,
            "processor_name": node.processor_name,
            "start_time": started,
            "router_name": "",
        }

    def _end(self, trace: dict[str, Any], status: str, message: str) -> None:
        trace.update(end_time=datetime.now().astimezone(), status=status, status_msg=message)
        self.context["node_status"] = status
        self.context["trace_list"].append(trace)

    def _after_failure(self, node: Node, trace: dict[str, Any], error: Exception) -> Node | None:
        self._end(trace, "E", str(error))
        if node.exception_route is None:
            self._fail(node, f"node {node.name!r}", error)
        return self._after(node, node.exception_route, None, trace)

    def _fail(self, node: Node, part: str, error: Exception) -> NoReturn:
        if isinstance(error, SearchByImageError):
            raise error
        logger.error("pipeline %s, %s failed", self.pipeline.name, part, exc_info=error)
        raise PipelineError(
            f"Pipeline {self.pipeline.name!r}: {part} failed ({type(error).__name__}); the log says more.",
            pipeline=self.pipeline.name,
            node=node.name,
        ) from error

    def _after(self, node: Node, route: Route | None, output: Any, trace: dict[str, Any]) -> Node | None:
        if route is None:
            return self.pipeline.by_id.get(str(int(node.id) + 1))
        trace["router_name"] = route.router.router_name()
        part = f"router {trace['router_name']!r} of node {node.name!r}"
        try:
            following = route.next_node(output, self.context, self)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            self._fail(node, part, error)
        if following is None:
            return None
        if str(following) not in self.pipeline.by_id:
            raise PipelineError(
                f"Pipeline {self.pipeline.name!r}: {part} answered {following!r}, which is no node id.",
                pipeline=self.pipeline.name,
                node=node.name,
            )
        return self.pipeline.by_id[str(following)]


def _extracted(pipeline: str, output: Any) -> Extracted:
    found = output if isinstance(output, Mapping) else {}
    raw = next((found[key] for key in VECTOR_KEYS if found.get(key) is not None), None)
    if raw is None:
        raise PipelineError(
            f"Pipeline {pipeline!r} ended without a vector: its last node must give a dict with 'vertor' or 'vector'.",
            pipeline=pipeline,
            node="",
        )
    return Extracted(_vector(pipeline, raw), str(found.get("collection") or ""))


def _vector(pipeline: str, raw: Any) -> Vector:
    """A copy that cannot be written to: plug-ins may use their array again, and results are shared."""
    try:
        with np.errstate(over="ignore"):
            vector = np.array(raw, dtype=np.float32).reshape(-1)
    except (TypeError, ValueError) as error:
        raise PipelineError(
            f"Pipeline {pipeline!r} ended with {type(raw).__name__} for a vector: give an array of numbers.",
            pipeline=pipeline,
            node="",
        ) from error
    if not vector.size or not np.isfinite(vector).all():
        raise VectorMismatchError(f"Pipeline {pipeline!r} made a vector that is empty or not finite.")
    vector.flags.writeable = False
    return vector
