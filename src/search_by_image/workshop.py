"""From the configuration's JSON texts to pipelines, with every mistake reported at once."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import Image

from search_by_image.errors import ConfigError, PluginError, Problem, SearchByImageError
from search_by_image.images import ImageLimits, open_rgb
from search_by_image.pipeline import Execute, Node, Pipeline, Route
from search_by_image.plugins import Context, Features, Host, PipelineProcesser, Processor, Registry

logger = logging.getLogger(__name__)

T = TypeVar("T")
NODE_KEYS = ("name", "processor", "context", "router", "router_para", "exception_router", "exception_router_para")
TEXT_KEYS = ("name", "router", "exception_router")
OBJECT_KEYS = ("context", "router_para", "exception_router_para")
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
        name = config["processor"]
        made = _attempt(lambda: self._executable(name), f"{path}/processor", problems)
        route = _attempt(lambda: self._route(config, "router"), f"{path}/router", problems)
        after_failure = _attempt(lambda: self._route(config, "exception_router"), f"{path}/exception_router", problems)
        if made is None:
            return None
        typed, execute = made
        return Node(
            id=id_,
            name=config.get("name") or id_,
            processor_name=name,
            execute=execute,
            context=config.get("context") or {},
            route=route,
            exception_route=after_failure,
            typed=typed,
            para=self._para.get(name, {}),
        )

    def _executable(self, name: str) -> tuple[Processor | None, Execute]:
        plugin = self._registry.processor(name)
        if issubclass(plugin, PipelineProcesser):
            if plugin.is_asyn():
                raise PluginError(f"{name!r} is asynchronous (is_asyn); this version runs synchronous processors only.")
            return None, plugin.execute
        if name not in self._typed:
            self._typed[name] = _instance(plugin, self._para.get(name, {}), self._host)
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
        made: object = self.processor.process(opened, context)
        if isinstance(made, Image.Image):
            return {**input_data, "opened": made}
        if not isinstance(made, Features):
            name = self.processor.processor_name()
            raise PluginError(f"{name}.process answered {type(made).__name__}; let it answer Features or a PIL image")
        collection = made.collection or input_data.get("collection", "")
        return {**input_data, **made.extra, "collection": collection, "vertor": made.vector, "vector": made.vector}


def _attempt(make: Callable[[], T], path: str, problems: list[Problem]) -> T | None:
    try:
        return make()
    except ConfigError as error:
        problems.extend(error.problems)
    except SearchByImageError as error:
        problems.append(Problem(path, str(error)))
    return None


def _instance(plugin: type[Processor], para: Mapping[str, Any], host: Host) -> Processor:
    try:
        return plugin(para, host)
    except SearchByImageError:
        raise
    except Exception as error:
        logger.exception("processor %s cannot be made", plugin.__name__)
        raise PluginError(f"It cannot be made: {type(error).__name__}: {error}. See its settings.") from error


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
    for key in sorted(node.keys() - set(NODE_KEYS)):
        yield Problem(f"{path}/{key}", f"unknown; a node has {', '.join(NODE_KEYS)}")
    for key in TEXT_KEYS:
        if not isinstance(node.get(key) or "", str):
            yield Problem(f"{path}/{key}", "must be text")
    for key in OBJECT_KEYS:
        if not isinstance(node.get(key) or {}, dict):
            yield Problem(f"{path}/{key}", "must be a JSON object")
