"""Small pictures, cheap pipelines, and a library on temporary stores: what many tests start from."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits
from search_by_image.library import Library
from search_by_image.library_options import LibraryOptions
from search_by_image.locks import Gate
from search_by_image.pipeline import Pipeline
from search_by_image.plugins import Features, Host, Processor, Registry
from search_by_image.records.base import RecordStore
from search_by_image.records.sql import SqlRecordStore
from search_by_image.vectors.base import Metric, VectorIndex
from search_by_image.vectors.embedded import EmbeddedIndex, EmbeddedSettings
from search_by_image.workshop import Workshop


class Thumbnail(Processor):
    """The picture shrunk to 8 x 8 RGB, normalised: cheap, and near for pictures that look alike."""

    image_size = 8
    dimension = 192
    metric = Metric.COSINE

    def process(self, image, context):
        pixels = np.asarray(image.resize((8, 8), Image.Resampling.BOX), np.float32).reshape(-1) - 127.5
        return Features(pixels / np.linalg.norm(pixels), self.para.get("collection", ""))


class Brightness(Processor):
    """The mean of each channel: three dimensions, Euclidean."""

    dimension = 3
    metric = Metric.L2

    def process(self, image, context):
        return Features(np.asarray(image, np.float32).mean((0, 1)) / 255)


def picture(seed: int, size: tuple[int, int] = (32, 32), file_format: str = "PNG") -> bytes:
    """A picture of random coarse blocks: different seeds look different, the same seed is the same bytes."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).save(buffer, file_format)
    return buffer.getvalue()


def cheap_pipelines() -> dict[str, Pipeline]:
    registry = Registry()
    registry.add(Thumbnail)
    registry.add(Brightness)
    node = '{"1": {"name": "vector", "processor": "%s"}}'
    return Workshop(registry, Host(), {}).pipelines({"Thumb": node % "Thumbnail", "Bright": node % "Brightness"})


def open_library(folder: Path, *, snapshot_every: int = 10_000, **options: object) -> Library:
    """A library with the cheap pipelines on embedded stores in the folder."""
    index = EmbeddedIndex(EmbeddedSettings(path=folder / "vectors", snapshot_every=snapshot_every))
    records = SqlRecordStore(f"sqlite:///{folder / 'records.db'}")
    return library_over(records, index, **options)


def library_over(records: RecordStore, index: VectorIndex, **options: object) -> Library:
    """One worker of several, when others are opened over the same stores."""
    extractor = Extractor(cheap_pipelines(), ImageLimits(), Gate(4, 64))
    return Library(records, index, extractor, LibraryOptions(**options))
