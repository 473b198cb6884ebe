"""What a plug-in is, in the contract's form and in the typed one, and the registry that knows them by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from PIL import Image

from search_by_image.errors import PluginError, UnknownNameError
from search_by_image.images import ImageLimits
from search_by_image.models.runtime import RuntimeSettings
from search_by_image.vectors.base import Metric, Vector

Context = MutableMapping[str, Any]
T = TypeVar("T")


class PipelineProcesser:
    """A processor in the contract's form: a class that is never instantiated."""

    para: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def initialize(cls) -> None:
        """Called once, when the processor is loaded."""

    @classmethod
    def processer_name(cls) -> str:
        raise NotImplementedError

    @classmethod
    def is_asyn(cls) -> bool:
        return False

    @classmethod
    def execute(cls, input_data: Any, context: Context, pipeline_obj: Any) -> Any:
        raise NotImplementedError


class PipelineRouter:
    """A router in the contract's form: answers with the id of the node that comes next, None for the end."""

    para: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def initialize(cls) -> None:
        """Called once, when the router is loaded."""

    @classmethod
    def router_name(cls) -> str:
        raise NotImplementedError

    @classmethod
    def get_next(cls, output: Any, context: Context, pipeline_obj: Any, **kwargs: Any) -> str | None:
        raise NotImplementedError


PipelineProcessor = PipelineProcesser


@dataclass(frozen=True, slots=True)
class Features:
    """What a processor found: a vector, shape (dimension,), and its collection ('' leaves it as it is)."""

    vector: Vector
    collection: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Host:
    """What the service offers to a processor."""

    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    limits: ImageLimits = field(default_factory=ImageLimits)


class Processor:
    """A processor in the typed form: made once from its settings, then called from many threads.

    `image_size`: the pixels a side that `process` shrinks to, so that larger pictures are decoded faster; None: all.
    `dimension`: of the vectors, None when it shows only in the first one.
    """

    image_size: ClassVar[int | None] = None
    dimension: ClassVar[int | None] = None
    metric: ClassVar[Metric | None] = None

    def __init__(self, para: Mapping[str, Any], host: Host) -> None:
        self.para = para
        self.host = host

    @classmethod
    def processor_name(cls) -> str:
        return cls.__name__

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same picture would get another vector."""
        return f"{self.processor_name()} {sorted(self.para.items())}"

    def process(self, image: Image.Image, context: Context) -> Features | Image.Image:
        raise NotImplementedError


ProcessorClass = type[PipelineProcesser] | type[Processor]
RouterClass = type[PipelineRouter]


class Registry:
    """Processors and routers by name; a name is taken once."""

    def __init__(self) -> None:
        self._processors: dict[str, ProcessorClass] = {}
        self._routers: dict[str, RouterClass] = {}

    def add(self, plugin: type) -> None:
        """Raises `PluginError` when the name is taken or missing, or the class is no plug-in."""
        if issubclass(plugin, Processor):
            _take(self._processors, "processor", plugin.processor_name, plugin)
        elif issubclass(plugin, PipelineProcesser):
            _take(self._processors, "processor", plugin.processer_name, plugin)
        elif issubclass(plugin, PipelineRouter):
            _take(self._routers, "router", plugin.router_name, plugin)
        else:
            raise PluginError(f"{plugin.__name__} is neither a processor nor a router")

    def processor(self, name: str) -> ProcessorClass:
        return _find(self._processors, "processor", name)

    def router(self, name: str) -> RouterClass:
        return _find(self._routers, "router", name)

    def __iter__(self) -> Iterator[tuple[str, type]]:
        yield from sorted([*self._processors.items(), *self._routers.items()], key=lambda item: item[0])


def _take(names: dict[str, Any], kind: str, naming: Callable[[], str], plugin: type) -> None:
    name = _name(kind, naming, plugin)
    if name in names and names[name] is not plugin:
        raise PluginError(f"Two plug-ins are a {kind} named {name!r}: {_place(names[name])} and {_place(plugin)}")
    names[name] = plugin


def _name(kind: str, naming: Callable[[], str], plugin: type) -> str:
    try:
        name: object = naming()
    except NotImplementedError:
        name = None
    if not isinstance(name, str) or not name:
        raise PluginError(f"The {kind} {_place(plugin)} has no name: let {naming.__name__}() answer with one")
    return name


def _find(names: Mapping[str, T], kind: str, name: str) -> T:
    if name not in names:
        raise UnknownNameError(kind, name, names)
    return names[name]


def _place(plugin: type) -> str:
    try:
        return f"{inspect.getsourcefile(plugin)}:{inspect.getsourcelines(plugin)[1]}"
    except (OSError, TypeError):
        return f"{plugin.__module__}.{plugin.__qualname__}"
