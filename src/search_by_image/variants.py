"""The pipelines that made the vectors of spaces: as configured, or with another model since a switch."""

import io
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from PIL import Image

from search_by_image.errors import (
    ConfigError,
    ModelError,
    OverloadedError,
    PipelineError,
    SearchByImageError,
    VectorMismatchError,
)
from search_by_image.extraction import Extractor
from search_by_image.pipeline import Pipeline
from search_by_image.records.base import SpaceRecord
from search_by_image.variant import Remake, Variant

logger = logging.getLogger(__name__)


def never(_pipeline: Pipeline, _variant: Variant) -> Pipeline:
    raise ModelError("Here no pipeline can be made. Open the library by its settings.")


class Variants:
    """Thread-safe. A variant is made when it is first needed, and kept."""

    def __init__(self, extractor: Extractor, remake: Remake = never) -> None:
        self._extractor = extractor
        self._remake = remake
        self._made: dict[tuple[str, str], Pipeline] = {}
        self._warm: set[tuple[str, str]] = set()
        self._told: dict[str, str] = {}
        self._making: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def of(self, space: SpaceRecord) -> Pipeline:
        """The pipeline that makes vectors for the space.

        Raises `VectorMismatchError` when it is configured otherwise now, `ModelError` when it cannot be made here.
        """
        configured = self._extractor.pipeline(space.pipeline)
        if configured.fingerprint == space.fingerprint:
            return configured
        variant = Variant.of(space)
        if variant is None or variant.configured != configured.fingerprint:
            raise mismatch(space)
        made = self.make(configured, variant)
        if made.fingerprint != space.fingerprint:
            raise mismatch(space)
        return made

    def make(self, configured: Pipeline, variant: Variant) -> Pipeline:
        """Once for all who want the same; a model that loads holds up nobody else. Raises `ModelError`."""
        key = (configured.name, variant.model_dump_json())
        with self._lock:
            making = self._making[key]
        with making:
            if key not in self._made:
                self._made[key] = self._remade(configured, variant)
            return self._made[key]

    def is_warm(self, space: SpaceRecord) -> bool:
        """Whether the space's pipeline answers at once: it is the configured one, or has been tried."""
        configured = self._extractor.pipelines.get(space.pipeline)
        known = configured is not None and configured.fingerprint == space.fingerprint
        return known or (space.pipeline, space.fingerprint) in self._warm

    def is_broken(self, space: SpaceRecord) -> bool:
        """Whether it failed when it was tried last."""
        return space.name in self._told

    def warm(self, spaces: Iterable[SpaceRecord]) -> None:
        """Make and try those that are not warm; one that fails is told once in the log, and tried again next time."""
        for space in spaces:
            if space.variant is not None and space.pipeline in self._extractor.pipelines and not self.is_warm(space):
                self._try(space)

    def _try(self, space: SpaceRecord) -> None:
        try:
            _try_out(self._extractor, self.of(space))
        except OverloadedError as error:
            logger.debug("the new model of collection %r is tried later: %s", space.collection, error)
        except SearchByImageError as error:
            if self._told.get(space.name) != str(error):
                self._told[space.name] = str(error)
                logger.warning("The new model of collection %r does not work here: %s", space.collection, error)
        else:
            self._warm.add((space.pipeline, space.fingerprint))
            self._told.pop(space.name, None)

    def _remade(self, configured: Pipeline, variant: Variant) -> Pipeline:
        try:
            return self._remake(configured, variant)
        except ConfigError as error:
            raise ModelError(
                f"Pipeline {configured.name!r} cannot be made with the model {variant.model!r} here: {error}"
            ) from error


def mismatch(space: SpaceRecord) -> VectorMismatchError:
    return VectorMismatchError(
        f"The vectors of collection {space.collection!r} were made by another version of pipeline "
        f"{space.pipeline!r} (its model, processors or settings changed) and cannot be compared with new ones. "
        "Restore the pipeline; end the switch to another model where one is under way (search-by-image switch finish); "
        "then search-by-image reindex --model NAME, or --as-configured with the new settings, gives the pictures other "
        "vectors while searches go on. Or give the changed pipeline a new name, or import the collection again."
    )


def _try_out(extractor: Extractor, pipeline: Pipeline) -> None:
    """A node that finds nothing in the picture has still been run."""
    extractor.check_all(pipeline)
    try:
        extractor.extract_by(_any_picture(), pipeline)
    except PipelineError as error:
        logger.debug("pipeline %r, tried with a plain picture: %s", pipeline.name, error)


def _any_picture() -> bytes:
    rows = np.linspace(0, 255, 64, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.stack(np.broadcast_arrays(rows, rows[:, np.newaxis], 128), -1).astype(np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()
