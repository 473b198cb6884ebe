"""A library of cheap pictures that is switched from one cheap model to another: what the tests of that start from."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cheap_library import Brightness, Thumbnail, picture
from search_by_image.extraction import Extractor
from search_by_image.images import ImageLimits
from search_by_image.library import Library
from search_by_image.library_options import LibraryOptions
from search_by_image.locks import Gate
from search_by_image.new_model import NewModel
from search_by_image.plugins import Features, Host, Processor, Registry
from search_by_image.records.base import Match
from search_by_image.reembedding import Reembedding
from search_by_image.switching import ModelSwitch, switches_of
from search_by_image.vectors.base import Metric
from search_by_image.workshop import Workshop

OLD, NEW = "search_by_image_images", "search_by_image_images~"
REDDISH = '{"Thumbnail": {"processor": "Reddish", "para": {"gain": "3"}}}'


class Reddish(Processor):
    """As another model of the same dimension: of opposite sign, and red counts more.

    By one model's vectors a picture is the last that is found for the other's.
    """

    image_size = 8
    dimension = 192
    metric = Metric.COSINE

    def process(self, image, context):
        if self.para.get("broken"):
            raise RuntimeError("broken")
        pixels = 127.5 - np.asarray(image.resize((8, 8), Image.Resampling.BOX), np.float32)
        pixels *= np.array([float(self.para.get("gain", 1)), 1, 1], np.float32)
        return Features(pixels.reshape(-1) / np.linalg.norm(pixels))


def workshop() -> Workshop:
    registry = Registry()
    for processor in (Thumbnail, Brightness, Reddish):
        registry.add(processor)
    return Workshop(registry, Host(), {})


def opened(records, index, **options) -> Library:
    """One worker of several, when others are opened over the same stores."""
    shop = workshop()
    return Library(records, index, extractor(shop), LibraryOptions(**options), remake=shop.remade)


def extractor(shop: Workshop) -> Extractor:
    node = '{"1": {"name": "vector", "processor": "%s"}}'
    pipelines = shop.pipelines({"Thumb": node % "Thumbnail", "Bright": node % "Brightness"})
    return Extractor(pipelines, ImageLimits(), Gate(4, 64))


def source(document) -> bytes:
    return picture(document["n"])


@dataclass
class Switching:
    """The commands, as another process gives them: over the record store alone."""

    records: object
    grace: float = 0.0
    collection: str = "images"

    @property
    def now(self):
        return switches_of(self.records)[self.collection, "Thumb"]

    def embed(self, processors=REDDISH, source=source, **options):
        shop = workshop()
        taken = extractor(shop)
        own = self.now.own
        wanted, variant = NewModel(taken.pipelines, shop.remade).wanted(own, "", processors)
        work = Reembedding(self.records, taken, source, **options)
        new = ModelSwitch(self.records).begin(own, wanted, variant, work.dimension(own, wanted), wanted.metric)
        return work.run(own, new, wanted)

    def promote(self, **options):
        return ModelSwitch(self.records, grace=self.grace).promote(self.now, **options)

    def roll_back(self):
        return ModelSwitch(self.records).roll_back(self.now)

    def finish(self, **options):
        return ModelSwitch(self.records, grace=self.grace).finish(self.now, **options)

    def abandon(self):
        return ModelSwitch(self.records, grace=self.grace).abandon(self.now)


def expected(hits) -> list[tuple[int, float]]:
    return [(hit.document["n"], round(hit.score, 4)) for hit in hits]


def everything(records):
    """What the outside sees of the pictures, but the name of the space."""
    return [replace(stored, space="") for stored in records.page(Match(), limit=10_000)]
