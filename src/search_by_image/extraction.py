"""From a picture's bytes to its vector: the picture checked, the pipeline run, the same picture computed once."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping

from search_by_image.deadline import uncounted
from search_by_image.errors import InvalidInputError, UnknownNameError
from search_by_image.images import ImageLimits, check
from search_by_image.locks import Gate
from search_by_image.pipeline import Extracted, Pipeline
from search_by_image.regions import Box, cut
from search_by_image.timing import stage
from search_by_image.vectors.base import Vector

CacheKey = tuple[str, str, str, bytes]


class Extractor:
    """Thread-safe; `cached` is how many results are kept, `text_characters` how long a text to search by may be."""

    def __init__(
        self,
        pipelines: Mapping[str, Pipeline],
        limits: ImageLimits,
        gate: Gate,
        *,
        cached: int = 256,
        text_characters: int = 1000,
    ) -> None:
        self.pipelines = pipelines
        self.limits = limits
        self.gate = gate
        self.text_characters = text_characters
        self._cache = _RecentlyUsed(cached)

    def pipeline(self, name: str) -> Pipeline:
        if name not in self.pipelines:
            raise UnknownNameError("pipeline", name, self.pipelines)
        return self.pipelines[name]

    def extract(self, image: bytes, pipeline: str, collection: str = "") -> Extracted:
        """By the pipeline of that name as it is configured. Raises `UnknownNameError`, and what `extract_by` raises."""
        return self.extract_by(image, self.pipeline(pipeline), collection)

    def extract_by(self, image: bytes, steps: Pipeline, collection: str = "") -> Extracted:
        """Raises `ImageError`, `PipelineError`, and `OverloadedError` when the queue is full."""
        check(image, self.limits)
        key = (steps.name, steps.fingerprint, collection, hashlib.sha256(image).digest())
        known = self._cache.get(key)
        if known is not None:
            return known
        with uncounted(), self.gate.enter(), stage("inference"):
            made = steps.extract(image, collection)
        self._cache.put(key, made)
        return made

    def embed_text(self, text: str, steps: Pipeline) -> Vector:
        """Raises `InvalidInputError`, `NoTextSideError`, and `OverloadedError` when the queue is full."""
        if not text.strip() or len(text) > self.text_characters:
            raise InvalidInputError(
                f"The text has {len(text)} characters. Allowed: 1 to {self.text_characters} "
                "(limits/text_characters), not all of them white."
            )
        with uncounted(), self.gate.enter(), stage("inference"):
            return steps.embed_text(text)

    def part(self, image: bytes, box: Box) -> bytes:
        """That part of the picture, as a file. Raises `ImageError`, and `OverloadedError` when the queue is full."""
        check(image, self.limits)
        with uncounted(), self.gate.enter():
            return cut(image, box, self.limits)

    def check(self, pipeline: str) -> None:
        """Raises `ModelError` when a model of the pipeline does not answer."""
        self.check_all(self.pipeline(pipeline))

    def check_all(self, steps: Pipeline) -> None:
        """As `check`, of a pipeline that need not be a configured one."""
        for node in steps.nodes:
            if node.typed is not None:
                node.typed.check()

    def forget(self) -> None:
        """Compute every picture anew, as a benchmark must."""
        self._cache.clear()


class _RecentlyUsed:
    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[CacheKey, Extracted] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: CacheKey) -> Extracted | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()

    def put(self, key: CacheKey, value: Extracted) -> None:
        with self._lock:
            self._items[key] = value
            if len(self._items) > self._size:
                self._items.popitem(last=False)
