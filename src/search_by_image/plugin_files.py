"""Plug-ins from the user's folders and from installed packages."""

import importlib.util
import inspect
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from search_by_image.errors import ConfigError, PluginError, Problem
from search_by_image.hivenet import share_globals
from search_by_image.plugins import PipelineProcesser, PipelineRouter, Processor, Registry

ENTRY_POINTS = "search_by_image.plugins"
PACKAGE = "package "
PLUGIN_KINDS = (PipelineProcesser, PipelineRouter, Processor)
logger = logging.getLogger(__name__)

Para = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PluginLoader:
    """Loads plug-ins into the registry, gives them their settings, and calls `initialize` of the contract's form.

    `shared`: further globals for `RunTool.get_global_var`.
    """

    registry: Registry
    processer_para: Para
    router_para: Para
    shared: Mapping[str, Any] = field(default_factory=dict)

    def load(self, folders: Sequence[Path], shipped: Sequence[type] = ()) -> None:
        """What is shipped, all folders in the order given, then the packages.

        What is wrong with any of them comes in one `ConfigError`.
        """
        problems: list[Problem] = []
        for plugin in shipped:
            self._attempt(plugin.__name__, lambda plugin=plugin: [plugin], problems)
        if folders:
            self._share()
        for count, folder in enumerate(folders):
            self._load_folder(folder, folders[:count], problems)
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
            self._attempt(f"{PACKAGE}{point.value}", lambda point=point: [point.load()], problems)
        if problems:
            raise ConfigError(problems, "the plug-ins")

    def load_file(self, file: Path) -> None:
        """One file, with the modules beside it; raises `ConfigError`."""
        problems: list[Problem] = []
        self._share()
        _make_importable(file.parent)
        self._attempt(str(file), lambda: self._import(file), problems)
        if problems:
            raise ConfigError(problems, "the plug-ins")

    def _share(self) -> None:
        """A loader without settings leaves alone what somebody else has set."""
        if self.shared or self.processer_para or self.router_para:
            share_globals({**self.shared, **self._para()})

    def _para(self) -> dict[str, Para]:
        return {"PIPELINE_PROCESSER_PARA": self.processer_para, "PIPELINE_ROUTER_PARA": self.router_para}

    def _load_folder(self, folder: Path, before: Sequence[Path], problems: list[Problem]) -> None:
        if not folder.is_dir():
            problems.append(Problem("pipeline/plugins_path", f"{str(folder)!r} is not a folder."))
            return
        _make_importable(folder)
        _give_way(folder, before)
        for file in sorted(folder.glob("*.py")):
            self._attempt(str(file), lambda file=file: self._import(file), problems)

    def _import(self, file: Path) -> list[type]:
        module = _module(file)
        vars(module).update(self._para())
        sys.modules[module.__name__] = module
        if module.__spec__ is None or module.__spec__.loader is None:
            raise PluginError("it cannot be imported")
        try:
            module.__spec__.loader.exec_module(module)
        except BaseException:
            del sys.modules[module.__name__]
            raise
        return list(dict.fromkeys(_plugins_of(module)))

    def _attempt(self, place: str, find: Any, problems: list[Problem]) -> None:
        try:
            for plugin in find():
                self._add(plugin)
        except ConfigError as error:
            problems.extend(error.problems)
        except PluginError as error:
            problems.append(Problem(place, f"{error}."))
        except (Exception, SystemExit) as error:
            logger.debug("plug-in %s failed", place, exc_info=error)
            problems.append(Problem(_where(place, error), f"{type(error).__name__}: {error}"))

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
            yield from () if _is_abstract(found) or _lacks_its_work(found) else (found,)


def _is_abstract(plugin: type) -> bool:
    """Also without the metaclass that would refuse to make one."""
    return any(getattr(getattr(plugin, name, None), "__isabstractmethod__", False) for name in dir(plugin))


def _lacks_its_work(plugin: type) -> bool:
    """A base for others: it leaves the method that does the work as the contract's base has it."""
    for kind, method in ((Processor, "process"), (PipelineProcesser, "execute"), (PipelineRouter, "get_next")):
        if issubclass(plugin, kind):
            return inspect.getattr_static(plugin, method) is inspect.getattr_static(kind, method)
    return False


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _give_way(folder: Path, others: Sequence[Path]) -> None:
    """A helper module of a folder loaded before does not stand in for one of the same name in this folder."""
    for file in folder.glob("*.py"):
        loaded = getattr(sys.modules.get(file.stem), "__file__", None)
        if loaded and Path(loaded).parent in others:
            del sys.modules[file.stem]
    for other in map(str, others):
        if other in sys.path:
            sys.path.remove(other)
            sys.path.append(other)


def _where(place: str, error: BaseException) -> str:
    """With the last line of the file itself that was reached; for a package, with the last file and line."""
    if isinstance(error, SyntaxError) and error.filename == place:
        return f"{place}:{error.lineno or 0}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_file()]
    if lines := [frame.lineno for frame in frames if frame.filename == place]:
        return f"{place}:{lines[-1]}"
    if place.startswith(PACKAGE) and frames[-1].filename != __file__:
        return f"{place} ({frames[-1].filename}:{frames[-1].lineno})"
    return place
