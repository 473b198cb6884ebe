"""What was asked for, a model by its name or processors in the place of others, as a pipeline of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from search_by_image.errors import ConfigError, InvalidInputError, ModelError, UnknownNameError
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import SpaceRecord
from search_by_image.variant import Remake, Replacement, Variant, processors_of

CHOOSING = "ImageModel"
"""The processor whose setting `model` names a model of the catalogue."""
WITH_A_MODEL = (CHOOSING, "EfficientNetLite0", "InceptionV4Vertor")


@dataclass(frozen=True, slots=True)
class NewModel:
    """`pipelines` as they are configured."""

    pipelines: Mapping[str, Pipeline]
    remake: Remake

    def wanted(self, space: SpaceRecord, model: str, processors: str) -> tuple[Pipeline, Variant | None]:
        """For the space's pictures; without a model and processors: the pipeline as it is configured now.

        Raises `UnknownNameError`, `InvalidInputError`, `ModelError`.
        """
        configured = self.pipelines.get(space.pipeline)
        if configured is None:
            raise UnknownNameError("pipeline", space.pipeline, self.pipelines)
        if not model and not processors:
            return configured, None
        replaced = processors_of(processors) if processors else self._by_name(configured, model)
        name = model or ", ".join(sorted(one.processor for one in replaced.values()))
        variant = Variant(model=name, configured=configured.fingerprint, processors=dict(replaced))
        _check_replaced(configured, replaced)
        made = self._remade(configured, variant)
        return (configured, None) if made.fingerprint == configured.fingerprint else (made, variant)

    def _by_name(self, configured: Pipeline, model: str) -> Mapping[str, Replacement]:
        found = {
            node.processor_name: node.para
            for node in configured.nodes
            if node.typed is not None and node.typed.processor_name() in WITH_A_MODEL
        }
        if len(found) != 1:
            raise InvalidInputError(
                f"Pipeline {configured.name!r} has {len(found)} processors whose model could be another by its name "
                f"({', '.join(WITH_A_MODEL)}). Say what stands in the place of which: --processors "
                '\'{"Old": {"processor": "New", "para": {}}}\'.'
            )
        ((name, para),) = found.items()
        kept = {key: para[key] for key in para if key != "processor"} if "model" in para else {}
        return {name: Replacement(processor=CHOOSING, para={**kept, "model": model})}

    def _remade(self, configured: Pipeline, variant: Variant) -> Pipeline:
        try:
            return self.remake(configured, variant)
        except ConfigError as error:
            raise ModelError(f"The model {variant.model!r} cannot be used: {error}") from error


def _check_replaced(configured: Pipeline, replaced: Mapping[str, Replacement]) -> None:
    known = {node.processor_name for node in configured.nodes}
    for name in replaced:
        if name not in known:
            raise UnknownNameError("processor of this pipeline", name, known)
