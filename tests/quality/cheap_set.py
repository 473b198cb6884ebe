"""Small labelled pictures, and candidates over cheap processors that count what they do."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from cheap_library import Brightness, Thumbnail
from search_by_image.errors import PipelineError
from search_by_image.images import ImageLimits
from search_by_image.plugins import Host, Processor, Registry
from search_by_image.quality.candidates import Candidate
from search_by_image.quality.evaluation import Evaluator
from search_by_image.quality.feature_cache import FeatureCache
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop


def kind_of_picture(label: int, seed: int, size: tuple[int, int] = (48, 48)) -> bytes:
    """Blocks of the label's own, with noise over them: alike within a label."""
    blocks = np.random.default_rng(label).integers(40, 216, (8, 8, 3))
    noise = np.random.default_rng([label, seed]).integers(-40, 40, (8, 8, 3))
    buffer = io.BytesIO()
    Image.fromarray((blocks + noise).astype(np.uint8)).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def fill(folder: Path, *counts: int) -> Path:
    """So many pictures of each label, the labels 0, 1, ..."""
    for label, count in enumerate(counts):
        (folder / str(label)).mkdir(parents=True)
        for seed in range(count):
            (folder / str(label) / f"{seed:02}.png").write_bytes(kind_of_picture(label, seed))
    return folder


class Counting(Processor):
    """As `Thumbnail`; counts its calls, and cannot take what is nearly black."""

    metric = Metric.COSINE
    calls = 0

    def process(self, image, context):
        type(self).calls += 1
        if np.asarray(image).mean() < 5:
            raise PipelineError("too dark", pipeline="", node="")
        return Thumbnail({}, Host()).process(image, context)


def candidate(plugin: type[Processor] = Thumbnail) -> Candidate:
    registry = Registry()
    registry.add(plugin)
    name = plugin.processor_name()

    def load():
        return Workshop(registry, Host(), {}).pipelines({name: {"1": {"processor": name}}})[name]

    return Candidate(name, load)


@contextmanager
def evaluator(folder: Path, **options: object) -> Iterator[Evaluator]:
    with FeatureCache(folder) as cache:
        yield Evaluator(cache, ImageLimits(), 2, "f32", **options)


__all__ = ["Brightness", "Counting", "Thumbnail", "candidate", "evaluator", "fill", "kind_of_picture"]
