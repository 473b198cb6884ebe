"""From the configuration's JSON texts to pipelines, with every mistake reported at once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search_by_image.errors import ConfigError, Problem, UnknownNameError
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.pipeline import Execute, Node, Pipeline, Route
from search_by_image.plugins import Context, Features, Host, PipelineProcesser, Processor, Registry

NODE_KEYS = ("name", "processor", "context", "router", "router_para", "exception_router", "exception_router_para")
DRAFT_FACTOR = 2


class Workshop:
    """Makes pipelines from their JSON texts; a processor named twice is made once."""

    def __init__(self, registry: Registry, host: Host, para: Mapping[str, Mapping[str, Any]]) -> None:
        self._registry = registry
        self._host = host
        self._para = para
        self._typed: dict[str, Processor] = {}

    def pipelines(self, texts: Mapping[str, str]) -> dict[str, Pipeline]:
        """Raises `ConfigError` with everything that is wrong in any of them."""
        problems: list[Problem] = []
        made = {name: self._pipeline(name, text, problems) for name, text in texts.items()}
        if problems:
            raise ConfigError(problems, "the pipelines")
        return {name: pipeline for name, pipeline in made.items() if pipeline is not None}

    def _pipeline(self, name: str, text: str, problems: list[Problem]) -> Pipeline | None:
        path = f"pipeline/pipeline_config/{name}"
        found = list(_problems(text, path))
        if found:
            problems.extend(found)
            return None
        in_order = sorted(json.loads(text).items(), key=lambda item: int(item[0]))
        nodes = [self._node(id_, node, f"{path}/{id_}", problems) for id_, node in in_order]
        return Pipeline(name, tuple(node for node in nodes if node is not None))

    def _node(self, id_: str, config: Mapping[str, Any], path: str, problems: list[Problem]) -> Node | None:
        try:
            typed, execute = self._executable(config["processor"])
            return Node(
                id=id_,
                name=config.get("name") or id_,
                processor_name=config["processor"],
                execute=execute,
                context=config.get("context") or {},
                route=self._route(config, "router"),
                exception_route=self._route(config, "exception_router"),
                typed=typed,
            )
        except UnknownNameError as error:
            problems.append(Problem(f"{path}/{error.kind}", str(error)))
            return None

    def _executable(self, name: str) -> tuple[Processor | None, Execute]:
        plugin = self._registry.processor(name)
        if issubclass(plugin, PipelineProcesser):
            return None, plugin.execute
        if name not in self._typed:
            self._typed[name] = plugin(self._para.get(name, {}), self._host)
        return self._typed[name], TypedExecution(self._typed[name], self._host.limits)

    def _route(self, config: Mapping[str, Any], key: str) -> Route | None:
        name = config.get(key)
        return Route(self._registry.router(name), config.get(f"{key}_para") or {}) if name else None


@dataclass(frozen=True, slots=True)
class TypedExecution:
    """A typed processor behind the contract's calling form: opens the picture, merges the features into the output."""

    processor: Processor
    limits: ImageLimits

    def __call__(self, input_data: Any, context: Context, _run: Any) -> dict[str, Any]:
        size = self.processor.image_size
        opened = input_data.get("opened")
        if opened is None:
            at_least = DRAFT_FACTOR * size if size else None
            opened = open_rgb(input_data["image"], self.limits, at_least=at_least)
        made = self.processor.process(opened, context)
        if not isinstance(made, Features):
            return {**input_data, "opened": made}
        collection = made.collection or input_data.get("collection", "")
        return {**input_data, **made.extra, "collection": collection, "vertor": made.vector, "vector": made.vector}


def _problems(text: str, path: str) -> Iterator[Problem]:
    try:
        nodes = json.loads(text)
    except json.JSONDecodeError as error:
        yield Problem(path, f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
        return
    if not isinstance(nodes, dict) or not nodes:
        yield Problem(path, 'must be a JSON object of nodes: {"1": {"name": ..., "processor": ...}, "2": ...}')
        return
    expected = [str(number) for number in range(1, len(nodes) + 1)]
    if sorted(nodes, key=lambda key: (len(key), key)) != expected:
        yield Problem(path, f"the node ids must be {', '.join(expected)} without gaps; found {', '.join(nodes)}")
    for id_, node in nodes.items():
        yield from _node_problems(node, f"{path}/{id_}")


def _node_problems(node: Any, path: str) -> Iterator[Problem]:
    if not isinstance(node, dict):
        yield Problem(path, "must be a JSON object with at least 'processor'")
        return
    if not isinstance(node.get("processor"), str) or not node["processor"]:
        yield Problem(f"{path}/processor", "must name a processor")
    for key in node.keys() - set(NODE_KEYS):
        yield Problem(f"{path}/{key}", f"unknown; a node has {', '.join(NODE_KEYS)}")
    for key in ("context", "router_para", "exception_router_para"):
        if not isinstance(node.get(key) or {}, dict):
            yield Problem(f"{path}/{key}", "must be a JSON object")
