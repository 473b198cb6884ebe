"""Pipelines: nodes parsed and resolved once, read-only, shared by all runs."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from search_by_image.agreement import VECTOR_KEYS
from search_by_image.errors import NoTextSideError, PipelineError, VectorMismatchError
from search_by_image.models.runtime import fingerprint
from search_by_image.plugins import Context, Processor, Registry, RouterClass
from search_by_image.run import Run
from search_by_image.vectors.base import Metric, Vector, as_vector

Execute = Callable[[Any, Context, Any], Any]
NODE_TIMEOUT = 60.0
MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """A router with the arguments that a node gives it."""

    router: RouterClass
    para: Mapping[str, Any]

    def next_node(self, output: Any, context: Context, run: Any) -> str | None:
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
    asynchronous: bool = False

    def configuration(self) -> dict[str, Any]:
        """As in the contract's JSON, with every key: a copy."""
        return {
            "name": self.name,
            "processor": self.processor_name,
            "context": deepcopy(self.context),
            **_configured("router", self.route),
            **_configured("exception_router", self.exception_route),
        }

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
    """Read-only and shared by all runs. `metric` None: the configuration's.

    `node_timeout`: the seconds that an asynchronous node has for its feedback. `max_steps`: nodes that one run may
    visit before its routers are taken to go in circles. `registry`: where plug-ins find each other.
    """

    name: str
    nodes: tuple[Node, ...]
    node_timeout: float = NODE_TIMEOUT
    max_steps: int = MAX_STEPS
    registry: Registry = field(default_factory=Registry, repr=False, compare=False)

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

    @property
    def takes_text(self) -> bool:
        """Whether its last node's processor does: the one that makes the vector."""
        return bool(self.nodes) and (last := self.nodes[-1].typed) is not None and last.takes_text

    def embed_text(self, text: str) -> Vector:
        """In the space of the pictures' vectors. Raises `NoTextSideError`, `ModelError`."""
        last = self.nodes[-1].typed if self.nodes else None
        if last is None or not last.takes_text:
            raise NoTextSideError(self.name)
        return last.embed_text(text)

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
        """The last node's output; the context is changed by the nodes. Raises what ends the run early."""
        return Run(self).execute(input_data, context)

    def find_node(self, id_or_name: str) -> str | None:
        """The id of the node with this id, else of the first with this name, else None."""
        if id_or_name in self.by_id:
            return id_or_name
        return next((node.id for node in self.nodes if node.name == id_or_name), None)

    def configuration(self) -> dict[str, dict[str, Any]]:
        """The nodes in the contract's form."""
        return {node.id: node.configuration() for node in self.nodes}


def _configured(key: str, route: Route | None) -> dict[str, Any]:
    name, para = (route.router.router_name(), deepcopy(route.para)) if route else ("", {})
    return {key: name, f"{key}_para": para}


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
        vector = as_vector(raw)
    except (TypeError, ValueError) as error:
        raise PipelineError(
            f"Pipeline {pipeline!r} ended with {type(raw).__name__} for a vector: give an array of numbers, or packed "
            "bits as bytes.",
            pipeline=pipeline,
            node="",
        ) from error
    if not vector.size or not np.isfinite(vector).all():
        raise VectorMismatchError(f"Pipeline {pipeline!r} made a vector that is empty or not finite.")
    vector.flags.writeable = False
    return vector
