"""Plug-ins from the user's folders and from installed packages."""

import importlib.util
import inspect
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from search_by_image.errors import ConfigError, PluginError, Problem
from search_by_image.plugins import PipelineProcesser, PipelineRouter, Processor, Registry

ENTRY_POINTS = "search_by_image.plugins"
PLUGIN_KINDS = (PipelineProcesser, PipelineRouter, Processor)
logger = logging.getLogger(__name__)

Para = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PluginLoader:
    """Loads plug-ins into the registry, gives them their settings, and calls `initialize` of the contract's form."""

    registry: Registry
    processer_para: Para
    router_para: Para

    def load(self, folders: Sequence[Path]) -> None:
        """All folders in the order given, then the packages; what is wrong with any file comes in one `ConfigError`."""
        problems: list[Problem] = []
        for folder in folders:
            self._load_folder(folder, problems)
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
            self._attempt(f"package {point.value}", lambda point=point: [point.load()], problems)
        if problems:
            raise ConfigError(problems, "the plug-ins")

    def _load_folder(self, folder: Path, problems: list[Problem]) -> None:
        if not folder.is_dir():
            problems.append(Problem("pipeline/plugins_path", f"{str(folder)!r} is not a folder."))
            return
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        for file in sorted(folder.glob("*.py")):
            self._attempt(str(file), lambda file=file: self._import(file), problems)

    def _import(self, file: Path) -> list[type]:
        module = _module(file)
        vars(module).update(PIPELINE_PROCESSER_PARA=self.processer_para, PIPELINE_ROUTER_PARA=self.router_para)
        sys.modules[module.__name__] = module
        if module.__spec__ is None or module.__spec__.loader is None:
            raise PluginError("it cannot be imported")
        try:
            module.__spec__.loader.exec_module(module)
        except BaseException:
            del sys.modules[module.__name__]
            raise
        return list(_plugins_of(module))

    def _attempt(self, place: str, find: Any, problems: list[Problem]) -> None:
        try:
            for plugin in find():
                self._add(plugin)
        except PluginError as error:
            problems.append(Problem(place, f"{error}."))
        except Exception as error:
            logger.debug("plug-in %s failed", place, exc_info=error)
            problems.append(Problem(f"{place}:{_line_in(place, error)}", f"{type(error).__name__}: {error}"))

    def _add(self, plugin: Any) -> None:
        if not (inspect.isclass(plugin) and issubclass(plugin, PLUGIN_KINDS)):
            raise PluginError(f"{plugin!r} is neither a processor nor a router")
        self.registry.add(plugin)
        if issubclass(plugin, PipelineProcesser):
            plugin.para = self.processer_para.get(plugin.processer_name(), {})
            plugin.initialize()
        elif issubclass(plugin, PipelineRouter):
            plugin.para = self.router_para.get(plugin.router_name(), {})
            plugin.initialize()


def _module(file: Path) -> ModuleType:
    """A module under a name that no other file has, so that two folders may both hold a `colour.py`."""
    name = f"search_by_image_plugin_{file.stem}_{sha256(bytes(file)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise PluginError("it cannot be imported")
    return importlib.util.module_from_spec(spec)


def _plugins_of(module: ModuleType) -> Iterator[type]:
    """The classes that the file itself defines, in their order, without abstract bases."""
    for found in vars(module).values():
        if inspect.isclass(found) and issubclass(found, PLUGIN_KINDS) and found.__module__ == module.__name__:
            yield from () if inspect.isabstract(found) or _lacks_its_work(found) else (found,)


def _lacks_its_work(plugin: type) -> bool:
    """A base for others: it leaves the method that does the work as the contract's base has it."""
    for kind, method in ((Processor, "process"), (PipelineProcesser, "execute"), (PipelineRouter, "get_next")):
        if issubclass(plugin, kind):
            return inspect.getattr_static(plugin, method) is inspect.getattr_static(kind, method)
    return False


def _line_in(place: str, error: Exception) -> int:
    """The last line of the file itself that was reached."""
    if isinstance(error, SyntaxError) and error.filename == place:
        return error.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place]
    return (lines[-1] if lines else 0) or 0
