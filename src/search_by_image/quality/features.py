"""Each picture through a pipeline, once: what was computed before is not computed again."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from search_by_image.errors import ImageError, SearchByImageError
from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits, check, read_limited
from search_by_image.locks import Gate
from search_by_image.pipeline import Pipeline
from search_by_image.quality.edits import VERSION, edited
from search_by_image.quality.feature_cache import FeatureCache
from search_by_image.quality.measures import Show
from search_by_image.vectors.base import Vector

AT_ONCE = 32
"""Pictures between two writes to disk: what is lost when the process is killed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A picture, or an edited copy of one (`edit` is the edit's name); `sha256` is that of the file."""

    file: Path
    sha256: bytes
    edit: str = ""

    @property
    def key(self) -> bytes:
        if not self.edit:
            return self.sha256
        return hashlib.sha256(self.sha256 + f"{VERSION} {self.edit}".encode()).digest()

    def read(self, limits: ImageLimits) -> bytes:
        """Raises `ImageError`, also when the file is another by now: its vector would be kept under the old one's."""
        data = read_limited(self.file, limits)
        if hashlib.sha256(data).digest() != self.sha256:
            raise ImageError("the file changed while it was measured. Run the same command again.")
        return edited(data, self.edit, limits) if self.edit else data


@dataclass(frozen=True, slots=True)
class Maker:
    """A pipeline at work; `name` stands in the cache for all that decides which vector comes out."""

    name: str
    pipeline: str
    extractor: Extractor

    def fill(self, cache: FeatureCache, sources: Sequence[Source], show: Show) -> dict[bytes, SearchByImageError]:
        """Compute and keep what the cache lacks; the errors of the pictures that have no vector, by their keys."""
        known = cache.known(self.name, (source.key for source in sources))
        missing = list({source.key: source for source in sources if source.key not in known}.values())
        failed: dict[bytes, SearchByImageError] = {}
        done = len(sources) - len(missing)
        show(done, len(sources))
        with ThreadPoolExecutor(self.extractor.gate.places, thread_name_prefix="features") as workers:
            for part in _parts(missing):
                made = list(workers.map(self._attempt, part))
                failed |= {one.key: got for one, got in zip(part, made, strict=True) if isinstance(got, Exception)}
                cache.put(
                    self.name,
                    {one.key: got for one, got in zip(part, made, strict=True) if not isinstance(got, Exception)},
                )
                done += len(part)
                show(done, len(sources))
        return failed

    def _attempt(self, source: Source) -> Vector | SearchByImageError:
        try:
            return self.extractor.extract(source.read(self.extractor.limits), self.pipeline).vector
        except SearchByImageError as error:
            return error


def maker_of(pipeline: Pipeline, limits: ImageLimits, threads: int, precision: str) -> Maker:
    extractor = Extractor({pipeline.name: pipeline}, limits, Gate(threads, threads), cached=0)
    return Maker(f"{pipeline.fingerprint} {precision}", pipeline.name, extractor)


def read_sources(
    files: Sequence[Path], limits: ImageLimits, show: Show
) -> tuple[dict[int, Source], dict[int, SearchByImageError]]:
    """By their places: the files that begin as a picture does, and the errors of the others."""
    sources: dict[int, Source] = {}
    failed: dict[int, SearchByImageError] = {}
    for place, file in enumerate(files):
        try:
            data = read_limited(file, limits)
            check(data, limits)
            sources[place] = Source(file, hashlib.sha256(data).digest())
        except SearchByImageError as error:
            failed[place] = error
        show(place + 1, len(files))
    return sources, failed


def _parts(sources: Sequence[Source]) -> Iterator[Sequence[Source]]:
    return (sources[start : start + AT_ONCE] for start in range(0, len(sources), AT_ONCE))
