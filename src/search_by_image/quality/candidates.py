"""What is measured beside each other: configured pipelines; processors and models alone, with settings of their own."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from search_by_image.assembly import open_registry, open_workshop
from search_by_image.errors import InvalidInputError, UnknownNameError
from search_by_image.models.store import ModelStore
from search_by_image.pipeline import Pipeline
from search_by_image.plugins import PipelineProcesser, Registry
from search_by_image.processors.image_model import ImageModel
from search_by_image.settings import Settings
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Config


@dataclass(frozen=True, slots=True)
class Candidate:
    """`open` loads the models; `metric` is for a pipeline whose processors name none."""

    name: str
    open: Callable[[], Pipeline]
    metric: Metric = Metric.COSINE


@dataclass(frozen=True, slots=True)
class Wanted:
    """By their names; `processors` and `models` may have settings: NAME:key=value,key=value."""

    pipelines: Sequence[str] = ()
    processors: Sequence[str] = ()
    models: Sequence[str] = ()


def candidates(settings: Settings, wanted: Wanted) -> list[Candidate]:
    """In the order given, each once; where nothing is wanted the first configured pipeline.

    A name that is of two kinds gets the kind behind it.

    Raises `ConfigError`, `UnknownNameError`, `ModelNotInstalledError`, and `InvalidInputError` for settings that are
    none.
    """
    registry = open_registry(settings)
    names = wanted.pipelines
    if not (names or wanted.processors or wanted.models):
        names = list(settings.pipeline.pipeline_config)[:1]
    made = [
        *(("pipeline", _pipeline(settings, registry, name)) for name in names),
        *(("processor", _processor(settings, registry, text)) for text in wanted.processors),
        *(("model", _model(settings, registry, text)) for text in wanted.models),
    ]
    once = {(kind, one.name): one for kind, one in made}
    kinds = Counter(name for _, name in once)
    return [replace(one, name=f"{name} ({kind})") if kinds[name] > 1 else one for (kind, name), one in once.items()]


def _pipeline(settings: Settings, registry: Registry, name: str) -> Candidate:
    configured = settings.pipeline.pipeline_config
    if name not in configured:
        raise UnknownNameError("pipeline", name, configured)
    return _candidate(settings, registry, name, configured[name], {})


def _processor(settings: Settings, registry: Registry, text: str) -> Candidate:
    name, given = _parsed(text)
    configured = settings.pipeline.processer_para.get(name, {})
    meant = configured.get("processor")
    plugin = registry.processor(meant if isinstance(meant, str) else name)
    if given and issubclass(plugin, PipelineProcesser):
        raise InvalidInputError(
            f"{text!r}: {name} is a processor in the form of 2020, whose settings are those in "
            f"pipeline/processer_para. Leave out what follows {name}."
        )
    return _alone(settings, registry, text, name, {**configured, **given})


def _model(settings: Settings, registry: Registry, text: str) -> Candidate:
    name, given = _parsed(text)
    ModelStore(settings.models.path).get(name)
    return _alone(settings, registry, text, ImageModel.processor_name(), {"model": name, **given})


def _alone(settings: Settings, registry: Registry, text: str, name: str, para: dict[str, object]) -> Candidate:
    return _candidate(settings, registry, text, {"1": {"processor": name}}, {name: para})


def _candidate(
    settings: Settings, registry: Registry, name: str, config: Config, para: dict[str, dict[str, object]]
) -> Candidate:
    def load() -> Pipeline:
        return open_workshop(settings, registry, para).pipelines({name: config})[name]

    return Candidate(name, load, Metric(settings.milvus.metric_type))


def _parsed(text: str) -> tuple[str, dict[str, object]]:
    name, _, rest = text.partition(":")
    given = [part.partition("=") for part in rest.split(",") if part]
    if not name or any(not key or not equals for key, equals, _ in given):
        raise InvalidInputError(
            f"{text!r} is no name with settings. Give NAME, or NAME:key=value,key=value, such as "
            "PerceptualHash:hash_size=16."
        )
    return name, {key: value for key, _, value in given}
