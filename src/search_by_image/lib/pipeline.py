"""The import path that plug-ins and callers of 2020 use, and their `Pipeline`."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from search_by_image.errors import ConfigError, PipelineError, PluginError, Problem
from search_by_image.pipeline import MAX_STEPS, NODE_TIMEOUT
from search_by_image.plugin_files import PluginLoader
from search_by_image.plugins import Context, Host, PipelineProcesser, PipelineProcessor, PipelineRouter, Registry
from search_by_image.processors import shipped
from search_by_image.run import Outcome, Run, RunStatus
from search_by_image.walk import Listeners
from search_by_image.workshop import Workshop

__all__ = ["Pipeline", "PipelineProcesser", "PipelineProcessor", "PipelineRouter", "Tools"]


class Tools:
    """What plug-ins of 2020 import beside their base classes."""

    @classmethod
    def get_node_id_by_name(cls, node_name: str, pipeline_obj: Any) -> str | None:
        """The first node with this name; None when there is none."""
        return next((id_ for id_, node in pipeline_obj.pipeline.items() if node["name"] == node_name), None)


class PluginShelf:
    """One registry with all that was added, and with what is shipped from its first use on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._files: set[Path] = set()

    @cached_property
    def _workshop(self) -> Workshop:
        return Workshop(self._registry, Host(), {})

    @cached_property
    def _registry(self) -> Registry:
        registry = Registry()
        for plugin in shipped():
            registry.add(plugin)
        return registry

    @property
    def workshop(self) -> Workshop:
        with self._lock:
            return self._workshop

    def get(self, kind: str, name: str) -> type | None:
        with self._lock:
            return self._registry.get(kind, name)

    def add(self, plugin: Any) -> None:
        with self._lock:
            if any(known is plugin for _, known in self._registry):
                return
            self._registry.add(plugin)
            if issubclass(plugin, PipelineProcesser | PipelineRouter):
                plugin.initialize()

    def load_file(self, file: Path) -> None:
        """A file that was loaded already is passed over."""
        with self._lock:
            if file not in self._files:
                PluginLoader(self._registry, {}, {}).load_file(file)
                self._files.add(file)


class Pipeline:
    """A pipeline that runs one input at a time; of many objects, each its own.

    `pipeline_config`: the nodes as JSON text or as a dictionary. The result of a start is (status, output), with
    `is_asyn` None at once, and at the end `asyn_notify_fun(name, status, context, output)`. Around each node
    `running_notify_fun(name, node_id, node_name)` and `end_running_notify_fun(name, node_id, node_name, status,
    status_msg)` are called. Raises `ConfigError` with everything that is wrong with the nodes.
    """

    node_timeout: float = NODE_TIMEOUT
    max_steps: int = MAX_STEPS
    _shelf: ClassVar[PluginShelf] = PluginShelf()

    def __init__(  # noqa: PLR0917 - the contract's order
        self,
        name: str,
        pipeline_config: str | Mapping[str, Any],
        is_asyn: bool = False,
        asyn_notify_fun: Callable[[str, str, Context, Any], object] | None = None,
        running_notify_fun: Callable[[str, str, str], object] | None = None,
        end_running_notify_fun: Callable[[str, str, str, str, str], object] | None = None,
        logger: Any = None,
    ) -> None:
        self.name = name
        self.is_asyn = is_asyn
        self.logger = logger
        self._listeners = Listeners(asyn_notify_fun, running_notify_fun, end_running_notify_fun)
        self._definition = self._shelf.workshop.pipelines({name: pipeline_config})[name]
        self._lock = threading.Lock()
        self._run = self._new_run()

    @classmethod
    def add_plugin(cls, class_obj: type) -> None:
        """Raises `PluginError` when another class has its name, naming both files; the same class again is nothing."""
        cls._shelf.add(class_obj)

    @classmethod
    def load_plugins_by_path(cls, path: str | Path) -> None:
        """All `.py` files of a folder, in the order of their names. Raises `ConfigError` for all that is wrong."""
        folder = Path(path).resolve()
        if not folder.is_dir():
            raise PluginError(f"{str(path)!r} is no folder that plug-ins could be loaded from.")
        problems: list[Problem] = []
        for file in sorted(folder.glob("*.py")):
            try:
                cls._shelf.load_file(file)
            except ConfigError as error:
                problems.extend(error.problems)
        if problems:
            raise ConfigError(problems, f"the plug-ins of {folder}")

    @classmethod
    def load_plugins_by_file(cls, file: str | Path) -> None:
        """Raises `ConfigError` for a file that fails, `PluginError` for one that is no `.py`."""
        if Path(file).suffix != ".py":
            raise PluginError(f"{str(file)!r} is no plug-in file: its name must end in .py.")
        cls._shelf.load_file(Path(file).resolve())

    @classmethod
    def get_plugin(cls, plugin_type: str, name: str) -> type | None:
        """`plugin_type` is 'processer' or 'router'; None for an unknown name."""
        return cls._shelf.get(plugin_type, name)

    @property
    def status(self) -> RunStatus:
        return self._run.status

    @property
    def context(self) -> Context:
        return self._run.context

    @property
    def trace_list(self) -> list[dict[str, Any]]:
        return self._run.trace_list

    @property
    def pipeline(self) -> dict[str, dict[str, Any]]:
        """The nodes with all their keys: a copy."""
        return self._definition.configuration()

    @property
    def error(self) -> Exception | None:
        """Why the last run ended with the status exception."""
        return self._run.error

    def start(self, input_data: Any = None, context: Mapping[str, Any] | None = None) -> Outcome | None:
        """From the first node, with a copy of the context. Raises `PipelineError` while it is running or paused."""
        with self._lock:
            if self._run.status in {RunStatus.RUNNING, RunStatus.PAUSE}:
                raise PipelineError(
                    f"Pipeline {self.name!r} cannot be started, its status is {self._run.status}: wait for its end, "
                    "resume it, or make another Pipeline.",
                    pipeline=self.name,
                    node="",
                )
            run = self._new_run()
            run.begin(input_data, dict(context or {}))
            self._run = run
        return run.proceed()

    def pause(self) -> None:
        """Stop before the next node. Raises `PipelineError` when it is not running."""
        self._run.pause()

    def resume(self) -> Outcome | None:
        """From the paused node, or the failed one with the same input; answers as `start` does."""
        return self._run.resume()

    def wait(self, timeout: float | None = None) -> RunStatus:
        """Until an asynchronous run has paused, or has ended and told so, or for so many seconds."""
        return self._run.wait(timeout)

    def asyn_node_feedback(
        self,
        node_id: str,
        output: Any = None,
        status: str = "S",
        status_msg: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """The outcome of an asynchronous node: see `Run.asyn_node_feedback`."""
        self._run.asyn_node_feedback(node_id, output, status, status_msg, context)

    def node_process_feedback(self, node_id: str, total: int | None = None, done: int | None = None) -> None:
        self._run.node_process_feedback(node_id, total, done)

    def get_node_process(self, node_id: str) -> tuple[int, int]:
        return self._run.get_node_process(node_id)

    asyn_node_feeback = asyn_node_feedback
    node_process_feeback = node_process_feedback

    def _new_run(self) -> Run:
        definition = replace(self._definition, node_timeout=self.node_timeout, max_steps=self.max_steps)
        return Run(definition, asynchronous=self.is_asyn, listeners=self._listeners, logger=self.logger)
