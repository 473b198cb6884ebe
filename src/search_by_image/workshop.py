"""From the configuration's JSON texts to pipelines, with every mistake reported at once."""

import inspect
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple, TypeVar

from search_by_image.errors import ConfigError, PluginError, Problem, SearchByImageError
from search_by_image.pipeline import MAX_STEPS, NODE_TIMEOUT, Execute, Node, Pipeline, Route
from search_by_image.plugins import Host, PipelineProcesser, Processor, Registry
from search_by_image.typed_execution import TypedExecution
from search_by_image.variant import Replacement, Variant

logger = logging.getLogger(__name__)

Config = str | Mapping[str, Any]
T = TypeVar("T")
NODE_KEYS = ("name", "processor", "context", "router", "router_para", "exception_router", "exception_router_para")
TEXT_KEYS = ("name", "router", "exception_router")
OBJECT_KEYS = ("context", "router_para", "exception_router_para")


class Workshop:
    """Makes pipelines from their JSON texts, or dictionaries; a processor named twice is made once. Thread-safe."""

    def __init__(
        self,
        registry: Registry,
        host: Host,
        para: Mapping[str, Mapping[str, Any]],
        *,
        node_timeout: float = NODE_TIMEOUT,
        max_steps: int = MAX_STEPS,
    ) -> None:
        self._registry = registry
        self._host = host
        self._para = para
        self._node_timeout = node_timeout
        self._max_steps = max_steps
        self._typed: dict[str, Processor] = {}
        self._lock = threading.Lock()

    def pipelines(self, configs: Mapping[str, Config]) -> dict[str, Pipeline]:
        """Raises `ConfigError` with everything that is wrong in any of them."""
        problems: list[Problem] = []
        made = {name: self._pipeline(name, config, problems) for name, config in configs.items()}
        if problems:
            raise ConfigError(problems, "the pipelines")
        return made

    def remade(self, pipeline: Pipeline, variant: Variant) -> Pipeline:
        """The pipeline with other processors in the place of some; those that stay are the same objects.

        Raises `ConfigError`.
        """
        names = {old: _alias(old, new) if new.para else new.processor for old, new in variant.processors.items()}
        para = {
            _alias(old, new): {**new.para, "processor": self._base(new.processor)}
            for old, new in variant.processors.items()
        }
        made = Workshop(
            self._registry,
            self._host,
            {**self._para, **para},
            node_timeout=self._node_timeout,
            max_steps=self._max_steps,
        )
        made._typed = dict(self._typed)
        nodes = pipeline.configuration()
        for node in nodes.values():
            node["processor"] = names.get(node["processor"], node["processor"])
        return made.pipelines({pipeline.name: nodes})[pipeline.name]

    def _pipeline(self, name: str, config: Config, problems: list[Problem]) -> Pipeline:
        path = f"pipeline/pipeline_config/{name}"
        configured = _attempt(lambda: _parsed(config, path), path, problems) or {}
        problems.extend(_numbering(configured, path))
        nodes = [self._node(id_, node, f"{path}/{id_}", problems) for id_, node in configured.items()]
        return Pipeline(
            name,
            tuple(node for node in nodes if node is not None),
            node_timeout=self._node_timeout,
            max_steps=self._max_steps,
            registry=self._registry,
        )

    def _node(self, id_: str, config: Any, path: str, problems: list[Problem]) -> Node | None:
        problems.extend(_node_problems(config, path))
        if not isinstance(config, Mapping):
            return None
        name = _text(config, "processor")
        made = _attempt(lambda: self._executable(name), f"{path}/processor", problems) if name else None
        route = _attempt(lambda: self._route(config, "router", path), f"{path}/router", problems)
        after_failure = _attempt(
            lambda: self._route(config, "exception_router", path), f"{path}/exception_router", problems
        )
        if made is None:
            return None
        return Node(
            id=id_,
            name=_text(config, "name") or id_,
            processor_name=name,
            execute=made.execute,
            context=_object(config, "context"),
            route=route,
            exception_route=after_failure,
            typed=made.typed,
            para=self._para.get(name, {}),
            asynchronous=made.asynchronous,
        )

    def _executable(self, name: str) -> "_Executable":
        base = self._base(name)
        plugin = self._registry.processor(base)
        if not issubclass(plugin, PipelineProcesser):
            made = self._made(name, plugin, base)
            return _Executable(TypedExecution(made, self._host.limits), made, False)
        if base != name:
            raise PluginError(f"{base} is in the contract's form: it has one name and one set of settings")
        return _Executable(plugin.execute, None, _is_asynchronous(plugin))

    def _base(self, name: str) -> str:
        """The processor that is meant: settings of an unknown name may say `processor`, and be a second set of it."""
        meant = self._para.get(name, {}).get("processor")
        known = self._registry.get("processor", name) is not None
        return meant if isinstance(meant, str) and not known else name

    def _made(self, name: str, plugin: type[Processor], base: str) -> Processor:
        para = self._para.get(name, {})
        own = para if base == name else {key: value for key, value in para.items() if key != "processor"}
        with self._lock, _paths_of(name, base):
            if name not in self._typed:
                self._typed[name] = _instance(plugin, own, self._host)
            return self._typed[name]

    def _route(self, config: Mapping[str, Any], key: str, path: str) -> Route | None:
        name, para = _text(config, key), _object(config, f"{key}_para")
        if not name:
            return None
        router = self._registry.router(name)
        try:
            inspect.signature(router.get_next).bind(None, {}, None, **para)
        except TypeError as error:
            raise ConfigError([Problem(f"{path}/{key}_para", f"{name} cannot take them: {error}")]) from error
        return Route(router, para)


@contextmanager
def _paths_of(name: str, base: str) -> Iterator[None]:
    """Mistakes in a second set of settings are told under its own name."""
    try:
        yield
    except ConfigError as error:
        told = (
            problem.path.replace(f"processer_para/{base}", f"processer_para/{name}", 1) for problem in error.problems
        )
        moved = [Problem(path, problem.message) for path, problem in zip(told, error.problems, strict=True)]
        raise ConfigError(moved, error.source) from error


def _alias(old: str, new: Replacement) -> str:
    """A second set of settings, beside those that the processor is configured with; a name that no plug-in has."""
    return f"{new.processor} in place of {old}"


class _Executable(NamedTuple):
    execute: Execute
    typed: Processor | None
    asynchronous: bool


def _attempt(make: Callable[[], T], path: str, problems: list[Problem]) -> T | None:
    try:
        return make()
    except ConfigError as error:
        problems.extend(error.problems)
    except SearchByImageError as error:
        problems.append(Problem(path, str(error)))
    return None


def _is_asynchronous(plugin: type[PipelineProcesser]) -> bool:
    try:
        return bool(plugin.is_asyn())
    except Exception as error:
        raise PluginError(f"It cannot tell whether it is asynchronous: {type(error).__name__}: {error}.") from error


def _instance(plugin: type[Processor], para: Mapping[str, Any], host: Host) -> Processor:
    try:
        return plugin(para, host)
    except SearchByImageError:
        raise
    except Exception as error:
        logger.exception("processor %s cannot be made", plugin.__name__)
        raise PluginError(f"It cannot be made: {type(error).__name__}: {error}. See its settings.") from error


def _parsed(config: Config, path: str) -> dict[str, Any]:
    """The nodes in the order of their numbers. Raises `ConfigError`."""
    try:
        nodes = deepcopy(config) if isinstance(config, Mapping) else json.loads(config, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _mistake(path, f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (RecursionError, TypeError, ValueError) as error:
        raise _mistake(path, f"not JSON: {error}") from error
    if not isinstance(nodes, Mapping) or not nodes:
        raise _mistake(path, 'must be a JSON object of nodes: {"1": {"name": ..., "processor": ...}, "2": ...}')
    return {str(id_): nodes[id_] for id_ in sorted(nodes, key=lambda id_: (len(str(id_)), str(id_)))}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return made


def _mistake(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, message)])


def _numbering(nodes: Mapping[str, Any], path: str) -> Iterator[Problem]:
    expected = [str(number) for number in range(1, len(nodes) + 1)]
    if list(nodes) != expected:
        yield Problem(path, f"the node ids must be {', '.join(expected)} without gaps; found {', '.join(nodes)}")


def _text(config: Mapping[str, Any], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""


def _object(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


def _node_problems(node: Any, path: str) -> Iterator[Problem]:
    if not isinstance(node, Mapping):
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
        if not isinstance(node.get(key) or {}, Mapping):
            yield Problem(f"{path}/{key}", "must be a JSON object")
