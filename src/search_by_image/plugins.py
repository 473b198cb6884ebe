"""What a plug-in is, in the contract's form and in the typed ones, and the registry that knows them by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeVar, overload

from PIL import Image

from search_by_image.errors import NoTextSideError, PluginError, UnknownNameError
from search_by_image.processing import Context, Features, Host, Subject
from search_by_image.vectors.base import Metric, Vector

__all__ = [
    "Context",
    "Features",
    "Host",
    "PipelineProcesser",
    "PipelineProcessor",
    "PipelineRouter",
    "Plugin",
    "Processor",
    "ProcessorClass",
    "Registry",
    "RouterClass",
    "Subject",
    "place",
    "processor",
]
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
    def get_next(cls, output: Any, context: Context, pipeline_obj: Any, *args: Any, **kwargs: Any) -> str | None:
        raise NotImplementedError


PipelineProcessor = PipelineProcesser


class Processor:
    """A processor in the typed form: made once from its settings, then called from many threads.

    `image_size`: the pixels a side that `process` shrinks to, so that larger pictures are decoded faster; None: all.
    `dimension`: of the vectors, None when it shows only in the first one. `takes_text`: whether `embed_text` answers.
    """

    image_size: int | None = None
    dimension: int | None = None
    metric: Metric | None = None
    takes_text: bool = False

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

    def process(self, image: Image.Image, context: Context) -> Features | Subject | Image.Image:
        raise NotImplementedError

    def embed_text(self, text: str) -> Vector:  # noqa: ARG002 - for those that take it
        """The text's vector, shape (dimension,), in the space of the pictures' vectors."""
        raise NoTextSideError(self.processor_name())

    def check(self) -> None:
        """Raises an error of ours when it could not process a picture now; `/readyz` asks every few seconds."""


Plugin = Callable[..., Any]


@overload
def processor(plugin: Plugin, /) -> type[Processor]: ...


@overload
def processor(
    *,
    name: str | None = None,
    dimension: int | None = None,
    metric: Metric | None = None,
    image_size: int | None = None,
) -> Callable[[Plugin], type[Processor]]: ...


def processor(
    plugin: Plugin | None = None,
    /,
    *,
    name: str | None = None,
    dimension: int | None = None,
    metric: Metric | None = None,
    image_size: int | None = None,
) -> type[Processor] | Callable[[Plugin], type[Processor]]:
    """Make a processor of a function `f(image, context)` or of a class with `process(image, context)`.

    `name` is the function's or the class's own unless given; the rest is as in `Processor`. A class is made once, with
    (), (para) or (para, host), whichever its `__init__` takes. What was marked stays reachable as `__wrapped__`.
    Raises `PluginError` for anything else.
    """
    facts = _facts(dimension=dimension, metric=metric, image_size=image_size)

    def mark(plugin: Plugin) -> type[Processor]:
        return _marked(plugin, name, facts)

    return mark if plugin is None else mark(plugin)


def _facts(**given: Any) -> dict[str, Any]:
    for key in ("dimension", "image_size"):
        value = given[key]
        if value is not None and (not isinstance(value, int) or value < 1):
            raise PluginError(f"@processor({key}={value!r}): give a whole number from 1")
    if given["metric"] is not None and not isinstance(given["metric"], Metric):
        raise PluginError(f"@processor(metric={given['metric']!r}): give Metric.{', Metric.'.join(Metric)}")
    return {key: value for key, value in given.items() if value is not None}


def _marked(plugin: Plugin, name: str | None, facts: Mapping[str, Any]) -> type[Processor]:
    if inspect.isclass(plugin):
        bases, body = _of_class(plugin)
    else:
        bases, body = (Processor,), _of_function(plugin)
    called = getattr(plugin, "__name__", "") if name is None else name
    if not isinstance(called, str) or not called or called == "<lambda>":
        raise PluginError(f"The processor {place(plugin)} has no name: give one, @processor(name=...)")
    body |= {key: getattr(plugin, key) for key in ("__module__", "__qualname__", "__doc__")}
    body |= {"__wrapped__": plugin if inspect.isclass(plugin) else staticmethod(plugin), **facts}
    if name is not None or not issubclass(bases[0], Processor):
        body["processor_name"] = classmethod(lambda _cls: called)
    return type(called, bases, body)


def _of_function(function: Plugin) -> dict[str, Any]:
    if not inspect.isfunction(function):
        raise PluginError(f"@processor marks a function or a class, not {function!r}")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise PluginError(f"The processor {place(function)} must answer at once: neither 'async def' nor 'yield'")
    try:
        inspect.signature(function).bind(None, {})
    except TypeError as error:
        raise PluginError(f"The processor {place(function)} must take (image, context): {error}") from error
    return {"process": lambda _self, image, context: function(image, context)}


def _of_class(plugin: type) -> tuple[tuple[type, ...], dict[str, Any]]:
    if issubclass(plugin, PipelineProcesser | PipelineRouter):
        raise PluginError(f"{place(plugin)} is a plug-in already, in the contract's form: leave @processor out")
    if not callable(getattr(plugin, "process", None)):
        raise PluginError(f"The processor {place(plugin)} has no method process(image, context)")
    if issubclass(plugin, Processor):
        return (plugin,), {}
    made_by: Callable[..., None] = getattr(plugin, "__init__")  # noqa: B009 - mypy takes the attribute for an instance's
    return (plugin, Processor), {} if made_by is object.__init__ else {"__init__": _making(plugin, made_by)}


def _making(plugin: type, initialize: Callable[..., None]) -> Callable[..., None]:
    given = _how_many(initialize, place(plugin))

    def make(self: Processor, para: Mapping[str, Any], host: Host) -> None:
        Processor.__init__(self, para, host)
        initialize(self, *(para, host)[:given])

    return make


def _how_many(initialize: Callable[..., None], where: str) -> int:
    signature = inspect.signature(initialize)
    for given in (2, 1, 0):
        with suppress(TypeError):
            signature.bind(None, *(None, None)[:given])
            return given
    raise PluginError(f"The processor {where} must be made from (), (para) or (para, host), not {signature}")


ProcessorClass = type[PipelineProcesser] | type[Processor]
RouterClass = type[PipelineRouter]


class Registry:
    """Processors and routers by name; a name is taken once."""

    def __init__(self) -> None:
        self._processors: dict[str, ProcessorClass] = {}
        self._routers: dict[str, RouterClass] = {}

    def add(self, plugin: type) -> None:
        """Raises `PluginError` when the name is taken or missing, or the class is no plug-in."""
        if not inspect.isclass(plugin):
            raise PluginError(f"{plugin!r} is neither a processor nor a router; mark a function by @processor")
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

    def get(self, kind: str, name: str) -> type | None:
        """By the contract's kinds, 'processer' and 'router' ('processor' as well); None for an unknown name."""
        if kind in {"processer", "processor"}:
            return self._processors.get(name)
        if kind == "router":
            return self._routers.get(name)
        raise UnknownNameError("kind of plug-in", kind, ("processer", "router"))

    def __iter__(self) -> Iterator[tuple[str, type]]:
        yield from sorted([*self._processors.items(), *self._routers.items()], key=lambda item: item[0])


def _take(names: dict[str, Any], kind: str, naming: Callable[[], str], plugin: type) -> None:
    name = _name(kind, naming, plugin)
    if name in names and names[name] is not plugin:
        raise PluginError(f"Two plug-ins are a {kind} named {name!r}: {place(names[name])} and {place(plugin)}")
    names[name] = plugin


def _name(kind: str, naming: Callable[[], str], plugin: type) -> str:
    try:
        name: object = naming()
    except NotImplementedError:
        name = None
    if not isinstance(name, str) or not name:
        raise PluginError(f"The {kind} {place(plugin)} has no name: let {naming.__name__}() answer with one")
    return name


def _find(names: Mapping[str, T], kind: str, name: str) -> T:
    if name not in names:
        raise UnknownNameError(kind, name, names)
    return names[name]


def place(plugin: Any) -> str:
    """`FILE:LINE` of its source, or its full name where there is none."""
    try:
        return f"{inspect.getsourcefile(plugin)}:{inspect.getsourcelines(plugin)[1]}"
    except (OSError, TypeError):
        return f"{plugin.__module__}.{plugin.__qualname__}"
